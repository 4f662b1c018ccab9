"""SORT, ByteTrack and OC-SORT of the package `trackers` (Apache-2.0), and ours, behind one call."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tracker_scenes import RATE, View

from rt_gait_ros.datasets.mot_challenge import Boxes
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.mot import Tracks
from rt_gait_ros.tracking import Tracker

PEERS = {"SORT": "SORTTracker", "ByteTrack": "ByteTrackTracker", "OC-SORT": "OCSORTTracker"}

Run = tuple[dict[int, Boxes], list[float]]


def ours(views: list[View]) -> Run:
    """Results by image number, and the milliseconds of one core that each image took."""
    tracker, tracks = Tracker(seed=0), Tracks()
    found, times = {}, []
    for number, view in enumerate(views):
        start = time.thread_time()
        frame = tracker.update(view.poses, view.motion)
        times.append((time.thread_time() - start) * 1e3)
        found[number] = tracks.boxes(frame)
    return found, times


def peers() -> dict[str, Callable[[list[View]], Run]]:
    """The other trackers, as they come, told the camera's rate and every image's time. Raises UsageError."""
    try:
        import supervision
        import trackers
    except ImportError as error:
        raise UsageError(
            f"the trackers compared with need {error.name}: pip install --no-deps -r benchmark/requirements.txt"
        ) from error

    def run(kind: str, views: list[View]) -> Run:
        tracker = getattr(trackers, kind)(frame_rate=RATE)
        found, times = {}, []
        for number, view in enumerate(views):
            detections = _detections(supervision, view)
            start = time.thread_time()
            result = tracker.update(detections, timestamp=view.poses.stamp / 1e9)
            times.append((time.thread_time() - start) * 1e3)
            believed = result.tracker_id >= 0 if result.tracker_id is not None else np.zeros(len(result), bool)
            boxes = result.xyxy[believed].astype(float)
            boxes[:, 2:] -= boxes[:, :2]
            found[number] = Boxes.of(result.tracker_id[believed] if len(boxes) else [], boxes)
        return found, times

    return {name: lambda views, kind=kind: run(kind, views) for name, kind in PEERS.items()}


def _detections(supervision: Any, view: View) -> Any:
    people = view.poses.people
    boxes = np.array([person.box for person in people], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return supervision.Detections(
        xyxy=boxes,
        confidence=np.array([person.confidence for person in people], dtype=np.float64),
        class_id=np.zeros(len(people), dtype=int),
    )
