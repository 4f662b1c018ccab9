"""One parser for every part affinity field network: confidence maps and fields -> people (Cao et al., CVPR 2017).

Semantics and defaults are trt_pose's; whatever differs is an option of PafParser.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rt_gait_ros.pose import paf_kernels
from rt_gait_ros.pose.errors import PoseError, PoseSettingsError
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.settings import check, setting


class PafPeople(NamedTuple):
    """The people in one pair of maps.

    keypoints: (P, K, 3) float32 of x / map width, y / map height (0..1, centre of the first cell at half a cell) and
        confidence 0..1, the confidence map at the peak; NaN, NaN, 0 where missing.
    confidence: (P,) float32 0..1, the mean of a person's part confidences and link scores.
    """

    keypoints: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class PafParser:
    """Parse maps into people; the defaults are trt_pose's ParseObjects.

    threshold: least confidence of a peak, above 0. window: odd width in cells of the peak's neighbourhood, both for the
    local maximum and for the weighted centroid that refines it. samples: points of the line integral, with both ends.
    link_threshold: a link must score more than this.

    Named deviations from trt_pose:
    min_parts: people with fewer parts are left out (trt_pose: 1).
    separate: strongest links first, and a link that would give a person two of one part is refused, so that two people
        whom one wrong link joins stay two (trt_pose: False, they become one and the surplus parts vanish).
    max_peaks: trt_pose ignores peaks beyond 100 a part without a word; here more than max_peaks is a PoseError, because
        such maps hold no people but a plateau.
    bounded_centroids: a centroid outside its own window, which negative noise around a weak peak can give, is replaced
        by the peak (trt_pose: False, it lies wherever it lies, even outside the image).
    """

    topology: Topology
    threshold: float = setting(0.1, "Least confidence of a peak.", above=0.0)
    window: int = setting(5, "Cells of a peak's neighbourhood, odd.", 1)
    samples: int = setting(7, "Points of the line integral along a link, both ends included.", 2)
    link_threshold: float = setting(0.1, "Score that a link must exceed.")
    min_parts: int = setting(1, "Parts that a person needs.", 0)
    separate: bool = setting(False, "Refuse a link that would give a person two of one part.")
    max_peaks: int = setting(400, "Peaks of a part beyond which maps hold no people.", 0)
    bounded_centroids: bool = setting(False, "Keep a refined peak within its own window.")

    def __post_init__(self) -> None:
        """Refuse settings without meaning."""
        check(self, "part affinity fields", PoseSettingsError)
        if self.window % 2 == 0:
            raise PoseSettingsError(f"part affinity fields: window is {self.window}; set it to an odd number")

    def __call__(self, cmap: np.ndarray, paf: np.ndarray) -> PafPeople:
        """Parse cmap (K, H, W) and paf (F, H, W), both float; K is the topology's part count.

        Empty arrays when nobody is there. Raises PoseError for other shapes, for NaN or infinite values, and for maps
        with more than max_peaks peaks of a part.
        """
        cmap, paf = self._checked(cmap, paf)
        status, keypoints, confidence = paf_kernels.parse(
            cmap,
            paf,
            self.topology.links,
            np.float32(self.threshold),
            self.window,
            self.samples,
            np.float32(self.link_threshold),
            self.min_parts,
            self.separate,
            self.max_peaks,
            self.bounded_centroids,
        )
        if status == paf_kernels.NOT_FINITE:
            raise PoseError("the network's maps hold NaN or infinite values; the frame cannot be read")
        if status == paf_kernels.TOO_MANY_PEAKS:
            raise PoseError(f"more than {self.max_peaks} peaks of one part: these are not confidence maps of people")
        return PafPeople(keypoints, confidence)

    def warm_up(self) -> None:
        """Compile, or load the compiled parser from its cache, before the first frame (seconds the first time)."""
        self(
            np.zeros((len(self.topology.parts), 8, 8), np.float32),
            np.zeros((self.topology.field_channels, 8, 8), np.float32),
        )

    def _checked(self, cmap: np.ndarray, paf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both maps as contiguous float32, or a PoseError."""
        parts, fields = len(self.topology.parts), self.topology.field_channels
        if cmap.ndim != 3 or cmap.shape[0] != parts or paf.ndim != 3 or paf.shape[0] < fields:
            raise PoseError(
                f"maps of {cmap.shape} and {paf.shape}, but the topology needs ({parts}, H, W) and ({fields}, H, W)"
            )
        if cmap.shape[1:] != paf.shape[1:]:
            raise PoseError(f"confidence maps are {cmap.shape[1:]} but fields are {paf.shape[1:]}: they must be equal")
        # A reflected window must fit in the map.
        if min(cmap.shape[1:]) <= self.window // 2:
            raise PoseError(f"maps of {cmap.shape[1:]} are smaller than the window of {self.window}")
        return np.ascontiguousarray(cmap, np.float32), np.ascontiguousarray(paf, np.float32)
