"""What each part of the generator and of the training is worth: one undone at a time, measured on real people.

Every row trains a small network anew, alike but for one choice, and searches walks of real people, whom nothing is
trained on: those of CASIA-B, or of KTH, whichever the folder holds. Runs are short: they rank choices, and all of them
are far below the shipped weights. `seed` is the reference with another seed, and says how much of a difference is
chance.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rt_gait_ros.datasets.casia_b import Person, read_people
from rt_gait_ros.datasets.folders import absent
from rt_gait_ros.datasets.kth import find_videos
from rt_gait_ros.datasets.video_walks import VideoWalks, read_all
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import casia_b, kth
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.evaluation.held_out import FEWEST
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.training.cohorts import (
    ALIKE,
    CAPSULES,
    COLUMNS,
    FILMED_ALIKE,
    RECORDED,
    TABLED,
    Cohorts,
    Generation,
    MixedCohorts,
    VirtualCohorts,
)

SUMMARY = "what each part of the gait training is worth on real people (CASIA-B or KTH)"
REFERENCE = "the usual"
PEOPLE = "1-74"  # CASIA-B's usual training set; the others are for acceptance
VIEWS = ("000", "036", "090", "162")  # of CASIA-B: front, oblique from the front, side, oblique from behind
FRAMES, PASS_FRAMES = 6, 60  # of a sequence of CASIA-B, of a pass of KTH, evenly chosen
BATCHES = 20  # of an epoch, after which a run that was broken off goes on

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to train. generation: how its people are made. one_view: all walks of a batch are seen from one side.

    mirrored: see walks from both sides, in use.
    """

    generation: Generation = field(default_factory=lambda: _USUAL)
    one_view: bool = False
    loss: str = "contrastive"
    mirrored: bool = True
    seed: int = 0

    def generations(self, cohorts: int) -> list[Generation]:
        """The people, in so many cohorts. With one view in a batch, each cohort has one; together they go round."""
        if not self.one_view:
            return [replace(self.generation, cohorts=cohorts)]
        return [self._from_one_side(number, 360.0 * number / cohorts) for number in range(cohorts)]

    def _from_one_side(self, number: int, azimuth: float) -> Generation:
        nuisances = replace(self.generation.nuisances, views=(azimuth,))
        return replace(self.generation, cohorts=1, first=self.generation.first + number, side=0.0, nuisances=nuisances)


# As the shipped network's people are, in smaller cohorts and with fewer walks of each.
_USUAL = replace(ALIKE, people=16, scenes=6, frames=8)
_CLEAN = replace(_USUAL.nuisances, noise=0.0, backdrop=0.0)
CHOICES = {
    "usual": Choice(),
    "seed": Choice(seed=1),
    "motion_tabled": Choice(replace(_USUAL, walkers=TABLED)),
    "body_capsules": Choice(replace(_USUAL, walkers=RECORDED)),
    "capsules": Choice(replace(_USUAL, walkers=CAPSULES)),
    "bodies_alike": Choice(replace(_USUAL, shape=0.0)),
    "gaits_alike": Choice(replace(_USUAL, manner=0.0)),
    "clothes_never_changed": Choice(replace(_USUAL, usual=1.0, bag=0.0)),
    "clothes_always_new": Choice(replace(_USUAL, usual=0.0, bag=0.0)),
    "mask_errors_off": Choice(replace(_USUAL, nuisances=_CLEAN)),
    "view_one_in_a_batch": Choice(one_view=True),
    "views_from_the_side": Choice(replace(_USUAL, side=1.0)),
    "views_from_all_around": Choice(replace(_USUAL, side=0.0)),
    "mirror_off": Choice(mirrored=False),
    "loss_triplet": Choice(loss="triplet"),
    "filmed": Choice(FILMED_ALIKE),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="CASIA-B: 001/nm-01/090/*; or KTH: personNN_dK.avi")
    parser.add_argument("--people", metavar="LIST", help=f"of CASIA-B, as 1-74 or 1-10,12 ({PEOPLE})")
    parser.add_argument("--cohorts", type=int, default=8, metavar="N", help="of 16 people to train on (8)")
    parser.add_argument("--epochs", type=int, default=3, metavar="N", help=f"of {BATCHES} batches of each training (3)")
    parser.add_argument("--only", nargs="+", choices=CHOICES, default=list(CHOICES), metavar="NAME", help="these rows")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where people and networks are kept (cache folder)")


def measure(arguments: argparse.Namespace, progress: Report) -> list[Row]:
    """Train and search for each choice; the same command goes on where it was broken off. Raises GaitError.

    Rows: FIGURE_CHOICE. Of CASIA-B `rank1_NM`, `_BG`, `_CL`, other views only, and with views taken out by others'
    statistics, `rank1_NM_centred` ...; of KTH `rank1`, the mean over pairs of conditions, and `eer`.
    """
    if min(arguments.cohorts, arguments.epochs) < 1:
        raise UsageError("--cohorts and --epochs: give 1 or more")
    real = _open(arguments.folder, arguments.people, progress)
    work = arguments.work or cache_folder() / "ablations"
    results: dict[str, Mapping[str, float]] = {}
    for name in dict.fromkeys(["usual", *arguments.only]):
        results[name] = real.search(_trained(name, arguments.cohorts, arguments.epochs, work, progress))
        progress(f"{name}: " + ", ".join(f"{figure} {100 * share:.1f} %" for figure, share in results[name].items()))
    usual = results["usual"]
    return [
        Row(f"{figure}_{name}", 100 * share, "%", REFERENCE, 100 * usual[figure])
        for name, result in results.items()
        for figure, share in result.items()
    ]


@dataclass(frozen=True, slots=True)
class Embedder:
    """A network that was trained, in the place of a WalkEmbedder: as precise as in training.

    network: a SetNetwork. Any, as torch is not imported here.
    """

    network: Any
    model: GaitModel

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """The embedding (P, C) float32 of gait frames (S, 64, 64)."""
        import torch

        from rt_gait_ros.training.epochs import mixed_precision

        device = next(self.network.parameters()).device
        walk = torch.from_numpy(frames[:, :, COLUMNS].astype(np.float32) / 255.0)[None]
        with torch.inference_mode(), mixed_precision(device):
            return self.network(walk.to(device))[0].float().cpu().numpy()


class _RealPeople(Protocol):
    """Walks that a network is measured on."""

    def search(self, embedder: Embedder) -> dict[str, float]:
        """Figures by name, 0..1."""
        ...


@dataclass(frozen=True, slots=True)
class _CasiaB:
    people: tuple[Person, ...]

    def search(self, embedder: Embedder) -> dict[str, float]:
        embedded = {person.name: casia_b.EmbedPerson(FRAMES)(person.files, embedder) for person in self.people}
        result = casia_b.evaluate(embedded, self.people, embedder.model.name, (casia_b.OFF, casia_b.OTHERS))
        endings = {casia_b.OFF: "", casia_b.OTHERS: "_centred"}
        return {
            f"rank1_{condition}{endings[variant.view_centring]}": table.without_identical_view
            for variant in result.variants
            for condition, table in variant.conditions.items()
        }


@dataclass(frozen=True, slots=True)
class _Kth:
    videos: Mapping[tuple[str, str], VideoWalks]

    def search(self, embedder: Embedder) -> dict[str, float]:
        passes, lost = kth.embed_passes(self.videos, lambda frames: embedder(_evenly(frames)))
        between = kth.compare(passes, normalised=True)
        result = kth.evaluate(passes, lost, embedder.model.name, between, normalised=True)
        rank1 = float(np.mean([pair.passes.rate for pair in result.pairs]))
        return {"rank1": rank1, "eer": float(result.comparison.figures()["eer"])}


def _open(folder: Path, people: str | None, progress: Report) -> _RealPeople:
    """The set that a folder holds. Raises UsageError for one that is neither, and for too few people."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name one with CASIA-B or KTH")
    names = [path.name.lower() for path in folder.iterdir()]
    if any(name.startswith("person") and name.endswith(".avi") for name in names):
        if people is not None:
            raise UsageError(f"--people chooses among CASIA-B's, and {folder} holds KTH: leave it out")
        videos = find_videos(folder)
        walks = read_all(
            list(videos.values()), resource("model_repository"), cache_folder() / "walks", _cores(), progress
        )
        return _Kth({key: walks[path] for key, path in videos.items()})
    if not any(len(name) == 3 and name.isdecimal() for name in names):
        raise UsageError(
            f"{folder} holds neither CASIA-B (folders like 001/nm-01/090) nor KTH (files like person01_d1.avi)"
        )
    numbers = read_people(PEOPLE if people is None else people)
    found = casia_b.find_people(folder, numbers)
    if len(found) < FEWEST:
        raise UsageError(f"{folder} has {len(found)} of the people asked for, and {FEWEST} at least are needed")
    if line := absent(numbers, [person.name for person in found], folder):
        progress(line)
    return _CasiaB(tuple(_seen_from(person, VIEWS) for person in found))


def _seen_from(person: Person, views: tuple[str, ...]) -> Person:
    kept = {name: files for name, files in person.sequences.items() if name.partition("/")[2] in views}
    return replace(person, sequences=kept)


def _evenly(frames: np.ndarray) -> np.ndarray:
    return frames[np.linspace(0, len(frames) - 1, min(PASS_FRAMES, len(frames))).astype(int)]


def _trained(name: str, cohorts: int, epochs: int, work: Path, progress: Report) -> Embedder:
    """A network trained as a choice says; what is in the folder of an earlier run is used."""
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.training.gait import GaitTraining, settings_of, train_gait
    from rt_gait_ros.training.run_folder import RunFolder

    choice = CHOICES[name]
    generations = choice.generations(cohorts)
    same_people = next(key for key, other in CHOICES.items() if other.generations(cohorts) == generations)
    same_network = next(key for key, other in CHOICES.items() if replace(other, mirrored=choice.mirrored) == choice)
    people = _people(work / same_people, generations, progress)
    training = GaitTraining(
        network="centred-gaitset-small",
        loss=choice.loss,
        epochs=epochs,
        steps=BATCHES,
        evaluate_every=epochs,
        seed=choice.seed,
    )
    folder = RunFolder(work / f"run_{same_network}", settings_of(training, f"{people.people} people, {same_people}"))
    network = train_gait(training, people, people, folder, progress)
    network.mirrored = choice.mirrored
    return Embedder(network, GaitModel(name, "silhouette", (64, 64), 1, 0, (network.parts, network.channels)))


def _people(folder: Path, generations: list[Generation], progress: Report) -> Cohorts:
    """Batches of them all, each of one generation."""
    made = [VirtualCohorts(folder, generation, _cores(), progress) for generation in generations]
    return MixedCohorts([(1.0 / len(made), cohorts) for cohorts in made])


def _cores() -> int:
    return len(os.sched_getaffinity(0))
