"""Tracks in the MOTChallenge format, and how good they are: HOTA, IDF1, MOTA, switches.

Tracks are arrays (n, 7) float64 of frame (from 1), id, left, top, width, height, confidence: the columns of the format
that everybody agrees on (Milan et al., MOT16, 2016). The metrics come from the package `trackers`, a port of TrackEval.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.tracking import TrackFrame, TrackState
from rt_gait_ros.tracking.similarity import iou_matrix

COLUMNS = 7

# Class of a pedestrian in the ground truth's eighth column; -1 where a data set has no classes.
_PEDESTRIAN = (1, -1)


@dataclass(frozen=True, slots=True)
class MotScore:
    """Scores of one sequence. hota, detection, association (its two halves), idf1: 0..1; mota: at most 1.

    HOTA (Luiten et al., IJCV 2021) is a mean over overlaps 0.05 to 0.95; the others count a hit from overlap 0.5.
    switches: times that a person's track id changed. people, tracks: different ids in truth and result.
    """

    hota: float
    detection: float
    association: float
    idf1: float
    mota: float
    switches: int
    people: int
    tracks: int


def read_mot(path: Path) -> np.ndarray:
    """Tracks (n, 7) of a MOTChallenge file; rows of a ground truth that say "ignore", or no pedestrian, are left out.

    Raises GaitError when the file cannot be read or is not in the format.
    """
    try:
        lines = [line.split(",") for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        rows = [[float(value) for value in line] for line in lines]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise GaitError(
            f"{path} is not a MOTChallenge file ({error}); give one with comma-separated numbers"
        ) from error
    if any(len(row) < 6 for row in rows):
        raise GaitError(f"{path} is not a MOTChallenge file; each line needs frame, id, left, top, width, height")
    kept = [row for row in rows if len(row) < 8 or (row[6] != 0 and row[7] in _PEDESTRIAN)]
    return np.array([[*row[:6], row[6] if len(row) > 6 else 1.0] for row in kept]).reshape(-1, COLUMNS)


def write_mot(path: Path, tracks: np.ndarray) -> None:
    """Write tracks (n, 7) as a MOTChallenge result file, sorted by frame and id; world coordinates are -1."""
    lines = [
        f"{frame:.0f},{number:.0f},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{confidence:.3f},-1,-1,-1\n"
        for frame, number, left, top, width, height, confidence in tracks[np.lexsort((tracks[:, 1], tracks[:, 0]))]
    ]
    path.write_text("".join(lines), encoding="ascii")


def mot_tracks(frames: Iterable[TrackFrame]) -> np.ndarray:
    """Tracks (n, 7) of what a Tracker said: confirmed ones only; ids count up in order of appearance."""
    numbers: dict[str, int] = {}
    rows = [
        (index, numbers.setdefault(track.body_id, len(numbers) + 1), *track.box, track.confidence)
        for index, frame in enumerate(frames, start=1)
        for track in frame.tracks
        if track.state == TrackState.CONFIRMED
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, COLUMNS)


def score(truth: np.ndarray, result: np.ndarray) -> MotScore:
    """Hold tracks `result` (n, 7) against `truth` (m, 7). Raises GaitError without the package `trackers`."""
    try:
        from trackers.eval import compute_clear_metrics, compute_hota_metrics, compute_identity_metrics
    except ImportError as error:
        raise GaitError("scoring tracks needs the package trackers; pip install 'rt-gait-ros[bench]'") from error
    frames = np.union1d(truth[:, 0], result[:, 0])
    truths = [truth[truth[:, 0] == frame] for frame in frames]
    results = [result[result[:, 0] == frame] for frame in frames]
    overlaps = [iou_matrix(_corners(a), _corners(b)) for a, b in zip(truths, results, strict=True)]
    arguments = ([rows[:, 1].astype(int) for rows in truths], [rows[:, 1].astype(int) for rows in results], overlaps)
    hota, clear, identity = (
        metrics(*arguments) for metrics in (compute_hota_metrics, compute_clear_metrics, compute_identity_metrics)
    )
    return MotScore(
        hota=float(hota["HOTA"]),
        detection=float(hota["DetA"]),
        association=float(hota["AssA"]),
        idf1=float(identity["IDF1"]),
        mota=float(clear["MOTA"]),
        switches=int(clear["IDSW"]),
        people=len(np.unique(truth[:, 1])),
        tracks=len(np.unique(result[:, 1])),
    )


def _corners(rows: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom (n, 4) of tracks (n, 7)."""
    return np.concatenate((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]), axis=1)
