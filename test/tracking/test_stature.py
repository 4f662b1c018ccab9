import math

import numpy as np
import pytest

from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.stature import stature

FOCAL = 500.0
K = np.array([[FOCAL, 0, 320], [0, FOCAL, 240], [0, 0, 1]])


def seen(tilt, height, tall, ahead, aside=0.0):
    """Box and mid-hips of somebody before a camera `height` above the floor that looks down by `tilt`."""
    camera = CameraModel(K, height, tilt)
    cosine, sine = math.cos(tilt), math.sin(tilt)

    def optical(up):
        drop = height - up
        return np.array([aside, cosine * drop - sine * ahead, cosine * ahead + sine * drop])

    rows = [FOCAL * optical(up)[1] / optical(up)[2] + 240 for up in (tall, 0.0)]
    hips = optical(0.53 * tall)
    middle = 320 + FOCAL * hips[0] / hips[2]
    return camera, np.array([middle - 30, rows[0], 60, rows[1] - rows[0]]), hips


@pytest.mark.parametrize("tilt", [0.0, 0.2, 0.6], ids=["level", "down", "steep"])
@pytest.mark.parametrize("tall", [1.2, 1.75])
@pytest.mark.parametrize("aside", [0.0, 1.0])
def test_it_is_the_height_whatever_the_camera_looks_at(tilt, tall, aside):
    camera, box, hips = seen(tilt, 0.9 + 4.0 * math.tan(tilt), tall, 5.0, aside)
    found, _ = stature(box, hips, camera, 480, by_depth=True)
    assert found == pytest.approx(tall, abs=0.02)


def test_who_is_cut_off_by_the_image_has_no_stature():
    camera, box, hips = seen(0.0, 1.0, 1.75, 5.0)
    assert stature(box, hips, camera, 480, by_depth=True) is not None
    assert stature(box, hips, camera, int(box[1] + box[3]), by_depth=True) is None
    assert stature(box * [1, 0, 1, 1], hips, camera, 480, by_depth=True) is None


def test_a_height_that_no_person_has_is_no_stature():
    camera, box, hips = seen(0.0, 1.0, 1.75, 5.0)
    assert stature(box, hips * 3, camera, 480, by_depth=True) is None


def test_the_floor_says_it_less_surely_than_depth_and_far_away_less_surely():
    near, far = (seen(0.0, 1.0, 1.75, ahead) for ahead in (4.0, 9.0))
    deviations = [stature(b, h, c, 480, by_depth=flag)[1] for c, b, h in (near, far) for flag in (True, False)]
    assert deviations[0] == pytest.approx(1.75 * 0.05 / near[2][2])
    assert deviations[1] == pytest.approx(1.75 * math.radians(1.0) * 4.01, rel=0.01)  # 1 degree at 4 m from 1 m above
    assert deviations[3] > deviations[1] > deviations[0] > deviations[2]
