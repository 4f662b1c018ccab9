"""Four people who come straight towards the camera, all of them known: how soon after their first gait frames they are
named. Who they are was learnt from another camera, 30 cm higher, before which each of them came alone, by the very same
walk: in the same clothes and mood, on the same way. This tells how soon names come, not how people change in days."""

import math
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from generated_films import filmed
from pipeline_people import first_names, known, whose

from rt_gait_ros.cli.demo_session import run_session
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.video import read_video
from rt_gait_ros.sources.synthetic import read_scene
from rt_gait_ros.synthesis.scenes import Crowd

PEOPLE = 4
FIGURES = (("approaching_named", "people"), ("approaching_named_s", "s"))
FRAMES, WITHIN = 30, 2.0  # gait frames, and seconds after them in which somebody is to be named
_SECONDS = 15.0  # in which everybody has come from 20 m
_ALONE = 1.4  # metres of the camera before which they were enrolled; it is 1.1 now
_SCENE = f"synthetic://approaching?people={PEOPLE}&seconds={_SECONDS}"
_LATEST = 5.0  # seconds into the video after which nobody may be enrolled, as the demo has it: nobody is


def play(gallery: Path, changes: Mapping[str, object], good: float) -> tuple[float, ...]:
    """The values of FIGURES: how many have their own name WITHIN so long of FRAMES gait frames, and the median time.

    gallery: of `enrolled`. changes: of the pose node's parameters. good: quality of a gait frame that counts. A time
    that nobody has is NaN. Raises GaitError.
    """
    scene = read_scene(_SCENE)
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        # what is learnt from them in a run is not there in the next
        copy = Path(folder) / "people.gallery"
        copy.write_bytes(gallery.read_bytes())
        video = read_video(filmed(scene, "approaching", _SCENE), _LATEST)
        outcome = run_session(video, "", Path(folder), lambda *_: None, lambda _: None, gallery=copy, **changes)
    return figures(outcome.recording, scene, good)


def figures(recording: Recording, scene: Crowd, good: float) -> tuple[float, ...]:
    """The values of FIGURES of what came out of the nodes, by the first track of everybody that gave so many frames."""
    names = first_names(recording)
    waits: dict[str, float] = {}
    for body, wait in recording.named_after_frames(FRAMES, good).items():
        who = whose(recording, scene, body)
        waits.setdefault(who, wait if names.get(body) == who else math.nan)
    named = [wait for wait in waits.values() if wait == wait]  # not NaN
    return float(sum(wait <= WITHIN for wait in named)), statistics.median(named) if named else math.nan


def enrolled(folder: Path) -> Path:
    """A gallery in `folder` of everybody in the scene, each under the number that the scene gives them."""
    return known(read_scene(f"{_SCENE}&height={_ALONE}"), folder)
