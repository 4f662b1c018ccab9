"""A stranger who crosses somebody known: the name does not pass over with the track. These seeds once gave it away."""

import importlib.util
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.tracking import Tracker, TrackState

ANGLES = {1: 20, 2: 75}  # of the known person's walk and the stranger's, in degrees
CONFIG = RecognizerConfig(model="angle", accept_distance=0.6, margin=0.0, min_quality=0.0)


def embedding(angle: float) -> np.ndarray:
    return np.array([[np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]], np.float32)


class AngleClient:
    """Stands for a server: the embedding of a sequence is its mean grey value, taken as an angle in degrees."""

    def describe(self, model, *, deadline=None):
        given = (TensorSpec("gait_frames", "uint8", (-1, -1, 64, 64)),)
        made = (TensorSpec("embedding", "float32", (-1, 1, 2)),)
        return ModelSpec("angle", given, made, {"gait_frame_kind": "silhouette"})

    def submit(self, model, inputs, *, deadline=None):
        future: Future = Future()
        future.set_result({"embedding": np.stack([embedding(frames.mean()) for frames in inputs["gait_frames"]])})
        return future


@pytest.mark.parametrize("seed", [4, 19, 32])
def test_no_name_passes_over_at_a_crossing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(resource("benchmark")))
    specification = importlib.util.spec_from_file_location("swaps", resource("benchmark", "tracker_swaps.py"))
    assert specification is not None
    assert specification.loader is not None
    swaps = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(__import__("sys").modules, "swaps", swaps)
    specification.loader.exec_module(swaps)

    gallery = Gallery(tmp_path / "people.gallery")
    gallery.add("Ada", [Template(embedding(ANGLES[1]), 1)], model="angle", gait_frame_kind="silhouette")
    recognizer, tracker = GaitRecognizer(AngleClient(), gallery, CONFIG), Tracker(seed=seed)
    named = {1: 0, 2: 0}
    for view in swaps.crossing_pair(seed):
        who = {}
        for pose, number in zip(view.poses.people, view.who, strict=True):
            pose.gait_frame, pose.quality = np.full((64, 64), ANGLES.get(int(number), 50), np.uint8), 0.9
            who[id(pose.keypoints)] = int(number)
        frame = tracker.update(view.poses)
        seen = {t.body_id: who.get(id(t.keypoints)) for t in frame.tracks if t.state != TrackState.LOST}
        frame.tracks = [replace(track, walking=True) for track in frame.tracks]
        for identity in recognizer.update(frame).identities:
            person = seen.get(identity.body_id)
            if identity.status is IdentityStatus.IDENTIFIED and person in named:
                named[person] += 1
    assert named[2] == 0
    assert named[1] > 0
