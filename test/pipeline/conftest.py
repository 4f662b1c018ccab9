"""Walkers whose poses are made up, for pipelines whose gait network is the package's own."""

from collections.abc import Callable

import numpy as np
import pytest
from pacing import walker

from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.pose.pipeline import checked_image

PERIOD = 40_000_000  # ns between images: 25 a second
SIZE = (1280, 720)


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
