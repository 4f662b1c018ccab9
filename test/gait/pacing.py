"""Somebody who paces to and fro before the camera, as the pose stage and the tracker would tell of them."""

import functools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from rt_gait_ros.pose.person import PersonPose
from rt_gait_ros.synthesis.activities import act
from rt_gait_ros.synthesis.strollers import keypoints, make_stroller


@functools.cache
def steps() -> np.ndarray:
    """(1000, 18, 2) pixels of a walker's joints around the place, seen from the side, 25 images a second."""
    walk = act("walks", make_stroller(1), np.arange(1000) / 25, np.random.default_rng(1))
    return np.asarray(keypoints(walk.joints)[..., [0, 2]] * (105.0, -105.0))


def walker(number: int, breadth: int) -> PersonPose:
    """Somebody of a given breadth who paces to and fro, in image `number`."""
    x, swing = 640 + 250 * np.sin(number / 60), np.sin(number / 4)
    points = steps()[number % 1000] + (x, 490)
    joints = np.column_stack([points, np.full(18, 0.9)]).astype(np.float32)
    picture = np.zeros((64, 64), np.uint8)
    cv2.ellipse(picture, (32, 24), (breadth, 20), 0, 0, 360, 255, -1)
    for foot in (32 - int(8 * swing), 32 + int(8 * swing)):
        cv2.line(picture, (32, 40), (foot, 63), 255, 4)
    low, high = points[:, 0].min() - 10, points[:, 0].max() + 10
    return PersonPose(joints, np.array([low, 300, high - low, 200], np.float32), 0.9, picture, 0.9)


class Stepping(ABC):
    """A sender of messages that goes on while a test waits. _ears: the node that hears the answers.

    At 25 images a second at most, however fast the machine is: stamps that run ahead of the clock are not joined.
    Where answers are named (messages with a header, the newest last), the next image waits for the answer to the one
    before, which had the stamp `_sent`: a node that is slow then drops none, and sees no gap in the stamps. A later
    stamp is no answer: stamps jump back where a bag begins again.
    """

    _ears: Any
    _answers: list[Any] | None = None
    _sent = 0
    _period = 0.04  # seconds
    _next = _at_last = 0.0

    def _answered(self) -> bool:
        if self._answers is None:
            return True
        stamp = self._answers[-1].header.stamp if self._answers else None
        return stamp is not None and stamp.sec * 10**9 + stamp.nanosec == self._sent

    @abstractmethod
    def step(self) -> None:
        """Send what belongs to one more image."""

    def until(self, condition: Callable[[], Any]) -> Any:
        """Step until the condition holds."""

        def turn() -> Any:
            now = time.monotonic()
            if now >= self._next and (self._answered() or now >= self._at_last):
                # perhaps nobody was there to hear it: so it is not waited for for ever
                self._next, self._at_last = now + self._period, now + 1.0
                self.step()
            return condition()

        return self._ears.until(turn)
