import re
from itertools import pairwise

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources import open_source
from rt_gait_ros.sources.synthetic import SyntheticSource, read_scene
from rt_gait_ros.synthesis.render import Renderer


def test_a_scene_is_played_as_a_recording():
    uri = "synthetic://crossing?people=3&seed=5&seconds=0.4&size=320x240"
    with open_source(uri, pace=False, frame_id="eye") as source:
        assert isinstance(source, SyntheticSource)
        frames = list(source)
        assert len(source.scene.actors) == 3
        assert source.fps == 25.0
    assert len(frames) == 10
    assert {frame.image.shape for frame in frames} == {(240, 320, 3)}
    assert {frame.frame_id for frame in frames} == {"eye"}
    assert {b.stamp - a.stamp for a, b in pairwise(frames)} == {40_000_000}
    np.testing.assert_array_equal(frames[7].image, Renderer(source.scene).image(7))


def test_fps_and_size_of_the_options_hold():
    with open_source("synthetic://standing?seconds=1&size=320x240", pace=False, fps=5, width=160) as source:
        frames = list(source)
    assert len(frames) == 5
    assert frames[0].image.shape == (120, 160, 3)


def test_what_is_not_said_has_a_default():
    scene = read_scene("synthetic://returning")
    assert (len(scene.actors), len(scene), scene.camera.width, scene.seed) == (2, 500, 640, 0)
    assert read_scene("synthetic:returning").kind == "returning"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("synthetic://", "scenes are crossing, following"),
        ("synthetic://dancing", "scenes are crossing, following"),
        ("synthetic://crossing?people=two", "people is a whole number from 0, not 'two'"),
        ("synthetic://crossing?people=1.5", "people is a whole number"),
        ("synthetic://crossing?seed=-1", "seed is a whole number"),
        ("synthetic://crossing?seconds=", "seconds is a number, not ''"),
        ("synthetic://crossing?seconds=nan", "seconds nan is outside"),
        ("synthetic://crossing?people=99", "people 99 is outside 1 to 12"),
        ("synthetic://crossing?size=big", "size is WIDTHxHEIGHT in pixels, not 'big'"),
        ("synthetic://crossing?size=9x9", "a picture of 9x9"),
        ("synthetic://crossing?speed=3", "speed is not known; known are people, seed"),
    ],
)
def test_a_scene_that_cannot_be_is_refused_in_one_line(uri: str, says: str):
    with pytest.raises(UsageError, match=rf"^[^\n]*{re.escape(says)}[^\n]*$") as error:
        open_source(uri)
    assert uri in str(error.value)
