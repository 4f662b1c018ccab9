"""One camera image on its way through the stages."""

from dataclasses import dataclass

import numpy as np

SECOND = 1_000_000_000  # nanoseconds, which all stamps are in


@dataclass(frozen=True, slots=True)
class Frame:
    """An image with the camera's own stamp.

    image: (H, W, 3) uint8, BGR.
    stamp: nanoseconds since the epoch of the camera's clock.
    frame_id: optical frame of the camera.
    """

    image: np.ndarray
    stamp: int
    frame_id: str = "camera"
