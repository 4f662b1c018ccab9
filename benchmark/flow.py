"""Optical flow of a walker: error and time of the gait frames' method beside OpenCV's others, on motion that is known.

A figure of a trunk and two legs, clad in a piece of one frame of real footage, is put before a piece of another and
moved: the trunk shifts, the legs swing around the hips. So the flow is known to the pixel, edges and occlusion as well.
"""

import argparse
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.sources import open_source

SUMMARY = "error and milliseconds of optical flow around a walker, beside Farneback's method"
REFERENCE = "Farneback, window 15"

SIDE, CELLS = 240, 60  # pixels and cells of the square around a person
NOISE = 2.0  # grey levels of sensor noise, standard deviation
FRAMES = 60  # read from each video
# Of a body 190 pixels high: at most this much of a shift and of a leg's turn from frame to frame, both ways.
SHIFT, RISE, TURN, STANCE = 6.0, 1.0, 7.0, 25.0

Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="real footage to take pixels from")
    parser.add_argument("--scenes", type=int, default=40, metavar="N", help="figures per video (40)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Mean end-point error on the figure in pixels, and median ms of one call, of each method. Raises GaitError."""
    if arguments.scenes < 1:
        raise UsageError(f"--scenes {arguments.scenes}: at least one is needed")
    cv2.setNumThreads(1)
    draw = np.random.default_rng(0)
    errors: dict[str, list[float]] = {name: [] for name in methods()}
    times: dict[str, list[float]] = {name: [] for name in methods()}
    for video in arguments.videos:
        frames = _grey(video)
        for _ in range(arguments.scenes):
            before, after, truth, figure = scene(frames, draw)
            for name, method in methods().items():
                start = time.perf_counter()
                found = method(before, after)
                times[name].append(1e3 * (time.perf_counter() - start))
                errors[name].append(float(np.linalg.norm(_cells(found) - truth, axis=-1)[figure].mean()))
        progress(f"{video.name}: {arguments.scenes} figures")
    means = {name: float(np.mean(values)) for name, values in errors.items()}
    medians = {name: float(np.median(values)) for name, values in times.items()}
    return [Row(f"{name}/error", means[name], "px", REFERENCE, means["farneback"]) for name in means] + [
        Row(f"{name}/ms", medians[name], "ms", REFERENCE, medians["farneback"]) for name in medians
    ]


def methods() -> dict[str, Flow]:
    """Each method by its name; "still" says that nothing moves."""

    def search(preset: int) -> Flow:
        dis = cv2.DISOpticalFlow.create(preset)
        return lambda before, after: np.asarray(dis.calc(before, after, None))

    return {
        "dis_fast": search(cv2.DISOPTICAL_FLOW_PRESET_FAST),
        "dis_ultrafast": search(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST),
        "dis_medium": search(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
        "farneback": lambda before, after: cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0),
        "still": lambda before, after: np.zeros((SIDE, SIDE, 2), np.float32),
    }


def scene(frames: list[np.ndarray], draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two images (240, 240) uint8, the flow between them (60, 60, 2) in pixels, and where the figure is (60, 60)."""
    clothes = _piece(frames, draw, 160)
    before = _piece(frames, draw, 300)
    after = before.copy()
    truth, figure = np.zeros((SIDE, SIDE, 2), np.float32), np.zeros((SIDE, SIDE), np.uint8)
    shift = draw.uniform(-SHIFT, SHIFT), draw.uniform(-RISE, RISE)
    parts = [((124.0, 125.0), 13, 80), ((116.0, 125.0), 13, 80), ((120.0, 40.0), 26, 95)]  # legs, then the trunk
    for (x, y), half, length in parts:
        stance, turn = (draw.uniform(-STANCE, STANCE), draw.uniform(-TURN, TURN)) if half < 20 else (0.0, 0.0)
        then, now = (cv2.getRotationMatrix2D((x, y), angle, 1.0) for angle in (stance, stance + turn))
        now[:, 2] += shift
        shape = np.zeros((SIDE, SIDE), np.uint8)
        shape[int(y) : int(y) + length, int(x) - half : int(x) + half] = 255
        for image, place in ((before, then), (after, now)):
            cover = cv2.warpAffine(shape, place, (SIDE, SIDE)).astype(np.float32) / 255
            cloth = cv2.warpAffine(clothes, place, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
            image[:] = (image * (1 - cover) + cloth * cover).round()
        covered = cv2.warpAffine(shape, then, (SIDE, SIDE)) > 127
        truth[covered] = _motion(then, now)[covered]
        figure[covered] = 255
    noisy = [np.clip(i + draw.normal(0, NOISE, i.shape), 0, 255).astype(np.uint8) for i in (before, after)]
    return noisy[0], noisy[1], _cells(truth), _cells(figure) > 127


def _motion(then: np.ndarray, now: np.ndarray) -> np.ndarray:
    """How far each pixel goes between two places (2, 3) of one part: (240, 240, 2)."""
    square = [np.vstack([place, (0.0, 0.0, 1.0)]) for place in (then, now)]
    step = square[1] @ np.linalg.inv(square[0])
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    points = np.stack([x, y], axis=-1)
    return np.asarray(points @ step[:2, :2].T + step[:2, 2] - points, np.float32)


def _cells(values: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(values, (CELLS, CELLS), interpolation=cv2.INTER_AREA))


def _piece(frames: list[np.ndarray], draw: np.random.Generator, side: int) -> np.ndarray:
    """A square of one of the frames that is not all of one grey, as (240, 240)."""
    for _ in range(1000):
        frame = frames[draw.integers(len(frames))]
        size = min(side, *frame.shape)
        y, x = (draw.integers(length - size + 1) for length in frame.shape)
        piece = frame[y : y + size, x : x + size]
        if piece.std() >= 10:
            return np.asarray(cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    raise UsageError("the footage has no texture: take another")


def _grey(video: Path) -> list[np.ndarray]:
    with open_source(str(video), pace=False) as source:
        frames = [cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY) for frame in islice(source, FRAMES)]
    if not frames:
        raise UsageError(f"{video} holds no frames: name another video")
    return frames
