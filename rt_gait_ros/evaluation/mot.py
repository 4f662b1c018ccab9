"""Multi-object tracking on MOTChallenge's sequences, and its figures: HOTA, IDF1, MOTA, switches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.datasets.mot_challenge import NOBODY, Boxes, MotSequence, Truth
from rt_gait_ros.errors import UsageError
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.similarity import iou_matrix
from rt_gait_ros.tracking.track import TrackFrame, TrackState
from rt_gait_ros.tracking.tracker import Tracker

# Overlap from which a track's box counts as the person's in IDF1, MOTA and switches (MOTChallenge).
MATCH_IOU = 0.5

# Images in a row in which a track that is not seen still counts as a result, with its predicted box: so long it is
# likelier that the detector missed the person than that nobody is there to see.
UNSEEN = 2


@dataclass(frozen=True, slots=True)
class MotScore:
    """Figures of one or more sequences.

    hota, deta, assa, idf1, mota: 0..1 (mota may be less). switches: how often a person's track changes its id.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    switches: int


@dataclass(slots=True)
class Tracks:
    """Turns TrackFrames into Boxes, numbered by body id as they first come.

    unseen: images in a row for which an OCCLUDED track still counts; 0 for what is seen alone.
    """

    unseen: int = UNSEEN
    numbers: dict[str, int] = field(default_factory=dict)

    def boxes(self, frame: TrackFrame) -> Boxes:
        """The CONFIRMED tracks of one image, and those OCCLUDED for a moment."""
        seen = [
            track
            for track in frame.tracks
            if track.state == TrackState.CONFIRMED
            or (track.state == TrackState.OCCLUDED and track.missed <= self.unseen)
        ]
        ids = [self.numbers.setdefault(track.body_id, len(self.numbers) + 1) for track in seen]
        return Boxes.of(ids, [track.box for track in seen], [track.confidence for track in seen])


def track(sequence: MotSequence) -> dict[int, Boxes]:
    """What our tracker, with its defaults, makes of a sequence's detections: boxes by image number."""
    tracker, tracks, found = Tracker(seed=0), Tracks(), {}
    nothing = np.empty((0, 3), np.float32)
    for number in range(1, sequence.length + 1):
        seen = sequence.detections.get(number, NOBODY)
        people = [
            PersonPose(nothing, box.astype(np.float32), float(sure))
            for box, sure in zip(seen.boxes, seen.confidence, strict=True)
        ]
        stamp = int(number / sequence.rate * 1e9)
        poses = PoseFrame(stamp, sequence.name, sequence.width, sequence.height, people=people)
        found[number] = tracks.boxes(tracker.update(poses))
    return found


def prepared(truth: Mapping[int, Truth], tracks: Mapping[int, Boxes]) -> tuple[dict[int, Boxes], dict[int, Boxes]]:
    """What is scored, as TrackEval prepares MOT16 to MOT20: the pedestrians that count, and the tracks without those
    that lie on a distractor.

    In each image tracks and boxes of every class are assigned to each other by overlap, from MATCH_IOU on.
    """
    people = {number: one.people for number, one in truth.items()}
    return people, {
        number: boxes if number not in truth else _off_distractors(truth[number], boxes)
        for number, boxes in tracks.items()
    }


def _off_distractors(truth: Truth, tracks: Boxes) -> Boxes:
    if not truth.distracts.any():
        return tracks
    overlap = iou_matrix(_corners(truth.boxes.boxes), _corners(tracks.boxes))
    overlap[overlap < MATCH_IOU - np.finfo(float).eps] = 0
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    stays = np.ones(len(tracks.ids), bool)
    stays[columns[(overlap[rows, columns] > 0) & truth.distracts[rows]]] = False
    return tracks.where(stays)


def score(sequences: Iterable[tuple[Mapping[int, Boxes], Mapping[int, Boxes]]]) -> MotScore:
    """Figures of pairs (truth, tracks), several sequences counted together as MOTChallenge does.

    Raises UsageError when the library that computes them is missing.
    """
    parts = [_numbered(truth, tracks) for truth, tracks in sequences]
    combined: dict[str, Any] = {}
    for metric in _metrics():
        found = {str(number): metric.eval_sequence(part) for number, part in enumerate(parts)}
        combined |= metric.combine_sequences(found)
    return MotScore(
        hota=float(np.mean(combined["HOTA"])),
        deta=float(np.mean(combined["DetA"])),
        assa=float(np.mean(combined["AssA"])),
        idf1=float(combined["IDF1"]),
        mota=float(combined["MOTA"]),
        switches=int(combined["IDSW"]),
    )


def _numbered(truth: Mapping[int, Boxes], tracks: Mapping[int, Boxes]) -> dict[str, Any]:
    """One sequence as TrackEval takes it: ids from 0 without gaps, and the overlap of all pairs in each image."""
    numbers = sorted(truth.keys() | tracks.keys())
    true, found = [truth.get(n, NOBODY) for n in numbers], [tracks.get(n, NOBODY) for n in numbers]
    data: dict[str, Any] = {"num_timesteps": len(numbers)}
    for name, images in (("gt", true), ("tracker", found)):
        everybody = np.unique(np.concatenate([NOBODY.ids, *(boxes.ids for boxes in images)]))
        data[f"{name}_ids"] = [np.searchsorted(everybody, boxes.ids) for boxes in images]
        data[f"num_{name}_ids"] = len(everybody)
        data[f"num_{name}_dets"] = sum(len(boxes.ids) for boxes in images)
    data["similarity_scores"] = [
        iou_matrix(_corners(one.boxes), _corners(other.boxes)) for one, other in zip(true, found, strict=True)
    ]
    return data


def _corners(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)


def _metrics() -> list[Any]:
    """HOTA, identity and CLEAR metrics of TrackEval (MIT), by which MOTChallenge is evaluated. Raises UsageError."""
    try:
        from trackeval import metrics
    except ImportError as error:
        raise UsageError(
            f"HOTA is computed by TrackEval, and {error.name} is missing: "
            "pip install --no-deps -r benchmark/metrics.txt, or use ./rt-gait test, which does"
        ) from error
    told = {"THRESHOLD": MATCH_IOU, "PRINT_CONFIG": False}
    return [metrics.HOTA(), metrics.Identity(told), metrics.CLEAR(told)]
