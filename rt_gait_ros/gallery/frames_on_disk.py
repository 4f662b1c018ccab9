"""Gait frames that stay in a gallery's file until somebody asks for them."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.archives import DAMAGED
from rt_gait_ros.gallery.person import GalleryError


@dataclass(frozen=True, slots=True)
class FramesOnDisk:
    """Frames as gallery.person.Frames, in the file at `path`. shape, dtype: of the array that they become."""

    path: Path
    shape: tuple[int, ...]
    dtype: str

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        try:
            frames = self._read()
        except (OSError, *DAMAGED) as error:
            raise GalleryError(f"gait frames of gallery {self.path} are gone or changed: {error}") from error
        return frames if dtype is None else frames.astype(dtype)

    @abstractmethod
    def _read(self) -> np.ndarray:
        """The frames. Raises OSError, or one of DAMAGED for what is not theirs any more."""
