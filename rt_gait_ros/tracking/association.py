"""Who is who: gated optimal assignment of detections to tracks, in stages."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.detections import Detections
from rt_gait_ros.tracking.similarity import SIGMAS, corners, iou_matrix, oks
from rt_gait_ros.tracking.table import TrackTable
from rt_gait_ros.tracking.track import TrackState

# Overlap that a low-confidence detection needs with the track it keeps (ByteTrack, second association: 0.5).
LOW_CONFIDENCE_IOU = 0.35
# Overlap from which on a sure detection is of the track there that was just seen, however unlikely its box is: a look
# that misses the feet, or takes an arm of the next person along, is no newcomer.
SAME_BOX_IOU = 0.7


@dataclass(slots=True)
class Assignment:
    """Pairs of track rows and detection rows, and the detection rows that may begin a track; all (n,) integers."""

    rows: np.ndarray
    columns: np.ndarray
    newcomers: np.ndarray


class _Stages:
    """Assigns what earlier stages left open; a stage's costs are computed only for that."""

    def __init__(self, rows: int, columns: int) -> None:
        self.open_rows, self.open_columns = np.ones(rows, dtype=bool), np.ones(columns, dtype=bool)
        nobody = np.empty(0, dtype=np.intp)
        self.pairs = [(nobody, nobody)]
        self._left = min(rows, columns)  # pairs that there can still be

    @property
    def done(self) -> bool:
        """Whether all rows or all columns are assigned, as in most images after the first stage."""
        return self._left == 0

    def run(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        cost: Callable[[np.ndarray, np.ndarray], np.ndarray],
        limit: float,
    ) -> None:
        """One stage. rows (N,), columns (M,) bool; cost: of row and column numbers; no pair at `limit` or more."""
        row_numbers = (rows & self.open_rows).nonzero()[0]
        column_numbers = (columns & self.open_columns).nonzero()[0]
        if not len(row_numbers) or not len(column_numbers):
            return
        first, second = solve(cost(row_numbers, column_numbers), limit)
        pairs = row_numbers[first], column_numbers[second]
        self.open_rows[pairs[0]], self.open_columns[pairs[1]] = False, False
        self.pairs.append(pairs)
        self._left -= len(first)


def associate(
    table: TrackTable, detections: Detections, config: TrackerConfig, layout: str, size: tuple[int, int]
) -> Assignment:
    """Assign detections to predicted tracks.

    Sure detections meet the confirmed and occluded tracks first, then tentative ones, so that a newcomer never takes
    a known person's detection. Unsure detections only keep tracks that nobody else explains (ByteTrack). A sure one
    that is left keeps a track that was just seen at its place.
    layout: of the keypoints. size: width and height of the image, 0 when unknown.
    """
    stages = _Stages(len(table), len(detections))
    known = table.state != TrackState.TENTATIVE.value  # numpy takes long to see a number in the member itself
    sure = detections.confidence >= config.high_confidence
    if len(table) and len(detections):
        found = corners(detections.box)
        places = _clip(corners(table.box.mean), size)

        def join(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            overlap = iou_matrix(places[rows], found[columns])
            return join_costs(table, rows, detections, columns, overlap, config, layout)

        def miss(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            return 1 - iou_matrix(places[rows], found[columns])

        stages.run(known, sure, join, config.unmatched_cost)
        if not stages.done:
            stages.run(known & (table.missed <= 1), ~sure, miss, 1 - LOW_CONFIDENCE_IOU)
            stages.run(~known, sure, join, config.unmatched_cost)
            stages.run(table.missed <= 1, sure, miss, 1 - SAME_BOX_IOU)
    rows, columns = zip(*stages.pairs, strict=True)
    return Assignment(np.concatenate(rows), np.concatenate(columns), (stages.open_columns & sure).nonzero()[0])


def solve(cost: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cheapest assignment of `cost` (N, M); no pair that costs `limit` or more."""
    capped = np.minimum(cost, limit)
    rows, columns = linear_sum_assignment(capped)
    kept = capped[rows, columns] < limit
    return rows[kept], columns[kept]


def join_costs(
    table: TrackTable,
    rows: np.ndarray,
    detections: Detections,
    columns: np.ndarray,
    overlap: np.ndarray,
    config: TrackerConfig,
    layout: str,
) -> np.ndarray:
    """Cost (R, C) of joining the tracks `rows` to the detections `columns`, infinite outside the gate.

    Minus twice the log-likelihood of the detection under the track's prediction, relative to a perfectly known track
    (Blackman & Popoli 1999): squared Mahalanobis distance plus the log of how much wider the prediction is. Thus a
    track lost from sight for long does not take the detection of one that is right there. On top, what the
    skeletons and boxes say: 1 - mean of overlap and object keypoint similarity.
    overlap: (R, C) intersection over union of predicted and detected boxes.
    """
    # Coordinates come first: numpy sums over a long last axis many times faster than over one of four.
    box = detections.box[columns]
    noise = detections.noise[columns].T[:, None]
    total = table.box.variance[rows].T[:, :, None] + noise
    distance = (np.square(box.T[:, None] - table.box.mean[rows].T[:, :, None]) / total).sum(axis=0)
    costs = distance + np.log((total / noise).prod(axis=0))
    inside = distance < config.gate
    likeness = overlap
    if layout in SIGMAS:
        first, second = np.nonzero(inside)
        pairs = oks(
            table.predicted_keypoints(rows[first]),
            detections.keypoints[columns[second]],
            box[second, 2] * box[second, 3],
            SIGMAS[layout],
        )
        similarity = np.full(overlap.shape, np.nan)
        similarity[first, second] = pairs
        likeness = np.where(np.isfinite(similarity), (overlap + similarity) / 2, overlap)
    return np.where(inside, costs + config.appearance_weight * (1 - likeness), np.inf)


def _clip(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Corner boxes (N, 4) cut to the image: a detector sees no more of a person who walks out."""
    width, height = size
    if width <= 0 or height <= 0:
        return boxes
    return np.minimum(np.maximum(boxes, 0), (width, height, width, height))
