"""Whom the pose stage finds: by height in generated scenes and small footage; in video, by decoder and input size."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pose_recall

from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.image_files import write_image
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.layouts import LEFT_ANKLE, LEFT_HIP, RIGHT_ANKLE, TRT_POSE
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.sources import Frame, open_source

SUMMARY = "recall and precision by person height; with --video also people, ankles, jitter and time per decoder"

# Decoder and longer side of its image.
CHOICES = (
    ("nanodet", 320),
    ("openpose_mobilenet_thin", 256),
    ("openpose_mobilenet_thin", 320),
    ("openpose_mobilenet_thin", 432),
    ("movenet_multipose", 256),
    ("movenet_multipose", 320),
    ("movenet_multipose", 384),
)
ANKLE_CONFIDENCE = 0.3
# A joint counts as standing while it travels less than this over STANDING_FRAMES, in body heights per second.
STANDING_SPEED = 0.25
STANDING_FRAMES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--video", type=Path, action="append", default=[], help="a video for the figures per decoder, several times too"
    )
    parser.add_argument(
        "--scenes", type=int, default=4, metavar="N", help="generated scenes for each height of the camera (4); 0: none"
    )
    parser.add_argument(
        "--large", type=int, default=1, metavar="N", help="generated scenes of 3840x2160, a minute each (1); 0: none"
    )
    parser.add_argument(
        "--footage", type=Path, metavar="FILE", help="pedestrians from afar, as vtest.avi, seen at a half and a third"
    )
    parser.add_argument("--images", type=int, default=150, metavar="N", help="images of each video (150)")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write one annotated picture per decoder here")


@dataclass
class Outcome:
    """What one run over one video gave."""

    times: list[float] = field(default_factory=list)
    frames: list[PoseFrame] = field(default_factory=list)


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Play the generated scenes, the footage, and every choice on every video.

    Rows generated/recall_H and so on, as pose_recall has them (recall_standing_H: of those who have been in view for
    0.8 seconds without a break, for a second in large), large/recall_H and so on of 3840x2160, and of footage
    NAME_2/recall_H and NAME_3/recall_H. Of videos VIDEO/DECODER_SIZE/people (mean per image), both_ankles (share of
    people), ms (median per image, in process), and VIDEO/jitter (pixels from image to image of standing joints, with
    the filter; the reference is without it).
    Raises UsageError for a video that cannot be read.
    """
    client = OnnxClient(resource("model_repository"), timeout=60.0)
    rows = []
    try:
        if arguments.scenes > 0:
            rows += pose_recall.generated(client, arguments.scenes, progress)
        if arguments.large > 0:
            rows += pose_recall.large(client, arguments.large, progress)
        if arguments.footage is not None:
            images, rate = _read(arguments.footage, arguments.images)
            for shrink in (2, 3):
                rows += pose_recall.shrunk(client, arguments.footage.stem, images, rate, shrink)
                progress(f"{arguments.footage.name} at 1/{shrink}")
        for video in arguments.video:
            images, rate = _read(video, arguments.images)
            for detector, size in CHOICES:
                config = PoseConfig(detector=detector, detector_size=size)
                outcome = _run(client, config, images, rate)
                progress(f"{video.name}, {detector} {size}: {np.median(outcome.times):.1f} ms an image")
                rows += _rows(f"{video.stem}/{detector}_{size}", outcome)
                if arguments.pictures:
                    _picture(arguments.pictures / f"{video.stem}_{detector}.jpg", images, outcome)
            rows.append(_jitter_row(client, video.stem, images, rate))
    finally:
        client.close()
    return rows


def _read(video: Path, count: int) -> tuple[list[np.ndarray], float]:
    """The first images of a video, at most 960 pixels wide, and its rate in images per second."""
    images: list[np.ndarray] = []
    with open_source(str(video), pace=False) as source:
        for frame in islice(source, count):
            scale = min(960 / frame.image.shape[1], 1.0)
            images.append(cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        return images, source.fps or 25.0


def _run(client: OnnxClient, config: PoseConfig, images: list[np.ndarray], rate: float) -> Outcome:
    """The pipeline over all images."""
    pipeline, outcome = PosePipeline(client, config), Outcome()
    pipeline.warm_up()
    for number, image in enumerate(images):
        start = time.perf_counter()
        outcome.frames.append(pipeline.process(Frame(image, round(number / rate * 1e9))))
        outcome.times.append((time.perf_counter() - start) * 1e3)
    return outcome


def _rows(name: str, outcome: Outcome) -> list[Row]:
    """People, ankles and time."""
    people = [person for frame in outcome.frames for person in frame.people]
    ankles = [bool((person.keypoints[[LEFT_ANKLE, RIGHT_ANKLE], 2] >= ANKLE_CONFIDENCE).all()) for person in people]
    return [
        Row(f"{name}/people", len(people) / len(outcome.frames), "people/image"),
        Row(f"{name}/both_ankles", float(np.mean(ankles)) if ankles else float("nan"), "share"),
        Row(f"{name}/ms", float(np.median(outcome.times)), "ms"),
    ]


def _jitter_row(client: OnnxClient, name: str, images: list[np.ndarray], rate: float) -> Row:
    """How far standing joints tremble, with and without the filter, on the same joints and images."""
    raw, filtered = (
        _longest_follow(_run(client, PoseConfig(smoothing=smoothing, keypoint_confidence=0.0), images, rate).frames)
        for smoothing in (False, True)
    )
    speed = np.linalg.norm(raw[STANDING_FRAMES:, :, :2] - raw[:-STANDING_FRAMES, :, :2], axis=-1)
    height = np.ptp(raw[:, :, 1], axis=1).max()
    standing = speed / height * rate / STANDING_FRAMES < STANDING_SPEED
    with_filter, without = (
        float(np.linalg.norm(np.diff(track[:, :, :2], axis=0), axis=-1)[STANDING_FRAMES - 1 :][standing].mean())
        if standing.any()
        else float("nan")
        for track in (filtered, raw)
    )
    return Row(f"{name}/jitter", with_filter, "px", "without filter", without)


def _longest_follow(frames: list[PoseFrame]) -> np.ndarray:
    """Hips, knees and ankles (N, 6, 3) of the first person in the longest stretch of images without a leap."""
    best: list[np.ndarray] = []
    current: list[np.ndarray] = []
    for frame in frames:
        joints = frame.people[0].keypoints[LEFT_HIP : RIGHT_ANKLE + 1] if frame.people else None
        leaps = bool(current) and joints is not None and np.abs(joints - current[-1])[:, :2].max() > 0.5 * frame.height
        if joints is None or leaps:
            current = []
        if joints is not None:
            current = [*current, joints]
        best = max(best, current, key=len)
    return np.stack(best) if best else np.zeros((STANDING_FRAMES, 6, 3))


def _picture(path: Path, images: list[np.ndarray], outcome: Outcome) -> None:
    """The image with the most people worth recognising, with their boxes and skeletons."""
    best = max(range(len(images)), key=lambda n: sum(person.quality for person in outcome.frames[n].people))
    image = images[best].copy()
    for person in outcome.frames[best].people:
        x, y, width, height = person.box.round().astype(int).tolist()
        cv2.rectangle(image, (x, y), (x + width, y + height), (0, 200, 255), 1)
        for start, end in TRT_POSE.links[:, 2:]:
            limb = person.keypoints[[start, end], :2]
            if np.isfinite(limb).all():
                (x0, y0), (x1, y1) = limb.round().astype(int).tolist()
                cv2.line(image, (x0, y0), (x1, y1), (0, 255, 0), 2, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, image)
