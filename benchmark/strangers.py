"""Strangers near somebody known: how often the name passes to them, because the track did or because they look alike.

Each seed is a scene of two people, one of them enrolled: they cross, walk side by side, or the stranger enters where
the known one left 0.2 to 1 s ago. Detector and tracks are those of `bench tracker`; the gait network is simulated: an
embedding is the mean of the people whom its frames show, and chance. A stranger with the name of the known one looks
alike if of fifty looks of him alone six in a row are within the line of a name that stands, on the mean; otherwise the
name was inherited. The references are
a track that keeps the name it once got, and the share of the strangers' looks that the network accepts.
"""

import argparse
import importlib
import json
import math
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tracker_scenes import FOCAL, RATE, WIDTH, View, scene, walker
from tracker_swaps import DISTANCE, SECONDS, crossing_pair

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.gait import GaitRecognizer, IdentityStatus, RecognizerConfig
from rt_gait_ros.gallery import Gallery
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.tracking import Tracker, TrackState

SUMMARY = "how often a stranger near somebody known gets their name: inherited through the track, or as a look-alike"

KNOWN, STRANGER = 1, 2  # as the scenes number their people; 0 is a false alarm
NUMBERS = 32
# Standard deviations of each of an embedding's numbers: between people, of a day's clothes, of one look. Of the
# strangers' looks a half percent is within the accept line, which is that of the first gaitset_small.
PEOPLE, CLOTHES, LOOK = 0.14, 0.06, 0.04
CONFIG = RecognizerConfig(model="simulated", accept_distance=0.834, margin=0.0, min_quality=0.0)
LOOKS = 50  # of the stranger alone, of which none is within the accept line unless he looks alike
KEPT = "a track keeps its name"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="scenes of each kind (100)")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), help="some kinds only")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (1)")
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="write what each seed gave there; the same command goes on where it was broken off. Of one version: "
        "remove it after a change",
    )


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Rows KIND/inherited, /look_alikes and /named. Raises UsageError."""
    if arguments.seeds < 1 or arguments.workers < 1:
        raise UsageError("--seeds and --workers are 1 or more")
    wanted = [(kind, seed) for seed in range(arguments.seeds) for kind in arguments.kinds]
    done = _logged(arguments.log)
    missing = [each for each in wanted if each not in done]
    with ExitStack() as stack:
        log = stack.enter_context(arguments.log.open("a", encoding="utf-8")) if arguments.log else None
        for outcome in _run(missing, arguments.workers):
            done[outcome.kind, outcome.seed] = outcome
            if log is not None:
                print(json.dumps(asdict(outcome)), file=log, flush=True)
            if len(done) % 30 == 0 or outcome.inherited:
                found = sum(each.inherited for each in done.values())
                progress(f"{len(done)} scenes, {found} names inherited ({outcome.kind}, seed {outcome.seed})")
    return [row for kind in arguments.kinds for row in _rows(kind, [done[each] for each in wanted if each[0] == kind])]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scene gave. named, wrong: images with the known person's name on them, and on the stranger.

    close: share of the looks of the stranger alone that are within the accept line. alike: whether as many of them as a
    decision weighs are, on the mean. kept: whether a name that stays with its track would have come to the stranger.
    """

    kind: str
    seed: int
    named: int
    wrong: int
    close: float
    alike: bool
    kept: bool

    @property
    def inherited(self) -> bool:
        """Whether the stranger got the name, and not by how he walks."""
        return self.wrong > 0 and not self.alike


def side_by_side(seed: int) -> list[View]:
    """Both go the same way, half a metre apart, one hidden behind the other now and then."""
    random = np.random.default_rng((seed, 17))
    speed, direction = random.uniform(0.7, 0.9), random.choice([-1, 1])
    paths = []
    for number in range(2):
        sway, phase, lead = random.uniform(0.2, 0.5), random.uniform(0, 2 * math.pi), random.uniform(-0.3, 0.3)
        paths.append(_beside(direction * speed, lead, sway, phase, 5 + DISTANCE * number))
    people = [walker(random, path) for path in random.permutation(np.array(paths, object))]
    return scene(people, _times(SECONDS), random)


def entering(seed: int) -> list[View]:
    """The known one leaves the picture, and the stranger comes in at the same side a moment later."""
    random = np.random.default_rng((seed, 27))
    depth, speeds = random.uniform(4.5, 6.0), random.uniform(0.9, 1.4, 2)
    direction, gap = random.choice([-1, 1]), random.uniform(0.2, 1.0)
    edge = depth * WIDTH / 2 / FOCAL + 0.4
    gone = 2 * edge / speeds[0]

    def known(second: float) -> tuple[float, float] | None:
        return (direction * (speeds[0] * second - edge), depth) if second < gone else None

    def stranger(second: float) -> tuple[float, float] | None:
        inside = speeds[1] * (second - gone - gap)
        return (direction * (edge - inside), depth) if inside >= 0 else None

    people = [walker(random, known), walker(random, stranger)]
    return scene(people, _times(gone + gap + 4.0), random)


KINDS: dict[str, Callable[[int], list[View]]] = {
    "crossing": crossing_pair,
    "side_by_side": side_by_side,
    "entering": entering,
}


class Network:
    """An InferenceClient whose frames hold the number of who is in them."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng((seed, 37))
        self.people = np.stack([self._draw(PEOPLE), known_person() + self._draw(CLOTHES), self._draw(PEOPLE)])
        self.people[STRANGER] += self._draw(CLOTHES)

    def _draw(self, deviation: float) -> np.ndarray:
        return self._random.normal(0.0, deviation, NUMBERS)

    def look(self, number: int) -> np.ndarray:
        """An embedding (1, 32) of this person alone."""
        return (self.people[number] + self._draw(LOOK))[None].astype(np.float32)

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """As InferenceClient.describe."""
        given = (TensorSpec("gait_frames", "uint8", (-1, -1, 8, 8)),)
        made = (TensorSpec("embedding", "float32", (-1, 1, NUMBERS)),)
        return ModelSpec(model, given, made, {"gait_frame_kind": "silhouette"})

    def submit(
        self, model: str, inputs: dict[str, np.ndarray], *, deadline: float | None = None, sequence: object = None
    ) -> "Future[dict[str, np.ndarray]]":
        """As InferenceClient.submit, done at once."""
        shown = self.people[inputs["gait_frames"][:, :, 0, 0]].mean(axis=1)
        noise = self._random.normal(0.0, LOOK, shown.shape)
        future: Future[dict[str, np.ndarray]] = Future()
        future.set_result({"embedding": (shown + noise)[:, None].astype(np.float32)})
        return future

    def ready(self, *, deadline: float | None = None) -> bool:
        """As InferenceClient.ready."""
        return True

    def close(self) -> None:
        """Nothing to let go of."""


def known_person() -> np.ndarray:
    """Who is enrolled in every scene."""
    return np.random.default_rng(7).normal(0.0, PEOPLE, NUMBERS)


def play(kind: str, seed: int, gallery: Gallery) -> Outcome:
    """Run one scene through tracker and recogniser."""
    network, tracker = Network(seed), Tracker(seed=seed)
    recognizer = GaitRecognizer(network, gallery, CONFIG)
    looks = np.stack([network.look(STRANGER) for _ in range(LOOKS)])
    distances = gallery.references.nearest(looks).min(axis=1)
    close = float((distances < CONFIG.accept_distance).mean())
    weighed = np.convolve(distances, np.full(CONFIG.decision_embeddings, 1.0 / CONFIG.decision_embeddings), "valid")
    alike = bool(weighed.min() < CONFIG.accept_distance * (1.0 + CONFIG.hysteresis))
    named, wrong, kept, owners = 0, 0, False, set[str]()
    for view in KINDS[kind](seed):
        who = {}
        for pose, number in zip(view.poses.people, view.who, strict=True):
            pose.gait_frame, pose.quality = np.full((8, 8), number, np.uint8), 0.9
            who[id(pose.keypoints)] = int(number)
        frame = tracker.update(view.poses)
        seen = {track.body_id: who.get(id(track.keypoints)) for track in frame.tracks if track.state != TrackState.LOST}
        kept = kept or any(person == STRANGER and body in owners for body, person in seen.items())
        frame.tracks = [replace(track, walking=True) for track in frame.tracks]
        for identity in recognizer.update(frame).identities:
            if identity.status is IdentityStatus.IDENTIFIED:
                person = seen.get(identity.body_id)
                named, wrong = named + (person == KNOWN), wrong + (person == STRANGER)
                if person == KNOWN:
                    owners.add(identity.body_id)
    return Outcome(kind, seed, named, wrong, close, alike, kept)


def _run(scenes: Sequence[tuple[str, int]], workers: int) -> Iterator[Outcome]:
    if workers == 1:
        yield from map(_play_there, scenes)
        return
    # by the name under which the processes find this file; the command has another for it
    there = importlib.import_module("strangers")._play_there
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(there, scenes, chunksize=4)


def _play_there(scene: tuple[str, int]) -> Outcome:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        gallery = Gallery(Path(folder) / "people.gallery")
        template = Template(known_person()[None].astype(np.float32), 1)
        gallery.add("Ada", [template], model="simulated", gait_frame_kind="silhouette")
        return play(*scene, gallery)


def _rows(kind: str, outcomes: Sequence[Outcome]) -> list[Row]:
    def percent(count: int) -> float:
        return 100.0 * count / len(outcomes)

    inherited = sum(each.inherited for each in outcomes)
    alike = percent(sum(each.wrong > 0 and each.alike for each in outcomes))
    within = 100.0 * float(np.mean([each.close for each in outcomes]))
    return [
        Row(f"{kind}/inherited", float(inherited), "seeds", KEPT, float(sum(e.kept and not e.alike for e in outcomes))),
        Row(f"{kind}/look_alikes", alike, "%", "looks of strangers accepted", within),
        Row(f"{kind}/named", percent(sum(each.named > 0 for each in outcomes)), "%"),
    ]


def _logged(path: Path | None) -> dict[tuple[str, int], Outcome]:
    if path is None or not path.exists():
        return {}
    try:
        outcomes = [Outcome(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"{path} cannot be gone on from ({error}): remove it") from error
    return {(each.kind, each.seed): each for each in outcomes}


def _times(seconds: float) -> list[float]:
    return [number / RATE for number in range(int(seconds * RATE))]


def _beside(
    speed: float, lead: float, sway: float, phase: float, depth: float
) -> Callable[[float], tuple[float, float] | None]:
    def at(second: float) -> tuple[float, float]:
        return speed * (second - SECONDS / 2) + lead + 0.3 * math.sin(sway * 2 * math.pi * second + phase), depth

    return at
