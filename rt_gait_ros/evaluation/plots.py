"""Figures of an evaluation, drawn with OpenCV alone: a robot needs no plotting library."""

from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.open_set import DetCurve

SIZE, MARGIN = 480, 64
LEAST = 0.002  # share at the lower end of a DET plot's axes
_TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_INK, _GRID, _LINE = (40, 40, 40), (225, 225, 225), (180, 90, 20)


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
