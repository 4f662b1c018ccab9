import os
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.enrollment import EnrollError
from rt_gait_ros.gait.gallery import DAY
from rt_gait_ros.gait.person import GalleryReadOnly
from rt_gait_ros.gait.recognizer import GaitRecognizer
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
    scene.show(walk("aaaaa", 120), walk("bbbbb", 80))
    assert scene.recognizer.enroll("", "Dan").error == EnrollError.UNKNOWN_BODY


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"body_id": "zzzzz", "name": "Dan"}, EnrollError.UNKNOWN_BODY),
        ({"body_id": "aaaaa", "name": "ada"}, EnrollError.DUPLICATE_NAME),
        ({"body_id": "aaaaa", "name": "  "}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": 65 * "x"}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": "Dan\x1b[2J"}, EnrollError.BAD_REQUEST),
        ({"body_id": "aaaaa", "name": "Dan", "timeout": -1.0}, EnrollError.BAD_REQUEST),
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
    assert "0 of 60" in enrollment.message


def test_a_person_who_leaves_too_soon_is_not_enrolled(scene, walk):
    scene.show(walk("aaaaa", 120))
    enrollment = scene.recognizer.enroll("aaaaa", "Dan")
    scene.show(walk("aaaaa", 120), images=59)
    scene.show()
    assert enrollment.error == EnrollError.TRACK_LOST


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
