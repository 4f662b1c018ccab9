"""Figures of an evaluation, drawn with OpenCV alone: a robot needs no plotting library."""

from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.open_set import DetCurve
from rt_gait_ros.evaluation.reliability import BINS, Reliability

SIZE, MARGIN = 480, 64
LEAST = 0.002  # share at the lower end of a DET plot's axes
_TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_INK, _GRID, _LINE, _BAR = (40, 40, 40), (225, 225, 225), (180, 90, 20), (235, 205, 170)


def det_plot(curve: DetCurve, title: str) -> np.ndarray:
    """A DET curve on logarithmic axes: (H, W, 3) uint8, BGR."""
    side = SIZE + 2 * MARGIN
    canvas = np.full((side, side, 3), 255, np.uint8)
    for tick in _TICKS:
        x, y = (int(v) for v in _place(np.array([tick]), np.array([tick]))[0])
        cv2.line(canvas, (x, MARGIN), (x, MARGIN + SIZE), _GRID, 1)
        cv2.line(canvas, (MARGIN, y), (MARGIN + SIZE, y), _GRID, 1)
        _write(canvas, f"{tick:g}", (x - 14, MARGIN + SIZE + 18))
        _write(canvas, f"{tick:g}", (MARGIN - 44, y + 4))
    cv2.rectangle(canvas, (MARGIN, MARGIN), (MARGIN + SIZE, MARGIN + SIZE), _INK, 1)
    points = _place(curve.false_match, curve.false_non_match)
    cv2.polylines(canvas, [points.astype(np.int32)], False, _LINE, 2, cv2.LINE_AA)
    _write(canvas, title, (MARGIN, MARGIN - 24))
    _write(canvas, "false match rate", (MARGIN + SIZE // 2 - 60, side - 16))
    _write(canvas, "false non-match rate (vertical)", (MARGIN, MARGIN - 8))
    return canvas


def reliability_plot(found: Reliability, title: str) -> np.ndarray:
    """Observed share over stated probability, a bar for each step, beside the diagonal of honesty: (H, W, 3) uint8."""
    side = SIZE + 2 * MARGIN
    canvas = np.full((side, side, 3), 255, np.uint8)
    bottom = MARGIN + SIZE
    for tick in range(0, 11, 2):
        at = round(SIZE * tick / 10)
        cv2.line(canvas, (MARGIN + at, MARGIN), (MARGIN + at, bottom), _GRID, 1)
        cv2.line(canvas, (MARGIN, bottom - at), (bottom, bottom - at), _GRID, 1)
        _write(canvas, f"{tick / 10:g}", (MARGIN + at - 10, bottom + 18))
        _write(canvas, f"{tick / 10:g}", (MARGIN - 34, bottom - at + 4))
    for step, (stated, observed, weight) in enumerate(zip(found.stated, found.observed, found.weight, strict=True)):
        if weight > 0:
            left, right = (MARGIN + round(SIZE * edge / BINS) for edge in (step, step + 1))
            cv2.rectangle(canvas, (left + 3, bottom - round(SIZE * observed)), (right - 3, bottom), _BAR, -1)
            place = MARGIN + round(SIZE * stated), bottom - round(SIZE * observed)
            cv2.circle(canvas, place, 3 + round(14 * float(np.sqrt(weight))), _LINE, -1, cv2.LINE_AA)
    cv2.line(canvas, (MARGIN, bottom), (bottom, MARGIN), _INK, 1, cv2.LINE_AA)
    cv2.rectangle(canvas, (MARGIN, MARGIN), (bottom, bottom), _INK, 1)
    _write(canvas, f"{title}: mean gap {100 * found.error:.1f} %", (MARGIN, MARGIN - 24))
    _write(canvas, "stated probability; dot: share of the pairs", (MARGIN + SIZE // 2 - 150, side - 16))
    _write(canvas, "share that is one person (vertical)", (MARGIN, MARGIN - 8))
    return canvas


def save_image(path: Path, image: np.ndarray) -> None:
    """Write a picture. Raises GaitError."""
    if not cv2.imwrite(str(path), image):
        raise GaitError(f"{path} cannot be written: is its folder there, and its name one of a picture?")


def _place(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shares to pixels: (N, 2)."""
    span = -np.log(LEAST)
    right = MARGIN + SIZE * (1 + np.log(np.clip(x, LEAST, 1.0)) / span)
    down = MARGIN - SIZE * np.log(np.clip(y, LEAST, 1.0)) / span
    return np.stack([right, down], axis=1)


def _write(canvas: np.ndarray, text: str, corner: tuple[int, int]) -> None:
    cv2.putText(canvas, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
