"""Multi-object tracking as MOTChallenge files, and its figures: HOTA, IDF1, MOTA, switches."""

import configparser
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.similarity import iou_matrix
from rt_gait_ros.tracking.track import TrackFrame, TrackState
from rt_gait_ros.tracking.tracker import Tracker

# Overlap from which a track's box counts as the person's in IDF1, MOTA and switches (MOTChallenge).
MATCH_IOU = 0.5

# Images in a row in which a track that is not seen still counts as a result, with its predicted box: so long it is
# likelier that the detector missed the person than that nobody is there to see.
UNSEEN = 2

# Columns of a MOT17/MOT20 ground truth line; older sets have world coordinates in its place, and ten columns.
_COLUMNS_WITH_CLASS = 9
_PEDESTRIAN = 1


@dataclass(frozen=True, slots=True)
class Boxes:
    """One image's boxes. ids: (N,) int64. boxes: (N, 4) float64 left, top, width, height. confidence: (N,) float64."""

    ids: np.ndarray
    boxes: np.ndarray
    confidence: np.ndarray

    @classmethod
    def of(cls, ids: Any, boxes: Any, confidence: Any = None) -> "Boxes":
        """From sequences; confidence 1 when not given."""
        ids = np.asarray(ids, np.int64).reshape(-1)
        given = np.ones(len(ids)) if confidence is None else np.asarray(confidence, np.float64).reshape(-1)
        return cls(ids, np.asarray(boxes, np.float64).reshape(-1, 4), given)


NOBODY = Boxes.of([], [])


@dataclass(frozen=True, slots=True)
class MotScore:
    """Figures of one or more sequences. hota, deta, assa, idf1, mota: 0..1 (mota may be less). switches: count."""

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


@dataclass(frozen=True, slots=True)
class Sequence:
    """A folder of a MOTChallenge set: NAME/seqinfo.ini, NAME/det/det.txt, NAME/gt/gt.txt. rate: images per second."""

    name: str
    rate: float
    length: int
    width: int
    height: int
    detections: dict[int, Boxes]
    truth: dict[int, Boxes]


def read_sequences(folder: Path) -> list[Sequence]:
    """All sequences below `folder`, or the one that it is. Raises UsageError when there is none, or a file is amiss."""
    infos = sorted(folder.glob("*/seqinfo.ini")) or sorted(folder.glob("seqinfo.ini"))
    if not infos:
        raise UsageError(f"{folder} holds no MOTChallenge sequence: NAME/seqinfo.ini is not there")
    return [_read_sequence(info) for info in infos]


def _read_sequence(info: Path) -> Sequence:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(info.read_text(encoding="utf-8"))
        told = parser["Sequence"]
        rate, length = float(told["frameRate"]), int(told["seqLength"])
        width, height = int(told["imWidth"]), int(told["imHeight"])
    except (OSError, KeyError, ValueError, configparser.Error) as error:
        raise UsageError(f"{info} is no MOTChallenge seqinfo.ini: {error}") from error
    if not rate > 0:
        raise UsageError(f"{info}: frameRate is {rate}; images per second are needed")
    detections = read_mot(info.parent / "det" / "det.txt")
    confidence = np.concatenate([boxes.confidence for boxes in detections.values()] or [np.zeros(0)])
    if len(confidence) and (confidence.min() < 0 or confidence.max() > 1):
        raise UsageError(f"{info.parent}: confidences of det.txt are not within 0..1; use the FRCNN or SDP detections")
    return Sequence(info.parent.name, rate, length, width, height, detections, read_mot(info.parent / "gt" / "gt.txt"))


def track(sequence: Sequence) -> dict[int, Boxes]:
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


def read_mot(path: Path) -> dict[int, Boxes]:
    """Boxes by image number (the first is 1) of a det.txt, gt.txt or result file.

    Of a ground truth, only what counts and is a pedestrian. Raises UsageError where the file is none.
    """
    try:
        lines = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no MOTChallenge file: {error}") from error
    if not lines.size:
        return {}
    if lines.shape[1] < 7:
        raise UsageError(f"{path} is no MOTChallenge file: {lines.shape[1]} columns, 7 or more are needed")
    if path.name.startswith("gt"):
        counts = lines[:, 6] != 0
        if lines.shape[1] == _COLUMNS_WITH_CLASS:
            counts &= lines[:, 7] == _PEDESTRIAN
        lines = lines[counts]
    numbers = lines[:, 0].astype(int)
    return {
        int(number): Boxes.of(*(lines[numbers == number][:, columns] for columns in (1, slice(2, 6), 6)))
        for number in np.unique(numbers)
    }


def write_mot(path: Path, images: Mapping[int, Boxes]) -> None:
    """Write boxes by image number as a MOTChallenge result file. Raises GaitError where that cannot be done."""
    lines = [
        f"{number},{body},{box[0]:.2f},{box[1]:.2f},{box[2]:.2f},{box[3]:.2f},{sure:.3f},-1,-1,-1\n"
        for number in sorted(images)
        for body, box, sure in zip(images[number].ids, images[number].boxes, images[number].confidence, strict=True)
    ]
    try:
        path.write_text("".join(lines), encoding="ascii")
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}") from error


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
