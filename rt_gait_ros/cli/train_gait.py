"""`rt-gait train gait`: gait networks from generated walkers, or from your own people."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder

if TYPE_CHECKING:
    from rt_gait_ros.training.cohorts import Cohorts, Generation

_GAIT = """\
Trains GaitSet, or its small variant, to tell people by their silhouettes.

Without --data it learns from people who do not exist: virtual walkers of many bodies, styles, clothes, cameras and
masks, generated into the output folder first. No footage is needed, and nobody's biometric data is in the weights.

  rt-gait train gait --output run                              a GPU is used when torch has one
  rt-gait train gait --network gaitset_small --epochs 8 --output small        half an hour on two cores

With --data it learns from your own people, best from shipped or earlier weights:

  rt-gait train gait --data people/ --init gaitset --epochs 4 --learning-rate 2e-4 --output ours

  people/ADA/hall.avi, people/ADA/yard.avi, people/BEN/hall.avi ...      or a folder of silhouettes (.png) for a video

Equal file names are equal scenes. Every pass before a fixed camera is a walk; each person needs two, better twenty.

The output folder holds network.pth, log.csv (loss and rank-1 by epoch) and state.pt. Ctrl-C ends a run at any time; the
same command goes on after the last finished epoch. rank-1 is of people who are not trained on: with --data they are
every fourth person, in the order of names; of fewer than eight people, none is left out, and rank-1 is theirs.
"""


def add_gait(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait train`."""
    gait = kinds.add_parser(
        "gait",
        help="GaitSet on generated walkers, or on your own people",
        description=_GAIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    gait.add_argument("--network", default="gaitset", help="gaitset, or gaitset_small of half its width")
    gait.add_argument("--data", type=Path, metavar="DIR", help="a folder for each person (default: virtual people)")
    gait.add_argument("--init", metavar="NAME|FILE", help="start from a network of the repository, or a network.pth")
    gait.add_argument(
        "--loss", default="contrastive", help="contrastive, circle, or triplet as GaitSet's authors (contrastive)"
    )
    gait.add_argument("--epochs", type=int, default=20, help="of --steps batches each (default 20)")
    gait.add_argument("--steps", type=int, default=50, help="batches of an epoch (default 50)")
    gait.add_argument("--people", type=int, default=16, help="persons in a batch (default 16)")
    gait.add_argument("--scenes", type=int, default=4, help="walks of each in a batch (default 4)")
    gait.add_argument("--frames", type=int, default=5, help="silhouettes of each walk in a batch (default 5)")
    gait.add_argument("--cohorts", type=int, default=100, help="of 16 virtual persons to generate (default 100)")
    gait.add_argument(
        "--filmed",
        action="store_true",
        help="virtual persons as the pose stage sees pictures of them: nearer to real masks, fifty times as slow",
    )
    gait.add_argument("--learning-rate", type=float, default=1e-3, help="the highest of the run (default 0.001)")
    gait.add_argument("--evaluate-every", type=int, default=5, metavar="EPOCHS", help="default 5")
    gait.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that make silhouettes")
    gait.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    gait.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    gait.add_argument("--output", type=Path, default=Path("gait_run"), metavar="DIR", help="default: gait_run")
    add_json_argument(gait)
    gait.set_defaults(action=_gait)


def _gait(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.training.gait import GaitTraining, settings_of, train_gait
    from rt_gait_ros.training.run_folder import RunFolder

    names = (
        "network",
        "loss",
        "epochs",
        "steps",
        "people",
        "scenes",
        "frames",
        "learning_rate",
        "evaluate_every",
        "seed",
    )
    training = GaitTraining(**{name: getattr(arguments, name) for name in names})
    for name in ("cohorts", "workers"):
        if getattr(arguments, name) < 1:
            raise UsageError(f"--{name} {getattr(arguments, name)}: give 1 or more")
    if arguments.data and arguments.filmed:
        raise UsageError("--filmed is of virtual persons: leave it out with --data")
    initial = _initial(arguments)
    data, cohorts, validation = _real(arguments) if arguments.data else _virtual(arguments)
    folder = RunFolder(arguments.output, settings_of(training, data))
    progress(f"training on {data}")
    try:
        train_gait(training, cohorts, validation, folder, progress, initial)
    except KeyboardInterrupt:
        progress(f"stopped: the same command goes on after the last finished epoch in {folder.path}")
        return 130
    last = folder.last_row()
    weights = folder.path / "network.pth"
    text = (
        f"trained in {folder.path}: rank-1 of {'people' if validation is cohorts else 'people not trained on'} "
        f"{100 * last['rank1']:.1f} %, "
        f"scene-centred {100 * last['rank1_scene']:.1f} %\nserve it: rt-gait export gait {weights} --name NAME"
    )
    emit(arguments, {"network": str(weights), "data": data, **last}, text)
    return 0


def _virtual(arguments: argparse.Namespace) -> "tuple[str, Cohorts, Cohorts]":
    from rt_gait_ros.training.cohorts import FILMED, Generation, VirtualCohorts

    def made(generation: "Generation") -> "Cohorts":
        return VirtualCohorts(arguments.output, generation, arguments.workers, progress, arguments.repository)

    cohorts = made(replace(FILMED if arguments.filmed else Generation(), cohorts=arguments.cohorts))
    validation = made(Generation(cohorts=4, first=1_000_000))
    return f"{cohorts.people} virtual people{', filmed' if arguments.filmed else ''}", cohorts, validation


def _real(arguments: argparse.Namespace) -> "tuple[str, Cohorts, Cohorts]":
    from rt_gait_ros.training.cohorts import FolderCohorts, read_folder

    repository = arguments.repository or resource("model_repository")
    walks = read_folder(arguments.data, repository, cache_folder() / "walks", arguments.workers, progress)
    names = sorted(walks)
    if len(names) < 4:
        raise UsageError(f"{arguments.data} holds {len(names)} people who walk: train on 4 or more")
    kept = names[3::4] if len(names) >= 8 else []
    cohorts = FolderCohorts({name: walks[name] for name in names if name not in kept})
    validation = FolderCohorts({name: walks[name] for name in kept}) if kept else cohorts
    return f"{cohorts.people} people of {arguments.data.resolve().name}", cohorts, validation


def _initial(arguments: argparse.Namespace) -> Any:
    if arguments.init is None:
        return None
    from rt_gait_ros.networks.checkpoint import read_served_state, read_state

    served = (arguments.repository or resource("model_repository")) / arguments.init / "1" / "model.onnx"
    if served.is_file():
        return read_served_state(served), str(served)
    return read_state(Path(arguments.init)), arguments.init
