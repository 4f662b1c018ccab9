"""What the serving tests share: a small repository, requests for every shipped network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.serving.server import TritonServer


def image(*shape: int) -> np.ndarray:
    """Random pixels, always the same."""
    return np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)


# network and inputs, at the sizes it is meant for
REQUESTS = {
    "openpose_mobilenet_thin": {"image": image(1, 176, 232, 3)},
    "movenet_multipose": {"image": image(1, 192, 256, 3)},
    "nanodet": {"image": image(2, 192, 320, 3)},
    "blazepose_landmark_lite": {"crops": image(2, 256, 256, 3)},
    "blazepose_landmark_full": {"crops": image(2, 256, 256, 3)},
    "gait_energy_image": {"gait_frames": image(3, 7, 64, 64)},
}


@pytest.fixture
def requests() -> dict[str, dict[str, np.ndarray]]:
    """Inputs for every shipped network, by its name."""
    return REQUESTS


@pytest.fixture
def small_repository(model_repository: Path, tmp_path: Path) -> Path:
    """A repository of its own with the gait energy image alone, which loads at once."""
    folder = tmp_path / "repository"
    shutil.copytree(model_repository / "gait_energy_image", folder / "gait_energy_image")
    return folder


@pytest.fixture
def small_server(triton_installed: None, private_cache: Path, small_repository: Path) -> Iterator[TritonServer]:
    """A running server that the test may kill."""
    with TritonServer(small_repository) as server:
        yield server
