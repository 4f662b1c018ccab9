"""Figures of an evaluation, drawn with OpenCV alone: a robot needs no plotting library."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.evaluation.open_set import DetCurve
from rt_gait_ros.evaluation.reliability import BINS, Reliability
from rt_gait_ros.image_files import write_image

SIZE, MARGIN = 480, 64
LEAST = 0.002  # share at the lower end of a DET plot's axes
_TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_LABEL = 22  # pixels that a count takes along an axis
_CELL = 44  # pixels of a matrix cell
_SERIES = ((180, 90, 20), (40, 120, 220), (60, 140, 60), (150, 50, 150))
_INK, _GRID, _LINE, _BAR = (40, 40, 40), (225, 225, 225), (180, 90, 20), (235, 205, 170)


def det_plot(curves: Mapping[str, DetCurve], title: str) -> np.ndarray:
    """DET curves by name, on logarithmic axes: (H, W, 3) uint8, BGR."""
    side = SIZE + 2 * MARGIN
    canvas = np.full((side, side, 3), 255, np.uint8)
    for tick in _TICKS:
        x, y = (int(v) for v in _place(np.array([tick]), np.array([tick]))[0])
        cv2.line(canvas, (x, MARGIN), (x, MARGIN + SIZE), _GRID, 1)
        cv2.line(canvas, (MARGIN, y), (MARGIN + SIZE, y), _GRID, 1)
        _write(canvas, f"{tick:g}", (x - 14, MARGIN + SIZE + 18))
        _write(canvas, f"{tick:g}", (MARGIN - 44, y + 4))
    cv2.rectangle(canvas, (MARGIN, MARGIN), (MARGIN + SIZE, MARGIN + SIZE), _INK, 1)
    for number, (name, curve) in enumerate(curves.items()):
        colour = _SERIES[number % len(_SERIES)]
        points = _place(curve.false_match, curve.false_non_match)
        cv2.polylines(canvas, [points.astype(np.int32)], False, colour, 2, cv2.LINE_AA)
        _write(canvas, name, (MARGIN + 12, MARGIN + SIZE - 12 - 20 * (len(curves) - 1 - number)), colour)
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


def matrix_plot(shares: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str) -> np.ndarray:
    """A matrix of shares as a heat map with the percentages in it, NaN left white: (H, W, 3) uint8, BGR."""
    height, width = shares.shape[0] * _CELL, shares.shape[1] * _CELL
    canvas = np.full((height + 2 * MARGIN, max(width, SIZE // 2) + 2 * MARGIN, 3), 255, np.uint8)
    levels = np.rint(255 * np.nan_to_num(shares)).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)
    for (row, column), share in np.ndenumerate(shares):
        left, top = MARGIN + column * _CELL, MARGIN + row * _CELL
        if not np.isnan(share):
            colour = [int(value) for value in colours[row, column]]
            cv2.rectangle(canvas, (left, top), (left + _CELL - 1, top + _CELL - 1), colour, -1)
            ink = (255, 255, 255) if share < 0.6 else _INK
            _write(canvas, f"{100 * share:.0f}", (left + 10, top + _CELL // 2 + 5), ink)
    for row, name in enumerate(rows):
        _write(canvas, name, (MARGIN - 34, MARGIN + row * _CELL + _CELL // 2 + 5))
    for column, name in enumerate(columns):
        _write(canvas, name, (MARGIN + column * _CELL + 8, MARGIN + height + 18))
    _write(canvas, title, (MARGIN - 34, MARGIN - 24))
    _write(canvas, "probe (vertical), gallery (horizontal), %", (MARGIN - 34, MARGIN - 8))
    return canvas


def count_plot(series: Mapping[str, Mapping[int, float]], x: str, title: str, y: str = "rank-1") -> np.ndarray:
    """Shares over counts, whose axis is logarithmic, one curve per name: (H, W, 3) uint8, BGR. series: not empty."""
    side = SIZE + 2 * MARGIN
    canvas = np.full((side, side, 3), 255, np.uint8)
    bottom = MARGIN + SIZE
    counts = sorted({count for curve in series.values() for count in curve})
    span = np.log(counts[-1] / counts[0]) if len(counts) > 1 else 1.0
    across = {count: MARGIN + round(SIZE * float(np.log(count / counts[0]) / span)) for count in counts}
    for tick in range(0, 11, 2):
        at = bottom - round(SIZE * tick / 10)
        cv2.line(canvas, (MARGIN, at), (bottom, at), _GRID, 1)
        _write(canvas, f"{tick / 10:g}", (MARGIN - 34, at + 4))
    written = -SIZE
    for count, at in across.items():
        cv2.line(canvas, (at, MARGIN), (at, bottom), _GRID, 1)
        if at - written >= _LABEL:
            _write(canvas, str(count), (at - 8, bottom + 18))
            written = at
    cv2.rectangle(canvas, (MARGIN, MARGIN), (bottom, bottom), _INK, 1)
    for number, (name, curve) in enumerate(series.items()):
        colour = _SERIES[number % len(_SERIES)]
        points = [(across[count], bottom - round(SIZE * share)) for count, share in sorted(curve.items())]
        cv2.polylines(canvas, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)
        for point in points:
            cv2.circle(canvas, point, 4, colour, -1, cv2.LINE_AA)
        _write(canvas, name, (MARGIN + 12, bottom - 12 - 20 * (len(series) - 1 - number)), colour)
    _write(canvas, title, (MARGIN, MARGIN - 24))
    _write(canvas, x, (MARGIN + SIZE // 2 - 40, side - 16))
    _write(canvas, f"{y} (vertical)", (MARGIN, MARGIN - 8))
    return canvas


def beside(*pictures: np.ndarray) -> np.ndarray:
    """Pictures in one, smaller ones padded with white."""
    tall = max(map(len, pictures))
    padded = [np.pad(i, ((0, tall - len(i)), (0, 0), (0, 0)), constant_values=255) for i in pictures]
    return np.concatenate(padded, axis=1)


def save_image(path: Path, image: np.ndarray) -> None:
    """Write a picture. Raises GaitError."""
    write_image(path, image)


def _place(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shares to pixels: (N, 2)."""
    span = -np.log(LEAST)
    right = MARGIN + SIZE * (1 + np.log(np.clip(x, LEAST, 1.0)) / span)
    down = MARGIN - SIZE * np.log(np.clip(y, LEAST, 1.0)) / span
    return np.stack([right, down], axis=1)


def _write(canvas: np.ndarray, text: str, corner: tuple[int, int], colour: tuple[int, int, int] = _INK) -> None:
    cv2.putText(canvas, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
