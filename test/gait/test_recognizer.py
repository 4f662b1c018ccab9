import math
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.gallery import Gallery, GalleryModelMismatch
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.serving.inference import DeadlineExceeded, ModelMismatch, ServerUnavailable, TensorSpec
from rt_gait_ros.tracking.track import TrackState

COLLECTING, UNKNOWN, IDENTIFIED, AMBIGUOUS = IdentityStatus
NAMED_AFTER = 20  # images: 10 for the first look, 5 for each of two more


@pytest.mark.parametrize(
    ("angle", "status", "name"),
    [
        (20, IDENTIFIED, "Ada"),
        (28, IDENTIFIED, "Ada"),  # 0.14 away
        (35, UNKNOWN, ""),  # 0.26 away from Ada, 0.43 from Bob
        (62, AMBIGUOUS, ""),  # between Bob and Cyd
        (150, UNKNOWN, ""),
    ],
)
def test_a_walker_is_named_only_near_one_person_and_clear_of_the_next(scene, walk, angle, status, name):
    assert scene.show(walk("aaaaa", angle), images=NAMED_AFTER - 1)["aaaaa"].status == COLLECTING
    identity = scene.show(walk("aaaaa", angle))["aaaaa"]
    assert (identity.status, identity.name) == (status, name)
    assert identity.frames_used == 10
    assert bool(identity.person_id) == (status == IDENTIFIED)
    assert math.isnan(identity.confidence)  # no calibration
    distances = [candidate.distance for candidate in identity.candidates]
    assert distances == sorted(distances)
    assert identity.margin == pytest.approx(distances[1] - distances[0])


@pytest.mark.parametrize(
    "changes",
    [{"walking": False}, {"quality": 0.4}, {"quality": math.nan}, {"frame": False}],
    ids=["standing", "poor", "quality unknown", "no frame"],
)
def test_frames_that_say_nothing_of_gait_are_not_used(scene, client, walk, changes):
    identity = scene.show(walk("aaaaa", 20, **changes), images=50)["aaaaa"]
    assert (identity.status, identity.frames_used, client.asked) == (COLLECTING, 0, 0)


def test_somebody_who_stops_keeps_the_name(scene, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    assert scene.show(walk("aaaaa", 20, walking=False), images=200)["aaaaa"].name == "Ada"
    assert scene.show(walk("aaaaa", 20, state=TrackState.OCCLUDED, frame=False))["aaaaa"].name == "Ada"


def test_one_person_has_one_track_and_the_nearer_one_at_that(scene, walk):
    answer = scene.show(walk("aaaaa", 27), walk("bbbbb", 21), images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].status) == ("Ada", AMBIGUOUS)


def test_who_has_the_name_keeps_it_against_a_rival_as_near(scene, walk):
    scene.show(walk("aaaaa", 22), images=NAMED_AFTER)
    answer = scene.show(walk("aaaaa", 22), walk("bbbbb", 20), images=NAMED_AFTER)
    assert (answer["aaaaa"].name, answer["bbbbb"].status) == ("Ada", AMBIGUOUS)


def test_a_person_in_view_takes_the_name_from_a_track_out_of_view(scene, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    hidden = walk("aaaaa", 20, state=TrackState.OCCLUDED, frame=False)
    answer = scene.show(hidden, walk("bbbbb", 23), images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].status) == ("Ada", AMBIGUOUS)


def test_a_track_that_passes_to_another_person_loses_the_name_and_is_reported(scene, walk):
    scene.show(walk("aaaaa", 20), images=50)
    answers = [scene.answer(walk("aaaaa", 120)) for _ in range(40)]
    assert sum(answer.contradicted == ["aaaaa"] for answer in answers) == 1
    assert answers[-1].identities[0].status == UNKNOWN
    lost = next(n for n, answer in enumerate(answers) if answer.identities[0].status != IDENTIFIED)
    assert lost <= 10  # two looks of the new walk


def test_a_name_that_stands_has_wider_lines(scene, walk):
    between = 32  # 0.209 from Ada: beyond 0.2, within 0.2 and a tenth
    assert scene.show(walk("aaaaa", between), images=40)["aaaaa"].status == UNKNOWN
    scene.show(walk("bbbbb", 20), images=NAMED_AFTER)
    assert scene.show(walk("bbbbb", between), images=60)["bbbbb"].name == "Ada"


def test_other_lines_count_at_once_for_tracks_in_view(scene, config, walk):
    assert scene.show(walk("aaaaa", 35), images=NAMED_AFTER)["aaaaa"].status == UNKNOWN  # 0.26 away
    scene.recognizer.use_config(replace(config, accept_distance=0.3))
    assert scene.show(walk("aaaaa", 35))["aaaaa"].name == "Ada"
    scene.recognizer.use_config(replace(config, min_quality=0.9))
    before = scene.show(walk("aaaaa", 35, quality=0.8))["aaaaa"]
    assert scene.show(walk("aaaaa", 35, quality=0.8), images=20)["aaaaa"].stamp == before.stamp


def test_what_embeddings_were_made_with_cannot_be_changed(scene, config):
    with pytest.raises(UsageError, match="window cannot be changed"):
        scene.recognizer.use_config(replace(config, window=12))


def test_updates_do_not_wait_for_the_network(scene, client, walk):
    client.hold = True
    assert scene.show(walk("aaaaa", 20), images=60)["aaaaa"].status == COLLECTING
    assert client.asked == 1  # and no second question before the first is answered
    client.hold = False
    client.release()
    assert scene.show(walk("aaaaa", 20), images=15)["aaaaa"].status == IDENTIFIED


def test_an_outage_withdraws_names_after_a_grace_and_is_recovered_from(scene, client, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    client.error = ServerUnavailable("nobody listens")
    assert scene.show(walk("aaaaa", 20), images=30)["aaaaa"].status == IDENTIFIED
    assert scene.recognizer.problem == "nobody listens"
    assert scene.show(walk("aaaaa", 20), images=40)["aaaaa"].status == COLLECTING
    client.error = None
    assert scene.show(walk("aaaaa", 20), images=20)["aaaaa"].status == IDENTIFIED
    assert scene.recognizer.problem == ""


@pytest.mark.parametrize("broken", [np.full((1, 1, 2), np.nan, np.float32), np.zeros((1, 3, 2), np.float32)])
def test_an_embedding_that_is_none_gives_no_name(scene, client, walk, broken):
    client.hold = True
    for _ in range(10):
        scene.show(walk("aaaaa", 20), images=5)
        for future, _frames in client.held:
            future.set_result({"embedding": broken})
        client.held = []
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == COLLECTING
    assert "angle" in scene.recognizer.problem


def test_a_lost_track_is_forgotten(scene, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    assert scene.show(walk("aaaaa", 20, state=TrackState.LOST)) == {}
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == COLLECTING


def test_changes_of_the_gallery_count_at_once(scene, gallery, walk, template):
    scene.show(walk("aaaaa", 20), walk("bbbbb", 120), images=NAMED_AFTER)
    elsewhere = Gallery(gallery.path)  # as another process would
    elsewhere.rename("Ada", "Ada L.")
    elsewhere.add("Dan", [template(120)], model="angle", gait_frame_kind="silhouette")
    answer = scene.show(walk("aaaaa", 20), walk("bbbbb", 120))
    assert (answer["aaaaa"].name, answer["bbbbb"].name) == ("Ada L.", "Dan")
    elsewhere.forget("Ada L.")
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == UNKNOWN


def test_a_gallery_that_is_damaged_under_way_is_said_and_the_known_one_used(scene, gallery, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    gallery.path.write_bytes(gallery.path.read_bytes()[:-1])
    assert scene.show(walk("aaaaa", 20))["aaaaa"].name == "Ada"
    assert "damaged" in scene.recognizer.problem


def test_with_one_person_the_margin_is_infinite_and_with_none_everybody_is_unknown(scene, gallery, walk):
    gallery.forget("Bob")
    gallery.forget("Cyd")
    assert scene.show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"].margin == math.inf
    gallery.forget("Ada")
    identity = scene.show(walk("aaaaa", 20))["aaaaa"]
    assert (identity.status, identity.candidates) == (UNKNOWN, ())
    assert math.isnan(identity.margin)


def test_the_gallery_of_another_model_is_refused_with_both_names(client, config, tmp_path, template):
    other = Gallery(tmp_path / "other")
    other.add("Ada", [template(20)], model="gaitset", gait_frame_kind="silhouette")
    with pytest.raises(GalleryModelMismatch, match="gaitset, and angle"):
        GaitRecognizer(client, other, config)


def test_the_wrong_kind_of_frames_is_said(scene, client, walk):
    for _ in range(30):
        answer = scene.answer(walk("aaaaa", 20), kind="flow")
    assert (answer.identities[0].status, client.asked) == (COLLECTING, 0)
    assert "eats silhouette frames, and flow" in scene.recognizer.problem


def test_confidence_is_the_calibrated_probability_of_the_claim(client, gallery, config, walk, scene):
    calibration = Calibration("angle", 40.0, 10.0, 0.2, 0.1, 0.01, 100, 100, "made up")
    scene.recognizer = GaitRecognizer(client, gallery, replace(config, calibration=calibration))
    answer = scene.show(walk("aaaaa", 20), walk("bbbbb", 150), walk("ccccc", 62), images=NAMED_AFTER)
    # one third of the even odds for each of three persons, and one for nobody
    genuine = math.exp(10.0) / 3
    assert answer["aaaaa"].confidence == pytest.approx(genuine / (1 + genuine), abs=1e-3)
    assert answer["bbbbb"].confidence == pytest.approx(1.0, abs=1e-3)
    assert 0.99 < answer["ccccc"].confidence <= 1.0  # surely one of the two
    assert sum(c.confidence for c in answer["ccccc"].candidates) <= 1.0 + 1e-9
    assert answer["ccccc"].candidates[0].confidence == pytest.approx(0.5, abs=0.01)


def test_a_model_that_is_no_gait_model_is_refused(client, gallery, config):
    client.spec = replace(client.spec, outputs=(TensorSpec("logits", "float32", (-1, 5)),))
    with pytest.raises(ModelMismatch, match="embedding"):
        GaitRecognizer(client, gallery, config)


def test_a_slow_network_is_a_problem_for_one_look_only(scene, client, walk):
    client.error = DeadlineExceeded("too slow")
    scene.show(walk("aaaaa", 20), images=10)
    client.error = None
    assert scene.show(walk("aaaaa", 20), images=15)["aaaaa"].status == IDENTIFIED
