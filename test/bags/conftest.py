"""Bags of made-up messages: their bytes need only be as long as those of messages are."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="the extra [bags] is not installed")
from rt_gait_ros.bags import BagWriter

TEXT = "std_msgs/msg/String"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(name, storage, count): a bag of so many messages on /talk, received 10 ns apart."""

    def make(name: str = "bag", storage: str = "mcap", count: int = 5, size: int = 100) -> Path:
        with BagWriter(tmp_path / name, storage) as bag:
            for number in range(count):
                bag.write("/talk", TEXT, 10 * number, bytes([number % 256]) * size)
        return tmp_path / name

    return make
