from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.answers import unfit
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.serving.inference import ServerUnavailable
from rt_gait_ros.tracking.track import TrackState

NAMED_AFTER = 20  # images: 10 for the first look, 5 for each of two more


@pytest.mark.parametrize(
    ("angle", "reason"),
    [
        (20, ""),
        (35, "is like nobody who is enrolled: the nearest is Ada, at a distance of 0.261, beyond 0.2"),
        (62, "is as near to "),
    ],
)
def test_a_settled_answer_says_why_there_is_no_name(scene, walk, angle, reason):
    answer = scene.show(walk("aaaaa", angle), images=NAMED_AFTER)["aaaaa"]
    assert reason in answer.reason
    assert (answer.reason == "") == (answer.status is IdentityStatus.IDENTIFIED)


def test_an_answer_stands_until_something_is_new(scene, walk, gallery, config):
    def now(images=1):
        return scene.show(walk("aaaaa", 20), images=images)["aaaaa"]

    first = now(NAMED_AFTER + 1)  # a name that is given is easier to keep, which the next image tells
    assert now() is first
    assert now(5) is not first, "there was another look"
    scene.recognizer.use_config(replace(config, max_candidates=0))
    assert not now().candidates
    gallery.rename("Ada", "Augusta")
    assert now().name == "Augusta"
    scene.show(replace(walk("bbbbb", 20), former_id="aaaaa"))
    assert scene.show(walk("bbbbb", 20))["bbbbb"].body_id == "bbbbb"


def test_a_rival_says_whom_the_name_went_to(scene, walk):
    answer = scene.show(walk("aaaaa", 27), walk("bbbbb", 21), images=NAMED_AFTER)
    assert answer["aaaaa"].reason == "is near to Ada, whom another track is or may be"


def test_collecting_says_what_is_still_missing(scene, walk):
    assert scene.show(walk("aaaaa", 20), images=4)["aaaaa"].reason == "has shown 4 of 10 good walking frames"
    standing = scene.show(walk("aaaaa", 20, walking=False))["aaaaa"]
    assert standing.reason == "has shown 4 of 10 good walking frames, and now does not walk"
    assert scene.show(walk("aaaaa", 20), images=8)["aaaaa"].reason == "was looked at 1 of 3 times"


def test_an_outage_is_the_reason_once_names_are_withdrawn(scene, client, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    client.error = ServerUnavailable("nobody listens")
    assert scene.show(walk("aaaaa", 20), images=70)["aaaaa"].reason == "nobody listens"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"state": TrackState.OCCLUDED, "frame": False}, "is not to be seen"),
        ({"frame": False}, "is cut off, hidden, or too small"),
        ({"walking": False}, "does not walk"),
        ({"quality": 0.25}, "is seen too poorly (0.25 of 0.50)"),
        ({"quality": np.nan}, "is seen too poorly (nan of 0.50)"),
    ],
)
def test_an_image_that_says_nothing_of_gait_says_why(walk, changes, reason):
    assert unfit(walk("aaaaa", 20, **changes), 0.5, "") == reason


def test_an_image_without_time_to_look_at_somebody_changes_nothing_of_what_the_one_before_said(scene, walk):
    nothing_seen = np.tile(np.array([np.nan, np.nan, 0.0], np.float32), (18, 1))  # as pose.reported_pose says it
    passed_over = replace(walk("aaaaa", 20, frame=False, quality=0.0), keypoints=nothing_seen)
    for before in ("", "does not walk"):
        assert unfit(passed_over, 0.5, before) == before
    scene.show(walk("aaaaa", 20), images=4)
    assert scene.show(passed_over)["aaaaa"].reason == "has shown 4 of 10 good walking frames"
