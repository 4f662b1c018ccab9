import itertools

import numpy as np
import pytest

from rt_gait_ros.demo.footage import ENROLMENT, RECOGNITION, SIZE, Cut, Scene, compose
from rt_gait_ros.demo.registry import PackagedFile
from rt_gait_ros.errors import GaitError

VIDEO = PackagedFile("walks", "walks.whl", "", "walk.avi", "", "")


@pytest.fixture
def video(tmp_path, write_video):
    """Thirty grey frames: frame n has the value 4 n."""
    images = [np.full((64, 96, 3), 4 * number, np.uint8) for number in range(30)]
    return {VIDEO: write_video(tmp_path / "walk.avi", images, 10)}


def cut(fps, first, last):
    return Cut(VIDEO, fps, first, last, left=0, top=0, width=96, height=64)


def numbers(scene, video, panel=slice(None)):
    return [round(image[:, panel].mean() / 4) for image in compose((scene,), video)]


def test_slow_footage_shows_each_frame_as_long_as_it_lasted(video):
    shown = numbers(Scene((cut(10, 2, 9),), (SIZE[0],)), video)
    assert len(shown) == 20  # eight tenths of a second at 25 frames a second
    assert [len(list(group)) for _, group in itertools.groupby(shown)] == [3, 2, 3, 2, 3, 2, 3, 2]
    assert sorted(set(shown)) == list(range(2, 10))


def test_fast_footage_is_thinned_out_evenly(video):
    assert numbers(Scene((cut(50, 0, 19),), (SIZE[0],)), video) == list(range(0, 20, 2))


def test_panels_stand_side_by_side_and_end_with_the_shortest(video):
    scene = Scene((cut(25, 20, 29), cut(25, 5, 9)), (500, 508))
    assert numbers(scene, video, slice(0, 500)) == [20, 21, 22, 23, 24]
    assert numbers(scene, video, slice(510, 1008)) == [5, 6, 7, 8, 9]


def test_a_video_that_ends_early_is_named(video):
    with pytest.raises(GaitError, match=r"walk\.avi ends before frame 40"):
        numbers(Scene((cut(25, 20, 40),), (SIZE[0],)), video)


def test_both_parts_are_long_enough_for_several_looks():
    assert ENROLMENT.frames / 25 > 2.8
    assert RECOGNITION.frames / 25 > 4
    assert sum(RECOGNITION.widths) == SIZE[0]
