"""Walkers whose poses are made up, for pipelines whose gait network is the package's own."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.pose.pipeline import checked_image

PERIOD = 40_000_000  # ns between images: 25 a second
SIZE = (1280, 720)


def walker(number: int, breadth: int) -> PersonPose:
    """Somebody of a given breadth who paces to and fro, in image `number`."""
    x, swing = 640 + 250 * np.sin(number / 60), np.sin(number / 4)
    joints = np.zeros((18, 3), np.float32)
    joints[:, 0], joints[:, 1], joints[:, 2] = x, np.linspace(310, 490, 18), 0.9
    joints[[15, 16], :2] = (x - 30 * swing, 490), (x + 30 * swing, 490)
    picture = np.zeros((64, 64), np.uint8)
    cv2.ellipse(picture, (32, 24), (breadth, 20), 0, 0, 360, 255, -1)
    for foot in (32 - int(8 * swing), 32 + int(8 * swing)):
        cv2.line(picture, (32, 40), (foot, 63), 255, 4)
    return PersonPose(joints, np.array([x - 40, 300, 80, 200], np.float32), 0.9, picture, 0.9)


class MadeUpPoses:
    """In place of the pose pipeline: image number n, by its stamp, shows a walker whose breadth is its grey value."""

    def __init__(self, client: object, config: object) -> None:
        pass

    def process(self, frame: Frame) -> PoseFrame:
        breadth = int(checked_image(frame.image)[0, 0, 0])
        people = [walker(frame.stamp // PERIOD, breadth)] if breadth else []
        return PoseFrame(frame.stamp, frame.frame_id, *SIZE, people=people)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipelines made from now on see what `images` shows."""
    monkeypatch.setattr("rt_gait_ros.pipeline.tracking.PosePipeline", MadeUpPoses)


@pytest.fixture
def images() -> Callable[[int, int], list[Frame]]:
    """images(breadth, count): of one walker, or of nobody (0), each later than all before."""
    number = 0

    def make(breadth: int, count: int) -> list[Frame]:
        nonlocal number
        made = [Frame(np.full((8, 8, 3), breadth, np.uint8), (number + n + 1) * PERIOD) for n in range(count)]
        number += count
        return made

    return make
