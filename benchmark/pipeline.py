"""Whether the whole pipeline keeps up with a camera: two walkers on the demo's footage at 25 images a second, four and
eight generated ones at 30, and four who come straight towards the camera at 25.

Of the two walkers the first is enrolled while the run goes on, and the time to the first name is theirs, when they come
back. Four and eight cross the picture to and fro and meet each other all the time, and after each meeting the evidence
begins anew: too short to enrol anybody. They were therefore enrolled beforehand, each alone before another camera on
another day: in other clothes and another mood. Who approaches was enrolled by the very walk that they are named by.

The reference of the two walkers is the same run with a search in every image and without a budget: what a detector that
does not follow people costs. That of the others is a run without a budget: everybody is looked at in every image.
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pipeline_approaching as approaching
import pipeline_people as people
from generated_films import filmed

from rt_gait_ros.cli.demo_session import run_session
from rt_gait_ros.demo.footage import demo_footage
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.report import Enrolment
from rt_gait_ros.demo.video import Video, read_video
from rt_gait_ros.edge.energy import Energy, Recorder
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.settings import settings_of
from rt_gait_ros.synthesis.scenes import Crowd, crowd

SUMMARY = "images per second, latency, gait frames and time to the first name; 2, 4 and 8 walkers, four nodes, Triton"
REFERENCE = "whole-image network on every image"
NO_BUDGET = "everybody in every image"
FIGURES = (
    ("fps", "images/s"),
    ("latency_p95", "ms"),
    ("gait_frames_per_person", "frames/s"),
    ("first_name_s", "s"),
)
# Of those who were enrolled beforehand: passes of PASS seconds with their own name alone, the median time to it, those
# with somebody else's at any time, and how many passes there are.
NAMED = (("named", "%"), ("name_s", "s"), ("wrong_names", "%"), ("passes", ""))
# Of the generated walkers: images a second, pixels, seconds; and metres of the camera before which they were enrolled,
# 30 cm higher than the other, and the day.
FPS, SIZE, SECONDS, ALONE, DAY = 30.0, (960, 540), 24.0, 1.4, 1
# Quality from which on the gait node uses a gait frame.
GOOD = float(settings_of(RecognizerConfig)["min_quality"].default)


@dataclass(frozen=True, slots=True)
class Load:
    """What is played. people: at least so many are tracked in the images that count. changes: the reference's.

    scene: that the video shows; None: it shows the demo's footage, in which one is enrolled. gallery: of everybody in
    the scene.
    """

    suffix: str
    people: int
    video: Video
    reference: str
    changes: Mapping[str, object]
    scene: Crowd | None = None
    gallery: Path | None = None

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """Names and units of its rows."""
        return FIGURES if self.scene is None else FIGURES + NAMED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="runs of each kind; the median counts (3)")
    parser.add_argument("--walkers", type=int, action="append", choices=(2, 4, 8), help="so many alone (2, 4 and 8)")
    parser.add_argument("--approaching", action="store_true", help="only the four who approach, or these as well")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Run both kinds of every load in turns.

    Returns the rows of FIGURES for two walkers, and again with _4 and _8, there with those of NAMED, and those of the
    four who approach. The recorder of `arguments`, if there is one, hears of the images and the names of the walkers'
    runs as shipped. Raises GaitError.
    """
    rows = []
    everything = not (arguments.walkers or arguments.approaching)
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        for load in _loads((2, 4, 8) if everything else arguments.walkers or (), Path(folder)):
            rows += _load_rows(load, max(arguments.runs, 1), arguments.recorder, progress)
    return rows + (_approaching(max(arguments.runs, 1), progress) if everything or arguments.approaching else [])


def _load_rows(load: Load, runs: int, recorder: Recorder | None, progress: Callable[[str], None]) -> list[Row]:
    ours: list[tuple[float, ...]] = []
    reference: list[tuple[float, ...]] = []
    for run in range(1, runs + 1):
        for results, changes, label in ((ours, {}, "as shipped"), (reference, load.changes, load.reference)):
            results.append(_play(load, changes, recorder if results is ours else None))
            said = ", ".join(f"{name} {value:.1f}" for (name, _), value in zip(load.figures, results[-1], strict=True))
            progress(f"{load.people} walkers, run {run}, {label}: {said}")
    return [
        Row(
            name=name + load.suffix,
            value=_median([values[k] for values in ours], unit),
            unit=unit,
            reference=load.reference,
            reference_value=_median([values[k] for values in reference], unit),
        )
        for k, (name, unit) in enumerate(load.figures)
    ]


def _median(values: Sequence[float], unit: str) -> float:
    """Of the runs. One that lacks the figure, as where nobody is named, has the longest time of all, or the least of
    anything else; NaN where the median is of such a run."""
    lacking = math.inf if unit == "s" else -math.inf
    median = statistics.median(lacking if math.isnan(value) else value for value in values)
    return median if math.isfinite(median) else math.nan


def _approaching(runs: int, progress: Callable[[str], None]) -> list[Row]:
    ours: list[tuple[float, ...]] = []
    reference: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        known = approaching.enrolled(Path(folder))
        for run in range(1, runs + 1):
            for results, changes, label in ((ours, {}, "as shipped"), (reference, {"budget": -1.0}, NO_BUDGET)):
                results.append(approaching.play(known, changes, GOOD))
                named, after = results[-1]
                progress(
                    f"{approaching.PEOPLE} people approach, run {run}, {label}: {named:.0f} have their name within "
                    f"{approaching.WITHIN:g} s of {approaching.FRAMES} gait frames, after {after:.1f} s in the median"
                )
    return [
        Row(
            name=name,
            value=_median([values[k] for values in ours], unit),
            unit=unit,
            reference=NO_BUDGET,
            reference_value=_median([values[k] for values in reference], unit),
        )
        for k, (name, unit) in enumerate(approaching.FIGURES)
    ]


def _loads(walkers: Sequence[int], folder: Path) -> Iterator[Load]:
    """What is played, one after the other. folder: for the galleries."""
    for number in walkers:
        if number == 2:
            footage = demo_footage(lambda name, done, total: None)
            video = read_video(footage.path, footage.enrol_until)
            yield Load("", 2, video, REFERENCE, {"detector_period": 1, "budget": -1.0})
        else:
            own = folder / str(number)
            own.mkdir()
            scene = _scene(number)
            gallery = people.known(_scene(number, height=ALONE, day=DAY), own)
            yield Load(f"_{number}", number, _filmed(scene), NO_BUDGET, {"budget": -1.0}, scene, gallery)


def _scene(number: int, height: float = 1.1, day: int = 0) -> Crowd:
    """Walkers who cross the picture to and fro. height: of the camera, metres. day: of crowd, the same people."""
    return crowd("crossing", people=number, seed=number, seconds=SECONDS, fps=FPS, size=SIZE, height=height, day=day)


def _filmed(scene: Crowd) -> Video:
    made_from = scene.kind, scene.seed, len(scene), FPS, scene.camera
    return read_video(filmed(scene, f"walkers_{len(scene.actors)}", made_from), SECONDS / 2)


class Measured:
    """The energy from the first image to the last word, as run_session's `watch`. recorder: None measures nothing."""

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._first: Energy | None = None
        self._last: Energy | None = None

    def __call__(self, recording: Recording, enrolment: Enrolment | None) -> None:
        """Read the meter."""
        if self._recorder is not None and recording.camera:
            self._last = self._recorder.reading()
            self._first = self._first or self._last

    def tell(self, recording: Recording) -> None:
        """Tell the recorder what was done for it."""
        if self._recorder is None or self._first is None or self._last is None:
            return
        taken = self._last.since(self._first)
        self._recorder.spent("image", len(recording.identities), taken)
        self._recorder.spent("identity", recording.names_given, taken)


def _play(load: Load, changes: Mapping[str, object], recorder: Recorder | None) -> tuple[float, ...]:
    measured = Measured(recorder)
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        gallery = None
        if load.gallery is not None:
            # what is learnt from them in a run is not there in the next
            gallery = Path(folder) / "people.gallery"
            gallery.write_bytes(load.gallery.read_bytes())
        name = "" if load.gallery is not None else "Ada"
        outcome = run_session(load.video, name, Path(folder), measured, lambda line: None, gallery=gallery, **changes)
    recording = outcome.recording
    measured.tell(recording)
    # generated walkers are never all in the picture at once for long: half of them count
    fps, latency = recording.pace(people=load.people if load.scene is None else load.people // 2)
    names = recording.first_name_after(load.video.enrol_until if load.scene is None else 0.0)
    figures = fps, latency, recording.gait_frames_per_person(GOOD), names
    return figures if load.scene is None else figures + people.passes(recording, load.scene)
