"""Who is named how soon, of a scene whose people are tracked exactly where they are."""

import exact_tracks
import numpy as np
import pipeline_approaching as approaching
import pytest

from rt_gait_ros.sources.synthetic import read_scene

IMAGES = 100


@pytest.fixture(scope="module")
def scene():
    return read_scene(f"synthetic://approaching?people=4&seconds={IMAGES / 25}")


def recorded(scene, names):
    """Everybody gives a gait frame in each image. names: by the number of a person, the name and the image it is of."""

    def named(person, image):
        name, since = names.get(person, ("", IMAGES))
        return name if image >= since else ""

    return exact_tracks.recorded(scene, IMAGES, named, frame=np.zeros((64, 64), np.uint8))


def test_a_name_counts_from_the_thirtieth_gait_frame_on(scene):
    recording = recorded(scene, {1: ("1", 10), 2: ("2", 54), 3: ("3", 90)})
    assert approaching.figures(recording, scene, 0.5) == (2.0, pytest.approx(1.0))


def test_the_name_of_somebody_else_is_none(scene):
    recording = recorded(scene, {1: ("2", 40), 2: ("2", 40)})
    assert approaching.figures(recording, scene, 0.5)[0] == 1.0


def test_nobody_who_is_named_has_no_time(scene):
    named, after = approaching.figures(recorded(scene, {}), scene, 0.5)
    assert named == 0.0
    assert np.isnan(after)
