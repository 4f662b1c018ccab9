"""How many who pass are named, in a scene whose people are tracked exactly where they are."""

from types import SimpleNamespace

import exact_tracks
import numpy as np
import pipeline_people as people
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.synthesis.scenes import crowd
from rt_gait_ros.tracking.track import TrackState

IMAGES, FPS = 100, exact_tracks.FPS


@pytest.fixture(scope="module")
def scene():
    return crowd("approaching", people=4, seconds=IMAGES / FPS, fps=FPS)


def recorded(scene, names, gone=()):
    """Everybody is followed from image 10 on. names: by the number of a person, names and the images they begin in.

    gone: numbers of those who are followed for a second only.
    """

    def named(person, image):
        return next((name for name, since in names.get(person, ())[::-1] if image >= since), "")

    def state(person, image):
        if image < 10:
            return None
        return TrackState.OCCLUDED if person in gone and image > 35 else TrackState.CONFIRMED

    return exact_tracks.recorded(scene, IMAGES, named, state=state)


def test_a_pass_has_its_own_name_or_none_or_a_wrong_one(scene):
    said = {1: [("1", 35)], 2: [("2", 60)], 3: [("4", 40)]}
    assert people.passes(recorded(scene, said), scene) == (50.0, pytest.approx(1.9), 25.0, 4.0)


def test_a_wrong_name_after_the_own_one_is_a_wrong_name(scene):
    said = {1: [("1", 35), ("2", 60)], 2: [("2", 60)]}
    assert people.passes(recorded(scene, said), scene) == (25.0, pytest.approx(2.4), 25.0, 4.0)


def test_who_is_in_the_picture_counts_however_long_they_were_followed(scene):
    said = {1: [("1", 35)], 2: [("3", 25)]}
    assert people.passes(recorded(scene, said, gone=(2, 3, 4)), scene) == (25.0, pytest.approx(1.4), 25.0, 4.0)


def test_without_any_name_there_is_no_time(scene):
    share, seconds, wrong, passes = people.passes(recorded(scene, {}), scene)
    assert (share, wrong, passes) == (0.0, 0.0, 4.0)
    assert np.isnan(seconds)


def test_who_is_never_wholly_in_the_picture_for_long_is_no_pass(scene):
    brief = crowd("approaching", people=2, seconds=2.0, fps=FPS)
    assert people.passes(recorded(scene, {}), brief)[3] == 0.0
    assert people.passes(recorded(scene, {}), crowd("crossing", people=2, seconds=0.2, fps=FPS))[3] == 0.0  # not yet
    coming = crowd("crossing", people=3, seconds=16.0, seed=3)
    found = 0
    for actor in coming.actors:
        for begin, since, until in people._in_picture(actor, coming, len(coming)):
            first, last = round(begin * FPS), round((begin + people.PASS) * FPS)
            across = actor.walk.keypoints[first:last, :, 0]
            assert ((across >= 0) & (across <= coming.camera.width)).all()
            assert since <= begin < begin + people.PASS <= until
            found += 1
    assert found > 1


class Walks:
    """Stands for the pipeline: whoever is enrolled has been after so many images, or never."""

    images = 3

    def __init__(self, path):
        self.gathered = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def enroll(self, body, name):
        self.enrollment = SimpleNamespace(done=False, person_id="", message="", gathered=0, wanted=self.images)
        return self.enrollment

    def process(self, frame):
        self.enrollment.gathered += 1
        if self.enrollment.gathered == self.images:
            self.enrollment.done, self.enrollment.person_id = True, "p"


@pytest.mark.parametrize(("images", "fails"), [(3, False), (1000, True)])
def test_who_could_not_be_enrolled_is_no_stranger(monkeypatch, tmp_path, images, fails):
    monkeypatch.setattr(people, "GaitPipeline", Walks)
    monkeypatch.setattr(Walks, "images", images)
    alone = crowd("approaching", people=1, seconds=0.2, fps=FPS)
    if not fails:
        assert people.known(alone, tmp_path) == tmp_path / "known.gallery"
        return
    with pytest.raises(GaitError, match="person 1 of the scene could not be enrolled: 5 of 1000 gait frames"):
        people.known(alone, tmp_path)


def test_somebody_is_enrolled_from_the_first_image_in_which_they_are(scene):
    coming = crowd("crossing", people=2, seconds=4.0)
    for actor in coming.actors:
        first = people._comes(actor, coming)
        across = actor.walk.keypoints[..., 0]
        assert first > 0
        assert not ((across[:first] > 0) & (across[:first] < coming.camera.width)).any()
    assert people._comes(scene.actors[0], scene) == 0
