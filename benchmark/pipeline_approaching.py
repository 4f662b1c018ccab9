"""Four people who come straight towards the camera, all of them known: how soon after their first gait frames they are
named. Who they are was learnt from another camera, 30 cm higher, before which each of them came alone."""

import math
import statistics
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_gait_ros.cli.demo_session import run_session
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.video import VideoWriter, read_video
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.pipeline import GaitPipeline
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.sources.synthetic import read_scene
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.tracking.track import TrackState

PEOPLE = 4
FIGURES = (("approaching_named", "people"), ("approaching_named_s", "s"))
FRAMES, WITHIN = 30, 2.0  # gait frames, and seconds after them in which somebody is to be named
_SECONDS = 15.0  # in which everybody has come from 20 m
_ALONE = 1.4  # metres of the camera before which they were enrolled; it is 1.1 now
_LATEST = 5.0  # seconds into the video after which nobody may be enrolled, as the demo has it: nobody is


def play(gallery: Path, changes: Mapping[str, object], good: float) -> tuple[float, ...]:
    """The values of FIGURES: how many have their own name WITHIN so long of FRAMES gait frames, and the median time.

    gallery: of `enrolled`. changes: of the pose node's parameters. good: quality of a gait frame that counts. A time
    that nobody has is NaN. Raises GaitError.
    """
    scene = read_scene(f"synthetic://approaching?people={PEOPLE}&seconds={_SECONDS}")
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        # what is learnt from them in a run is not there in the next
        known = Path(folder) / "people.gallery"
        known.write_bytes(gallery.read_bytes())
        video = read_video(_filmed(scene), _LATEST)
        outcome = run_session(video, "", Path(folder), lambda *_: None, lambda _: None, gallery=known, **changes)
    return figures(outcome.recording, scene, good)


def figures(recording: Recording, scene: Crowd, good: float) -> tuple[float, ...]:
    """The values of FIGURES of what came out of the nodes, by the first track of everybody that gave so many frames."""
    names = first_names(recording)
    waits: dict[str, float] = {}
    for body, wait in recording.named_after_frames(FRAMES, good).items():
        who = whose(recording, scene, body)
        waits.setdefault(who, wait if names.get(body) == who else math.nan)
    known = [wait for wait in waits.values() if wait == wait]  # not NaN
    return float(sum(wait <= WITHIN for wait in known)), statistics.median(known) if known else math.nan


def first_names(recording: Recording) -> dict[str, str]:
    """The name that a track had first, by its body id."""
    names: dict[str, str] = {}
    for _, frame in sorted(recording.identities.items()):
        for identity in frame.identities:
            if identity.status == IdentityStatus.IDENTIFIED:
                names.setdefault(identity.body_id, identity.name)
    return names


def whose(recording: Recording, scene: Crowd, body: str) -> str:
    """The name of whoever was nearest to a track in most images in which it was seen."""
    votes: Counter[str] = Counter()
    for stamp, frame in recording.tracks.items():
        image = min(recording.frame_number(stamp), len(scene) - 1)
        for track in frame.tracks:
            if track.body_id != body or track.state != TrackState.CONFIRMED:
                continue
            middle = track.box[:2] + track.box[2:] / 2

            def apart(actor: Actor, place: np.ndarray = middle, shown: int = image) -> float:
                joints = actor.walk.keypoints[shown]
                return float(np.linalg.norm((joints.min(axis=0) + joints.max(axis=0)) / 2 - place))

            votes[str(min(scene.actors, key=apart).identity)] += 1
    return max(votes, key=lambda name: votes[name])


def enrolled(folder: Path) -> Path:
    """A gallery in `folder` of everybody in the scene, each under the number that the scene gives them."""
    path = folder / "known.gallery"
    scene = read_scene(f"synthetic://approaching?people={PEOPLE}&seconds={_SECONDS}&height={_ALONE}")
    for actor in scene.actors:
        alone = Renderer(replace(scene, actors=(actor,)))
        with GaitPipeline(path) as pipeline:
            enrollment = pipeline.enroll("", str(actor.identity))
            for number in range(len(scene)):
                pipeline.process(Frame(alone.image(number), round(number / scene.fps * 1e9), "camera"))
                if enrollment.done:
                    break
    return path


def _filmed(scene: Crowd) -> Path:
    path = cache_folder() / "footage" / f"approaching_{PEOPLE}.mp4"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        renderer = Renderer(scene)
        with VideoWriter(path, scene.fps) as writer:
            for number in range(len(scene)):
                writer.write(renderer.image(number))
    return path
