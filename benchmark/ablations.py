"""What chose the design of the shipped gait weights: one choice undone at a time, measured on real people.

Every row trains a small network anew, alike but for that choice, and searches the walkers of the KTH set, whom nothing
is trained on. Runs are short: they rank choices, and all of them are below the shipped weights, which are trained for
longer, on unfilmed walkers and then on filmed ones. `seed` is the reference with another seed, and says how much of a
difference is chance.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.kth import find_videos
from rt_gait_ros.datasets.video_walks import VideoWalks, read_all
from rt_gait_ros.evaluation import kth
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.training.cohorts import COLUMNS, FILMED, Generation, VirtualCohorts

SUMMARY = "effect of each choice of the gait training on real people"
REFERENCE = "the usual, unfilmed"
FRAMES = 60  # of a pass, evenly spread


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to train. generation: how its people are made. mirrored: see walks from both sides, in use."""

    generation: Generation = field(default_factory=Generation)
    loss: str = "contrastive"
    mirrored: bool = True
    seed: int = 0


_USUAL = Generation()
CHOICES = {
    "usual": Choice(),
    "seed": Choice(seed=1),
    "mirror_off": Choice(mirrored=False),
    "capsules": Choice(replace(_USUAL, walkers="capsules", shape=2.0, manner=2.0)),
    "bodies_alike": Choice(replace(_USUAL, shape=0.0)),
    "gaits_alike": Choice(replace(_USUAL, manner=0.0)),
    "mask_errors_off": Choice(replace(_USUAL, nuisances=replace(_USUAL.nuisances, noise=0.0))),
    "clothes_off": Choice(replace(_USUAL, nuisances=replace(_USUAL.nuisances, clothes=0.0))),
    "clothes_always_new": Choice(replace(_USUAL, usual=0.0, bag=0.0)),
    "views_from_the_side": Choice(replace(_USUAL, side=1.0)),
    "views_from_all_around": Choice(replace(_USUAL, side=0.0)),
    "loss_triplet": Choice(loss="triplet"),
    "filmed": Choice(FILMED),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="KTH walking: personNN_dK.avi")
    parser.add_argument("--cohorts", type=int, default=25, metavar="N", help="of 16 people to train on (25)")
    parser.add_argument("--steps", type=int, default=120, metavar="N", help="batches of each training (120)")
    parser.add_argument("--only", nargs="+", choices=CHOICES, default=list(CHOICES), metavar="NAME", help="these rows")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where people and networks are kept (cache folder)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Train and search for each choice. Returns rank-1 (mean over pairs of conditions) and EER. Raises GaitError."""
    videos = find_videos(arguments.folder)
    cores = len(os.sched_getaffinity(0))
    walks = read_all(list(videos.values()), resource("model_repository"), cache_folder() / "walks", cores, progress)
    known = {key: walks[path] for key, path in videos.items()}
    work = arguments.work or cache_folder() / "ablations"
    results: dict[str, kth.Result] = {}
    for name in dict.fromkeys(["usual", *arguments.only]):
        results[name] = _train_and_search(name, arguments.cohorts, arguments.steps, known, work, progress)
        progress(f"{name}: rank-1 {100 * _rank1(results[name]):.1f} %, EER {100 * _eer(results[name]):.1f} %")
    usual = results["usual"]
    rows = []
    for name, result in results.items():
        rows.append(Row(f"rank1_{name}", 100 * _rank1(result), "%", REFERENCE, 100 * _rank1(usual)))
        rows.append(Row(f"eer_{name}", 100 * _eer(result), "%", REFERENCE, 100 * _eer(usual)))
    return rows


def _train_and_search(
    name: str,
    cohorts: int,
    steps: int,
    videos: dict[tuple[str, str], VideoWalks],
    work: Path,
    progress: Callable[[str], None],
) -> kth.Result:
    # torch takes seconds to import and is there only with the extra [train]
    import torch

    from rt_gait_ros.training.gait import GaitTraining, settings_of, train_gait
    from rt_gait_ros.training.run_folder import RunFolder

    choice = CHOICES[name]
    same_people = next(key for key, other in CHOICES.items() if other.generation == choice.generation)
    same_network = next(key for key, other in CHOICES.items() if replace(other, mirrored=choice.mirrored) == choice)
    generation = replace(choice.generation, cohorts=cohorts)
    people = VirtualCohorts(work / same_people, generation, len(os.sched_getaffinity(0)), progress)
    training = GaitTraining(network="centred-gaitset-small", loss=choice.loss, epochs=1, steps=steps, seed=choice.seed)
    folder = RunFolder(work / f"run_{same_network}", settings_of(training, f"{people.people} people, {same_people}"))
    network = train_gait(training, people, people, folder, progress)
    network.mirrored = choice.mirrored

    def embed(frames: np.ndarray) -> np.ndarray:
        chosen = frames[np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).astype(int)][:, :, COLUMNS]
        with torch.inference_mode():
            return network(torch.from_numpy(chosen.astype(np.float32) / 255.0)[None])[0].numpy()

    passes, lost = kth.embed_passes(videos, embed)
    return kth.evaluate(passes, lost, name, kth.compare(passes, normalised=True), normalised=True)


def _rank1(result: kth.Result) -> float:
    return float(np.mean([pair.passes.rate for pair in result.pairs]))


def _eer(result: kth.Result) -> float:
    return float(result.comparison.figures()["eer"])
