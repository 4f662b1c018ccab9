import os
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.enrollment import EnrollError
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import DAY
from rt_gait_ros.gallery.person import GalleryReadOnly
from rt_gait_ros.serving.inference import ServerUnavailable
from rt_gait_ros.tracking.track import TrackState


@pytest.fixture
def clock(scene, client, gallery, config):
    """Seconds that a test sets: clock[0]."""
    now = [0.0]
    scene.recognizer = GaitRecognizer(client, gallery, config, clock=lambda: now[0])
    return now


def test_a_walk_is_stored_and_recognised_at_once(scene, gallery, walk):
    scene.show(walk("aaaaa", 120), images=20)
    scene.recognizer.enroll("aaaaa", "Dan", frames=20).fail(EnrollError.EMBEDDING, "cancelled")  # has had those frames
    scene.recognizer.tick()
    enrollment = scene.recognizer.enroll("aaaaa", "Dan", frames=25)
    scene.show(walk("aaaaa", 120, quality=0.8), images=24)
    assert (enrollment.gathered, enrollment.wanted, enrollment.done) == (24, 25, False)
    answer = scene.show(walk("aaaaa", 120, quality=0.8), images=2)
    assert enrollment.done
    assert (enrollment.error, enrollment.message, enrollment.embeddings) == (EnrollError.NONE, "", 2)
    assert enrollment.quality == pytest.approx(0.8)
    assert answer["aaaaa"].person_id == enrollment.person_id
    person = gallery.find("Dan")
    assert [len(template.frames) for template in person.templates] == [13, 12]
    assert np.all(np.asarray(person.templates[0].frames) == 120)


def test_without_a_body_the_only_confirmed_track_is_taken(scene, walk):
    tentative = walk("bbbbb", 80, state=TrackState.TENTATIVE)
    scene.show(walk("aaaaa", 120), tentative)
    assert scene.recognizer.enroll("", "Dan").body_id == "aaaaa"


def test_without_a_body_and_with_nobody_there_the_next_walker_is_waited_for(scene, walk, gallery):
    enrollment = scene.recognizer.enroll("", "Dan", frames=20)
    scene.show(images=5)
    scene.show(walk("aaaaa", 120, walking=False), images=5)
    assert (enrollment.done, enrollment.body_id) == (False, "")
    scene.show(walk("aaaaa", 120, walking=False), walk("bbbbb", 140), images=22)
    assert (enrollment.body_id, enrollment.message, enrollment.done) == ("bbbbb", "", True)
    assert gallery.find("Dan").person_id == enrollment.person_id


def test_of_two_who_walk_and_are_looked_at_in_turn_neither_is_the_only_one(scene, walk):
    both = walk("aaaaa", 120), walk("bbbbb", 140)
    scene.show(*both, images=5)
    enrollment = scene.recognizer.enroll("", "Dan")
    unseen = [replace(w, gait_frame=None, quality=0.0, keypoints=np.full((18, 3), np.nan, np.float32)) for w in both]
    for _ in range(5):
        scene.show(both[0], unseen[1])
        scene.show(unseen[0], both[1])
    assert (enrollment.done, enrollment.body_id) == (False, "")


def test_of_several_who_walk_the_one_who_came_since_is_the_next(scene, walk):
    both = walk("aaaaa", 120), walk("bbbbb", 140)
    scene.show(*both, images=5)
    enrollment = scene.recognizer.enroll("", "Dan")
    scene.show(*both, images=5)
    scene.show(*both, walk("ccccc", 100), walk("ddddd", 100), images=5)
    assert enrollment.body_id == ""  # two have come at once: nobody can tell which is meant
    scene.show(*both, walk("ccccc", 100))
    assert enrollment.body_id == "ccccc"


def test_who_is_named_as_somebody_else_is_not_the_next_walker(scene, walk):
    scene.show(walk("aaaaa", 20), walk("bbbbb", 120, walking=False), images=30)
    enrollment = scene.recognizer.enroll("", "Dan")
    scene.show(walk("aaaaa", 20), walk("bbbbb", 120, walking=False), images=5)
    assert enrollment.body_id == ""
    scene.show(walk("aaaaa", 20), walk("bbbbb", 120))
    assert enrollment.body_id == "bbbbb"
    more = scene.recognizer.enroll("", "Ada", extend=True)
    scene.show(walk("aaaaa", 20), walk("bbbbb", 120))
    assert more.body_id == "aaaaa"


def test_nobody_who_walks_by_is_said(scene, clock, walk):
    both = walk("aaaaa", 120), walk("bbbbb", 140)
    scene.show(*both)
    enrollment = scene.recognizer.enroll("", "Dan", timeout=5.0)
    clock[0] = 5.1
    scene.show(*both)
    assert enrollment.error == EnrollError.TIMEOUT
    assert "nobody walked by alone in time" in enrollment.message


def test_frames_seen_before_count_once(scene, walk, gallery):
    scene.show(walk("aaaaa", 120), images=70)
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    assert enrollment.gathered == 60
    scene.recognizer.tick()
    scene.recognizer.tick()
    assert (enrollment.done, enrollment.message) == (True, "")
    more = scene.recognizer.enroll("aaaaa", "Dan", extend=True)
    assert more.gathered == 0  # or the same walk would be stored again
    scene.show(walk("aaaaa", 120), images=3)
    assert more.gathered == 3


def test_a_track_that_has_just_left_can_be_enrolled_for_a_while(scene, clock, walk, gallery):
    scene.show(walk("aaaaa", 120), walk("bbbbb", 140), images=30)
    scene.show(walk("ccccc", 80), images=3)
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    scene.recognizer.tick()
    scene.recognizer.tick()
    assert (enrollment.message, enrollment.wanted) == ("", 30)  # what there was of it
    assert gallery.find("Dan")
    assert "just gone are bbbbb" in scene.recognizer.enroll("aaaaa", "Eve").message
    few = scene.recognizer.enroll("bbbbb", "Eve", frames=40)
    assert (few.error, few.gathered) == (EnrollError.TRACK_LOST, 30)  # more was asked for
    scene.show()
    clock[0] = 31.0
    assert scene.recognizer.enroll("ccccc", "Eve").error == EnrollError.UNKNOWN_BODY


def test_frames_from_before_a_doubt_are_not_enrolled(scene, walk):
    scene.show(walk("aaaaa", 120), images=30)
    scene.show(walk("aaaaa", 120, state=TrackState.OCCLUDED, frame=False), images=30)  # 1.2 s
    scene.show(walk("aaaaa", 120), images=2)
    assert scene.recognizer.enroll("aaaaa", "Dan").gathered == 2


def test_frames_go_with_a_track_that_gets_another_id(scene, walk):
    scene.show(walk("bbbbb", 120), images=30)
    scene.show(walk("aaaaa", 120, former_id="bbbbb"))
    assert scene.recognizer.enroll("aaaaa", "Dan").gathered == 31


def test_two_enrolments_of_one_body_are_one_too_many(scene, walk):
    scene.show(walk("aaaaa", 120))
    first = scene.recognizer.enroll("aaaaa", "Dan")
    second = scene.recognizer.enroll("aaaaa", "Eve")
    assert (second.error, first.done) == (EnrollError.BUSY, False)
    assert "aaaaa is being enrolled already" in second.message
    waiting = scene.recognizer.enroll("", "Eve")
    scene.show(walk("aaaaa", 120), images=2)
    assert waiting.body_id == ""  # the only one in view is taken
    assert scene.recognizer.enroll("", "Fay").error == EnrollError.BUSY
    waiting.fail(EnrollError.EMBEDDING, "cancelled")
    first.fail(EnrollError.EMBEDDING, "cancelled")
    assert scene.recognizer.enroll("aaaaa", "Eve").error == EnrollError.NONE


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"body_id": "zzzzz", "name": "Dan"}, EnrollError.UNKNOWN_BODY),
        ({"body_id": "aaaaa", "name": "ada"}, EnrollError.DUPLICATE_NAME),
        ({"body_id": "aaaaa", "name": "  "}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": 65 * "x"}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": "Dan\x1b[2J"}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": "Dan", "timeout": -1.0}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": "Dan", "frames": 2**32 - 1}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": "Dan", "timeout": float("nan")}, EnrollError.BAD_REQUEST),
    ],
)
def test_a_bad_request_is_refused_at_once(scene, gallery, walk, request_, error):
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll(**request_)
    assert enrollment.done
    assert enrollment.error == error
    assert enrollment.message
    scene.show(walk("aaaaa", 120), images=100)
    assert len(gallery.persons) == 3


def test_extending_adds_to_the_person(scene, gallery, walk):
    scene.show(walk("aaaaa", 30))
    enrollment = scene.recognizer.enroll("aaaaa", "ada", extend=True, frames=10)
    scene.show(walk("aaaaa", 30), images=12)
    assert enrollment.person_id == gallery.find("Ada").person_id
    assert len(gallery.find("Ada").templates) == 2


def test_a_person_who_stands_still_is_not_enrolled(scene, clock, walk):
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll("aaaaa", "Dan", timeout=5.0)
    scene.show(walk("aaaaa", 120, walking=False), images=100)
    clock[0] = 5.1
    scene.recognizer.tick()  # no image need come
    assert enrollment.error == EnrollError.TIMEOUT
    assert "1 of 60" in enrollment.message


def test_a_person_who_leaves_too_soon_is_not_enrolled(scene, walk):
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    scene.show(walk("aaaaa", 120), images=8)
    scene.show()
    assert (enrollment.error, enrollment.gathered) == (EnrollError.TRACK_LOST, 9)
    scene.show(walk("bbbbb", 120))
    asked = scene.recognizer.enroll("bbbbb", "Dan", frames=60)
    scene.show(walk("bbbbb", 120), images=58)
    scene.show()
    assert (asked.error, asked.gathered) == (EnrollError.TRACK_LOST, 59)  # as many as that were asked for


def test_a_person_who_leaves_after_enough_frames_is_enrolled(scene, client, walk, gallery):
    scene.show(walk("aaaaa", 120))
    client.hold = True
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    scene.show(walk("aaaaa", 120), images=60)
    scene.show()
    client.release()
    scene.recognizer.tick()
    assert enrollment.error == EnrollError.NONE
    assert gallery.find("Dan")


def test_a_network_that_is_away_is_said(scene, client, walk):
    scene.show(walk("aaaaa", 120))
    client.error = ServerUnavailable("nobody listens")
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    scene.show(walk("aaaaa", 120), images=62)
    assert (enrollment.error, enrollment.message) == (EnrollError.EMBEDDING, "nobody listens")


def test_a_gallery_that_cannot_be_written_is_said(scene, gallery, walk):
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    whole = gallery.path.read_bytes()
    gallery.path.write_bytes(whole[:-1])
    scene.show(walk("aaaaa", 120), images=62)
    assert enrollment.error == EnrollError.GALLERY
    assert gallery.path.read_bytes() == whole[:-1]
    assert os.fspath(gallery.path) in enrollment.message


def test_a_cancelled_enrolment_stores_nothing(scene, gallery, walk):
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    enrollment.fail(EnrollError.TRACK_LOST, "cancelled")
    scene.show(walk("aaaaa", 120), images=100)
    assert len(gallery.persons) == 3


def test_a_gallery_that_may_only_be_read_is_said_before_anybody_walks_for_it(scene, gallery, walk, monkeypatch):
    def refuse():
        raise GalleryReadOnly("gallery people cannot be changed by this user")

    monkeypatch.setattr(gallery, "require_writable", refuse)
    assert scene.show(walk("aaaaa", 20), images=20)["aaaaa"].name == "Ada"
    enrollment = scene.recognizer.enroll("aaaaa", "Eve")
    assert (enrollment.done, enrollment.error) == (True, EnrollError.GALLERY)
    assert "cannot be changed" in enrollment.message


def test_what_is_stored_beside_embeddings_is_by_choice(client, gallery, config, walk, watch):
    kept = replace(config, keep_gait_frames=False, consent="signed", retention_days=1.0)
    scene = watch(GaitRecognizer(client, gallery, kept))
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll("aaaaa", "Dan", frames=10)
    scene.show(walk("aaaaa", 120), images=15)
    assert enrollment.message == ""
    person = gallery.find("Dan")
    assert (person.consent, person.expires - person.enrolled) == ("signed", DAY)
    assert [template.frames for template in person.templates] == [None]
