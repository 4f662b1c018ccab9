"""Bags for `rt-gait fuzz`: files of both formats, and what reads them as `rt-gait replay` does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.frame import Frame

_COUNT, _PERIOD = 5, 40_000_000  # images, and ns between them


def bags(folder: Path) -> dict[str, tuple[str, bytes, Callable[[Path], Any]]]:
    """By name: a file's name, good content, and its reader; none without the extra [bags]. folder: for the samples."""
    try:
        from rt_gait_ros.bags.formats import STORAGES
        from rt_gait_ros.bags.writer import BagWriter
    except ImportError:
        return {}
    from rt_gait_ros.nodes.bag_output import BagOutput

    found: dict[str, tuple[str, bytes, Callable[[Path], Any]]] = {}
    for storage, suffix in STORAGES.items():
        place = folder / storage
        with BagWriter(place, storage) as bag:
            output = BagOutput(bag)
            for number in range(_COUNT):
                image = np.full((24, 32, 3), 40 * number, np.uint8)
                output.write_image("/image_raw", Frame(image, (number + 1) * _PERIOD), 90)
        found[f"bag {storage}"] = (f"bag{suffix}", (place / f"{storage}{suffix}").read_bytes(), _read)
    return found


def _read(path: Path) -> None:
    from rt_gait_ros.bags.reader import BagReader
    from rt_gait_ros.nodes.bag_input import BagInput, choose_topic

    with BagReader(path) as bag:
        for _ in BagInput(bag, choose_topic(bag)):
            pass
