from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from rt_gait_ros.gait.model import GaitModel


@dataclass
class FakeEmbedder:
    """A WalkEmbedder without a network."""

    embed: Callable[[np.ndarray], np.ndarray]
    model: GaitModel

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        return self.embed(frames)

    def looks(self, frames: np.ndarray, ends: Sequence[int], window: int) -> np.ndarray:
        return np.stack([self.embed(frames[max(0, end - window) : end]) for end in ends])


@pytest.fixture
def embedder_of():
    """Gives an embedder of a function and a GaitModel."""
    return FakeEmbedder
