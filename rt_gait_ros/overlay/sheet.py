"""Many pictures on one page."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from rt_gait_ros.overlay.palette import INK
from rt_gait_ros.overlay.text import Label, TextLine


def contact_sheet(
    images: Sequence[np.ndarray], captions: Sequence[str] = (), *, columns: int = 3, width: int = 1920
) -> np.ndarray:
    """Lay images out row by row on a dark page.

    images: at least one (H, W, 3) uint8 BGR; all are scaled to the first one's shape. captions: one per image, or none.
    columns: pictures in a row. width: of the page in pixels. Returns (H, width, 3) uint8 BGR. Raises ValueError.
    """
    if not images or columns < 1:
        raise ValueError("a contact sheet needs at least one image and one column")
    if captions and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    columns = min(columns, len(images))
    gutter = max(4, width // 160)
    tile_width = (width - gutter * (columns + 1)) // columns
    tile_height = max(1, round(tile_width * images[0].shape[0] / images[0].shape[1]))
    rows = math.ceil(len(images) / columns)
    page = np.empty((gutter + rows * (tile_height + gutter), width, 3), np.uint8)
    page[:] = INK
    for k, image in enumerate(images):
        left = gutter + (k % columns) * (tile_width + gutter)
        top = gutter + (k // columns) * (tile_height + gutter)
        tile = cv2.resize(image, (tile_width, tile_height), interpolation=cv2.INTER_AREA)
        if captions:
            scale = max(0.6, tile_width / 640)
            label = Label((TextLine(captions[k], 0.5),), INK)
            label.draw(tile, 0, tile_height - label.extent(scale)[1], scale)
        page[top : top + tile_height, left : left + tile_width] = tile
    return page
