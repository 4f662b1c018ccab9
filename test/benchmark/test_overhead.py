"""What the nodes are given to do while their cost is measured."""

import numpy as np
import pytest
from overhead_nodes import FPS, InstantClient
from overhead_walkers import draw_walkers

from rt_gait_ros.frame import Frame
from rt_gait_ros.pose import PoseConfig, PosePipeline
from rt_gait_ros.tracking import Tracker


@pytest.mark.parametrize("people", [2, 10])
def test_everybody_walks_and_is_fit_to_be_recognised(people: int) -> None:
    now = 0.0
    poses = PosePipeline(InstantClient(people, lambda: now), PoseConfig(max_people=people))
    tracker = Tracker(seed=1)
    image = np.zeros((480, 640, 3), np.uint8)
    for number in range(60):
        now = number / FPS
        seen = tracker.update(poses.process(Frame(image, 1_000_000_000 + round(now * 1e9), "camera")))
    assert len(seen.tracks) == people
    assert all(track.walking for track in seen.tracks)
    assert min(track.quality for track in seen.tracks) > 0.5


def test_a_cycle_begins_again_without_a_seam() -> None:
    walkers = draw_walkers(1)
    steps = np.linalg.norm(np.diff(walkers.joints, axis=0), axis=-1).max(axis=(1, 2))
    seam = np.linalg.norm(walkers.joints[0] - walkers.joints[-1], axis=-1).max()
    assert seam <= steps.max()
