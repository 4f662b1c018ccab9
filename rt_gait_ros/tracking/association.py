"""Who is who: gated optimal assignment of detections to tracks, in stages."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.detections import Detections
from rt_gait_ros.tracking.similarity import SIGMAS, corners, iou_matrix, oks
from rt_gait_ros.tracking.table import TrackTable
from rt_gait_ros.tracking.track import TrackState

# Overlap that a low-confidence detection needs with the track it keeps (ByteTrack, second association).
LOW_CONFIDENCE_IOU = 0.5

# Overlap that joins a detection to the place where a track was last seen (OC-SORT, observation-centric recovery).
RECOVERY_IOU = 0.3


@dataclass(slots=True)
class Assignment:
    """Pairs of track rows and detection rows, and the detection rows that may begin a track; all (n,) integers."""

    rows: np.ndarray
    columns: np.ndarray
    newcomers: np.ndarray


def associate(
    table: TrackTable, detections: Detections, config: TrackerConfig, layout: str, size: tuple[int, int]
) -> Assignment:
    """Assign detections to predicted tracks.

    Sure detections meet the confirmed and occluded tracks first, then tentative ones, so that a newcomer never takes
    a known person's detection. Unsure detections only keep tracks that nobody else explains (ByteTrack).
    layout: of the keypoints. size: width and height of the image, 0 when unknown.
    """
    known = table.state != TrackState.TENTATIVE
    sure = detections.confidence >= config.high_confidence
    places = _clip(corners(table.box.mean), size)
    costs = join_costs(table, detections, places, config, layout)
    overlap = iou_matrix(places, corners(detections.box))
    at_last = iou_matrix(_clip(corners(table.box_seen.mean), size), corners(detections.box))
    open_rows, open_columns = np.ones(len(table), dtype=bool), np.ones(len(detections), dtype=bool)
    pairs = []
    for rows, columns, cost, limit in (
        (known, sure, costs, config.unmatched_cost),
        (known & (table.missed <= 1), ~sure, 1 - overlap, 1 - LOW_CONFIDENCE_IOU),
        (known, sure, 1 - at_last, 1 - RECOVERY_IOU),
        (~known, sure, costs, config.unmatched_cost),
    ):
        stage = solve(cost, np.flatnonzero(rows & open_rows), np.flatnonzero(columns & open_columns), limit)
        open_rows[stage[0]], open_columns[stage[1]] = False, False
        pairs.append(stage)
    rows, columns = np.concatenate(pairs, axis=1)
    return Assignment(rows, columns, np.flatnonzero(open_columns & sure))


def solve(cost: np.ndarray, rows: np.ndarray, columns: np.ndarray, limit: float) -> np.ndarray:
    """Cheapest assignment (2, n) of some rows and columns of `cost`; no pair that costs `limit` or more."""
    if not len(rows) or not len(columns):
        return np.empty((2, 0), dtype=np.intp)
    part = np.minimum(cost[np.ix_(rows, columns)], limit)
    first, second = linear_sum_assignment(part)
    kept = part[first, second] < limit
    return np.stack((rows[first[kept]], columns[second[kept]]))


def join_costs(
    table: TrackTable, detections: Detections, places: np.ndarray, config: TrackerConfig, layout: str
) -> np.ndarray:
    """Cost (N, M) of each join, infinite outside the gate.

    Minus twice the log-likelihood of the detection under the track's prediction, relative to a perfectly known track
    (Blackman & Popoli 1999): squared Mahalanobis distance plus the log of how much wider the prediction is. Thus a
    track lost from sight for long does not take the detection of one that is right there. On top, what the
    skeletons and boxes say: 1 - mean of overlap and object keypoint similarity.
    """
    noise = detections.noise[None]
    total = table.box.variance[:, None] + noise
    distance = (np.square(detections.box[None] - table.box.mean[:, None]) / total).sum(axis=-1)
    costs = distance + np.log(total / noise).sum(axis=-1)
    likeness = iou_matrix(places, corners(detections.box))
    inside = distance < config.gate
    if layout in SIGMAS:
        rows, columns = np.nonzero(inside)
        box = detections.box[columns]
        pairs = oks(
            table.predicted_keypoints(rows), detections.keypoints[columns], box[:, 2] * box[:, 3], SIGMAS[layout]
        )
        seen = np.isfinite(pairs)
        rows, columns = rows[seen], columns[seen]
        likeness[rows, columns] = (likeness[rows, columns] + pairs[seen]) / 2
    return np.where(inside, costs + config.appearance_weight * (1 - likeness), np.inf)


def _clip(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Corner boxes (N, 4) cut to the image: a detector sees no more of a person who walks out."""
    width, height = size
    if width <= 0 or height <= 0:
        return boxes
    return np.clip(boxes, 0, (width, height, width, height))
