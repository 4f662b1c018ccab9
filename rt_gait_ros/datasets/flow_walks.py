"""Windows of optical flow out of walks that the pose pipeline has seen in videos or images."""

from collections.abc import Sequence

import numpy as np

from rt_gait_ros.datasets.video_walks import GaitSequence
from rt_gait_ros.silhouette.flow import WINDOW, Place, placed, window_starts


class PlacedWindows(Sequence[np.ndarray]):
    """Windows of walks whose frames have their person in the middle, each put together when it is asked for."""

    def __init__(self, sequences: Sequence[GaitSequence]) -> None:
        """sequences: of flow frames, with their places."""
        self._cuts = []
        for each in sequences:
            assert each.places is not None
            places = [Place(round(image), x, height) for image, x, height in each.places.tolist()]
            for start in window_starts(places):
                self._cuts.append((each.frames[start : start + WINDOW], places[start : start + WINDOW]))

    def __len__(self) -> int:
        return len(self._cuts)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]
        return placed(*self._cuts[index])
