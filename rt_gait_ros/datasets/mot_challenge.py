"""Files of MOTChallenge: sequences, their detections and ground truth, and results.

Whatever TrackEval, by which MOTChallenge is evaluated, refuses to score is refused here: images that the sequence does
not have, an id twice in one image, classes that the sets do not know.
"""

import configparser
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.paths import replace_file

_LARGEST = 2**53  # number of an image or id: the files are read as double precision
# Columns: image, id, left, top, width, height, confidence (in a ground truth 0 for what does not count), class.
_COUNTS, _CLASS = 6, 7
# Ground truth with classes has eight columns or more (MOT16 to MOT20: nine). MOT15 has ten, of which the last three are
# world coordinates in metres, or -1 where they are not known.
_COLUMNS_WITH_CLASS, _COLUMNS_OF_MOT15 = 8, 10
# Classes of MOT16 to MOT20 (Dendorfer et al., "MOTChallenge", IJCV 2021).
PEDESTRIAN, LAST_CLASS = 1, 13
# Person on a vehicle, static person, distractor, reflection: a track on one of these is neither right nor wrong. MOT20
# adds the vehicle without a motor.
_DISTRACTORS, _DISTRACTORS_OF_MOT20 = (2, 7, 8, 12), (2, 6, 7, 8, 12)


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

    def where(self, chosen: np.ndarray) -> "Boxes":
        """Those of a mask (N,) bool."""
        return Boxes(self.ids[chosen], self.boxes[chosen], self.confidence[chosen])


NOBODY = Boxes.of([], [])


@dataclass(frozen=True, slots=True)
class Truth:
    """One image's ground truth: every box of the file.

    counts: (N,) bool, pedestrians that are to be found. distracts: (N,) bool, what a track may lie on for nothing.
    """

    boxes: Boxes
    counts: np.ndarray
    distracts: np.ndarray

    @property
    def people(self) -> Boxes:
        """The pedestrians that are to be found."""
        return self.boxes.where(self.counts)


@dataclass(frozen=True, slots=True)
class MotSequence:
    """A folder of a MOTChallenge set: NAME/seqinfo.ini, NAME/det/det.txt, NAME/gt/gt.txt. rate: images per second.

    length: images, numbered from 1. detections, truth: by image number.
    """

    name: str
    rate: float
    length: int
    width: int
    height: int
    detections: dict[int, Boxes]
    truth: dict[int, Truth]


def read_sequences(folder: Path) -> list[MotSequence]:
    """All sequences below `folder`, or the one that it is. Raises UsageError when there is none, or a file is amiss."""
    infos = sorted(folder.glob("*/seqinfo.ini")) or sorted(folder.glob("seqinfo.ini"))
    if not infos:
        raise UsageError(f"{folder} holds no MOTChallenge sequence: NAME/seqinfo.ini is not there")
    return [_read_sequence(info) for info in infos]


def _read_sequence(info: Path) -> MotSequence:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(info.read_text(encoding="utf-8-sig"))
        told = parser["Sequence"]
        rate, length = float(told["frameRate"]), int(told["seqLength"])
        width, height = int(told["imWidth"]), int(told["imHeight"])
    except (OSError, KeyError, ValueError, configparser.Error) as error:
        reason = " ".join(str(error).split())  # configparser's messages have several lines
        raise UsageError(f"{info} is no MOTChallenge seqinfo.ini: {reason}") from error
    if not (0 < rate < np.inf and min(length, width, height) > 0):
        raise UsageError(f"{info}: frameRate, seqLength, imWidth and imHeight must be above 0")
    name = info.parent.absolute().name  # of the folder "." as well
    detections = read_mot(info.parent / "det" / "det.txt", length)
    confidence = np.concatenate([boxes.confidence for boxes in detections.values()] or [np.zeros(0)])
    if len(confidence) and (confidence.min() < 0 or confidence.max() > 1):
        raise UsageError(f"{info.parent}: confidences of det.txt are not within 0..1; use the FRCNN or SDP detections")
    truth = read_truth(info.parent / "gt" / "gt.txt", length, mot20=name.upper().startswith("MOT20"))
    return MotSequence(name, rate, length, width, height, detections, truth)


def read_mot(path: Path, length: int | None = None) -> dict[int, Boxes]:
    """Boxes by image number of a det.txt.

    length: images of the sequence; an image beyond 1..length is refused. Raises UsageError where the file is none.
    """
    return {number: _boxes(lines) for number, lines in _by_image(path, _read_lines(path), length).items()}


def read_tracks(path: Path, length: int | None = None) -> dict[int, Boxes]:
    """As read_mot, of a result file: an id stands once in an image, and a class, where one is given, is 1.

    Raises UsageError.
    """
    lines = _read_lines(path)
    if lines.shape[1] >= _COLUMNS_WITH_CLASS and lines.size and lines[:, _CLASS].max() > PEDESTRIAN:
        raise UsageError(
            f"{path}: class {lines[:, _CLASS].max():g} in column 8; only tracks of pedestrians, class 1 or -1, count"
        )
    found = {number: _boxes(part) for number, part in _by_image(path, lines, length).items()}
    _check_ids(path, found)
    return found


def read_truth(path: Path, length: int | None = None, mot20: bool = False) -> dict[int, Truth]:
    """As read_mot, of a ground truth. mot20: distractors are those of MOT20, which has one class more.

    Column 8 is the class, except in MOT15's ten columns: those hold world coordinates behind the seventh, or -1. They
    are told from classes by not being whole numbers from 0 to 13. Raises UsageError.
    """
    lines = _read_lines(path)
    if lines.size and lines.shape[1] < _COLUMNS_WITH_CLASS:
        raise UsageError(f"{path} has {lines.shape[1]} columns: a ground truth has a class in column 8, 1 for a person")
    classes = _classes(path, lines)
    counts = lines[:, _COUNTS] != 0
    if classes is None:
        labelled = np.column_stack((lines, counts, np.zeros(len(lines))))
    else:
        distracts = np.isin(classes, _DISTRACTORS_OF_MOT20 if mot20 else _DISTRACTORS)
        labelled = np.column_stack((lines, counts & (classes == PEDESTRIAN), distracts))
    truth = {
        number: Truth(_boxes(part), part[:, -2] != 0, part[:, -1] != 0)
        for number, part in _by_image(path, labelled, length).items()
    }
    _check_ids(path, {number: one.boxes for number, one in truth.items()})
    return truth


def _classes(path: Path, lines: np.ndarray) -> np.ndarray | None:
    """Column 8 where it holds classes, or None. Raises UsageError for classes that are none."""
    if not lines.size:
        return None
    column = lines[:, _CLASS]
    if lines.shape[1] == _COLUMNS_OF_MOT15:
        whole = (column == np.round(column)) & (column >= -1) & (column <= LAST_CLASS)
        if not whole.all() or (column == -1).all():
            return None
    unknown = column[~np.isin(column, np.arange(1, LAST_CLASS + 1))]
    if len(unknown):
        raise UsageError(f"{path}: class {unknown[0]:g} in column 8; classes are 1 (pedestrian) to {LAST_CLASS}")
    return column


def _read_lines(path: Path) -> np.ndarray:
    """The file as (N, columns) float64. Raises UsageError."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: ")  # a file without lines: nobody was seen
            lines = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64, encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no MOTChallenge file: {str(error).splitlines()[0]}") from error
    if not lines.size:
        return np.zeros((0, _COLUMNS_WITH_CLASS))
    if lines.shape[1] < _COUNTS + 1:
        raise UsageError(f"{path} is no MOTChallenge file: {lines.shape[1]} columns, 7 or more are needed")
    numbers = lines[:, :2]
    whole = (numbers == np.round(numbers)) & (np.abs(numbers) <= _LARGEST)
    if not (np.isfinite(lines[:, : _COUNTS + 1]).all() and whole.all()):
        raise UsageError(f"{path} is no MOTChallenge file: images and ids must be whole numbers, boxes finite ones")
    return lines


def _by_image(path: Path, lines: np.ndarray, length: int | None) -> dict[int, np.ndarray]:
    """Lines by image number, ascending. Raises UsageError for images that the sequence does not have."""
    last = np.inf if length is None else length
    wrong = np.unique(lines[:, 0][(lines[:, 0] < 1) | (lines[:, 0] > last)])
    if len(wrong):
        end = "" if length is None else f" to {length} (seqLength of seqinfo.ini)"
        some = ", ".join(f"{number:.0f}" for number in wrong[:3]) + (", ..." if len(wrong) > 3 else "")
        raise UsageError(f"{path}: image {some} is not of the sequence, whose images are counted from 1{end}")
    if not len(lines):
        return {}
    lines = lines[np.argsort(lines[:, 0], kind="stable")]
    numbers, starts = np.unique(lines[:, 0], return_index=True)
    return {int(number): part for number, part in zip(numbers, np.split(lines, starts[1:]), strict=True)}


def _boxes(lines: np.ndarray) -> Boxes:
    return Boxes.of(lines[:, 1], lines[:, 2:6], lines[:, 6])


def _check_ids(path: Path, images: Mapping[int, Boxes]) -> None:
    """Raise UsageError for an id that stands more than once in an image."""
    for number, boxes in images.items():
        ids, times = np.unique(boxes.ids, return_counts=True)
        if (times > 1).any():
            raise UsageError(f"{path}: id {ids[times > 1][0]} stands {times.max()} times in image {number}, not once")


def write_mot(path: Path, images: Mapping[int, Boxes]) -> None:
    """Write boxes by image number as a MOTChallenge result file. Raises GaitError where that cannot be done."""
    lines = [
        f"{number},{body},{box[0]:.2f},{box[1]:.2f},{box[2]:.2f},{box[3]:.2f},{sure:.3f},-1,-1,-1\n"
        for number in sorted(images)
        for body, box, sure in zip(images[number].ids, images[number].boxes, images[number].confidence, strict=True)
    ]
    try:
        replace_file(path, "".join(lines).encode("ascii"))
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}") from error
