"""Whether the covariance of positions is honest: how often the truth lies within its 95 % ellipsoid."""

import os
import sys

import numpy as np
import pytest
from scipy.stats import chi2

from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.depth import HALF_TRUNK, DepthImage, depth_variance
from rt_gait_ros.tracking.position import HIPS, SHOULDERS, locate

LENS = np.array([[600.0, 0, 640], [0, 600.0, 360], [0, 0, 1]])
SIZE = (1280, 720)
HEIGHT, TILT = 1.2, 0.15  # of the camera: metres, radians down
STATURE, HIP, SHOULDER = 1.7, 0.9, 1.4  # metres above the floor
PEOPLE = int(os.environ.get("PEOPLE", "400"))
# 95 % with room for the sampling of 400, and for what a linear covariance leaves out; twice too small an ellipsoid
# would hold 60 %, twice too large a one all of them.
LEAST, MOST = 0.9, 0.995


def pixel(point: np.ndarray, camera: CameraModel) -> np.ndarray:
    """Where a point (3,) of the optical frame is seen."""
    x, y, z = camera.K @ point
    return np.array([x / z, y / z])


def scene(draw: np.random.Generator, camera: CameraModel, size: float = 1.0):
    """Somebody wholly in the image: the truth about the hips, and pixels of feet, hips, shoulders and head.

    size: the person's, in those of somebody of STATURE.
    """
    while True:
        ahead, aside = draw.uniform(2.5, 9.0), draw.uniform(-3.0, 3.0)
        forward = np.array([0, -np.sin(camera.tilt), np.cos(camera.tilt)])
        ground = ahead * forward + aside * np.array([1.0, 0, 0]) + HEIGHT * camera.down
        points = [ground - level * size * camera.down for level in (0.0, HIP, SHOULDER, STATURE)]
        foot, hip, shoulder, head = (pixel(point, camera) for point in points)
        inside = [0 < x < SIZE[0] and 0 < y < SIZE[1] - 30 for x, y in (foot, hip, shoulder, head)]
        if all(inside):
            return points[1], foot, hip, shoulder, head


def seen(foot, hip, shoulder, head) -> tuple[np.ndarray, PersonPose]:
    """The box and the pose of somebody with these pixels."""
    height = foot[1] - head[1]
    box = np.array([foot[0] - height / 6, head[1], height / 3, height], np.float64)
    keypoints = np.tile(np.array([np.nan, np.nan, 0.0], np.float32), (18, 1))
    for joints, place in ((HIPS, hip), (SHOULDERS, shoulder)):
        keypoints[list(joints["trt_pose"])] = [place[0], place[1], 0.9]
    return box, PersonPose(keypoints, box.astype(np.float32), 0.9)


def share(draw: np.random.Generator, locate_one) -> float:
    """How often the truth is within the ellipsoid that holds 95 % of a normal distribution."""
    within = []
    for _ in range(PEOPLE):
        truth, position, covariance = locate_one(draw)
        error = position - truth
        within.append(error @ np.linalg.solve(covariance, error) <= chi2.ppf(0.95, 3))
    found = float(np.mean(within))
    sys.stdout.write(f"{found:.1%} of {PEOPLE} within\n")
    return found


@pytest.fixture
def draw():
    return np.random.default_rng(7)


def test_positions_on_the_floor_hold_the_truth(draw):
    """The box jitters by box_noise, and the robot nods by a degree, as the model of the camera says."""
    config = TrackerConfig()
    believed = CameraModel(LENS, HEIGHT, TILT)

    def one(draw):
        true = CameraModel(LENS, HEIGHT, TILT + draw.normal(0.0, believed.tilt_error))
        truth, foot, hip, shoulder, head = scene(draw, true)
        noise = config.box_noise * (foot[1] - head[1])
        foot, hip = foot + draw.normal(0.0, noise, 2), hip + draw.normal(0.0, noise, 2)
        box, pose = seen(foot, hip, shoulder, head)
        found = locate(box, pose, PoseFrame(0, "camera", *SIZE, people=[pose]), config, believed, None)
        if found is None:  # a foot that the noise took out of the image
            return one(draw)
        return truth, found.position, found.covariance

    found = share(draw, one)
    assert LEAST <= found <= MOST, found


def test_positions_by_depth_hold_the_truth(draw):
    config, camera = TrackerConfig(), CameraModel(LENS, HEIGHT, TILT)

    def one(draw):
        truth, foot, hip, shoulder, head = scene(draw, camera)
        noise = config.box_noise * (foot[1] - head[1])
        surface = truth[2] - HALF_TRUNK
        depth = np.full(SIZE[::-1], surface + draw.normal(0.0, np.sqrt(depth_variance(truth[2]))), np.float32)
        box, pose = seen(foot, hip + draw.normal(0.0, noise, 2), shoulder, head)
        found = locate(box, pose, PoseFrame(0, "camera", *SIZE, people=[pose]), config, camera, DepthImage(0, depth))
        assert found is not None
        return truth, found.position, found.covariance

    found = share(draw, one)
    assert LEAST <= found <= MOST, found


def test_positions_by_a_stature_hold_the_truth(draw):
    """All adults taken for 1.7 m, before a camera of unknown height that nods."""
    config = TrackerConfig(stature=STATURE)
    believed = CameraModel(LENS, None, TILT)

    def one(draw):
        true = CameraModel(LENS, HEIGHT, TILT + draw.normal(0.0, believed.tilt_error))
        size = draw.normal(STATURE, config.stature_deviation) / STATURE
        truth, foot, hip, shoulder, head = scene(draw, true, size)
        noise = config.box_noise * (foot[1] - head[1])
        foot, hip, head = (pixel + draw.normal(0.0, noise, 2) for pixel in (foot, hip, head))
        box, pose = seen(foot, hip, shoulder, head)
        found = locate(box, pose, PoseFrame(0, "camera", *SIZE, people=[pose]), config, believed, None)
        if found is None:  # the noise took somebody out of the image, or had them sit
            return one(draw)
        assert found.by == "stature"
        return truth, found.position, found.covariance

    found = share(draw, one)
    assert LEAST <= found <= MOST, found
