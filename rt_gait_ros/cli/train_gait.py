"""`rt-gait train gait`: gait networks from generated walkers, or from your own people."""

import argparse
import math
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.datasets.folders import number_of, read_numbers
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.kinds import FORMER_NAMES, TRAINED_NETWORKS
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder

if TYPE_CHECKING:
    from rt_gait_ros.networks.set_networks import SetNetwork
    from rt_gait_ros.training.cohorts import Cohorts, Generation
    from rt_gait_ros.training.run_folder import RunFolder

# Settings of a run beside its defaults. GaitSet's: batch-all triplets, 8 persons of 16 walks, 30 frames each, Adam with
# 1e-4 (Chao et al., AAAI 2019); theirs ran for 80,000 steps.
RECIPES: dict[str, dict[str, Any]] = {
    "own": {},
    "gaitset": {"loss": "triplet", "people": 8, "scenes": 16, "frames": 30, "learning_rate": 1e-4},
}

_GAIT = """\
Trains GaitSet, or a smaller or larger variant, to recognise people by their silhouettes.

Without --data it trains on generated walkers of many bodies, gaits, clothes, cameras and masks, which are generated
into the output folder first. No footage is needed, and nobody's biometric data is in the weights.

  rt-gait train gait --output run                              a GPU is used when torch has one
  rt-gait train gait --network centred-gaitset-small --epochs 8 --output small      half an hour on two cores

With --data it trains on your own people, preferably from shipped or earlier weights:

  rt-gait train gait --data people/ --init gaitset --epochs 4 --learning-rate 2e-4 --output ours

--init takes a network of the repository or a file: a network.pth of this command, GaitSet's own -encoder.ptm,
OpenGait's or Embedded-Gait's GaitSet, and what `rt-gait prune gait` made of any of them, which keeps the widths it has.

  people/ADA/hall.avi, people/ADA/yard.avi, people/BEN/hall.avi ...      or a folder of silhouettes (.png) for a video

Files of equal names are of one scene. Every pass before a fixed camera is a walk; each person needs two, better twenty.
CASIA-B, and data sets as OpenGait lays them out, are read as pictures or pickles of arrays; each view is a scene:

  rt-gait train gait --data CASIA-B/ --people 1-74 --init gaitset --output licensed        001/nm-01/090/*.png or *.pkl
  rt-gait train gait --data CASIA-B/ --people 1-74 --recipe gaitset --epochs 1600 --output theirs     a GPU, and a day

The licence of a data set also holds for weights that were trained on it.

The output folder holds network.pth, log.csv (loss and rank-1 by epoch), curve.png of it and state.pt. Ctrl-C ends a
run at any time; the same command continues after the last finished epoch. With more --epochs a finished run continues
in a new cycle of the learning rate. rank-1 is of people who are not trained on: those of --test-people; with --people
all others of the folder; otherwise every fourth person, in the order of names. With fewer than eight people all are
trained on, and rank-1 is theirs.
"""

# Of the batches, where there are filmed people beside others.
FILMED_SHARE = 0.25


def add_gait(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait train`."""
    gait = subcommand(kinds, "gait", "GaitSet on generated walkers, or on your own people", _GAIT)
    gait.add_argument(
        "--network",
        type=_network,
        choices=TRAINED_NETWORKS,
        help="small is of half the width, large of twice (default: as --init is, or centred-gaitset)",
    )
    gait.add_argument("--data", type=Path, metavar="DIR", help="a folder for each person (default: virtual people)")
    gait.add_argument(
        "--init", metavar="NAME|FILE", help="start from a network of the repository, or a checkpoint of any GaitSet"
    )
    gait.add_argument("--people", metavar="LIST", help="of --data, train on these, as 1-74 or 1-10,12 (default: all)")
    gait.add_argument("--test-people", metavar="LIST", help="of --data, those that rank-1 is of")
    gait.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default="own",
        help="other defaults: gaitset uses those of its authors (AAAI 2019)",
    )
    gait.add_argument("--loss", help="contrastive (default), circle, or triplet as GaitSet's authors")
    gait.add_argument("--epochs", type=int, help="of --steps batches each (default 20)")
    gait.add_argument("--steps", type=int, help="batches of an epoch (default 50)")
    gait.add_argument(
        "--batch-people", type=int, dest="people_of_batch", metavar="N", help="persons in one (default 16)"
    )
    gait.add_argument("--scenes", type=int, help="walks of each in a batch (default 6)")
    gait.add_argument("--frames", type=int, help="silhouettes of each walk in a batch (default 3)")
    gait.add_argument("--cohorts", type=int, default=60, help="of 32 virtual persons to generate (default 60)")
    gait.add_argument(
        "--filmed",
        type=int,
        default=0,
        metavar="COHORTS",
        help="further cohorts of 16 as the pose stage sees pictures of them, for a quarter of the batches: nearer to "
        "real masks, fifty times as slow to make (default 0)",
    )
    gait.add_argument("--learning-rate", type=float, help="the highest of the run (default 0.001)")
    gait.add_argument(
        "--schedule",
        help="of the learning rate: cycle (default) rises and falls to nothing; constant stays, best with --average",
    )
    gait.add_argument(
        "--average",
        type=float,
        metavar="SHARE",
        help="the result is a running mean of the weights, of which this share stays at each batch, as 0.998 "
        "(default 0: the last weights)",
    )
    gait.add_argument("--evaluate-every", type=int, metavar="EPOCHS", help="default 5")
    gait.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that make silhouettes")
    gait.add_argument("--seed", type=int, help="of everything random (default 0)")
    gait.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    gait.add_argument("--output", type=Path, default=Path("gait_run"), metavar="DIR", help="default: gait_run")
    add_json_argument(gait)
    gait.set_defaults(action=_gait)


def _network(name: str) -> str:
    """The network of that name, which may be the one that it had before."""
    if name in FORMER_NAMES:
        progress(f"network {name} is called {FORMER_NAMES[name]} now")
    return FORMER_NAMES.get(name, name)


def _gait(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.training.gait import GaitTraining, settings_of, train_gait
    from rt_gait_ros.training.gait_networks import name_of
    from rt_gait_ros.training.run_folder import RunFolder

    initial = _initial(arguments)
    arguments.network = arguments.network or (None if initial is None else name_of(*initial))
    training = GaitTraining(**_settings(arguments))
    for name, least in (("cohorts", 1), ("workers", 1), ("filmed", 0)):
        if getattr(arguments, name) < least:
            raise UsageError(f"--{name} {getattr(arguments, name)}: give {least} or more")
    if arguments.data and arguments.filmed:
        raise UsageError("--filmed is of virtual persons: leave it out with --data")
    if not arguments.data and (arguments.people or arguments.test_people):
        raise UsageError("--people and --test-people choose among those of a folder: name it with --data")
    data, cohorts, validation = _real(arguments) if arguments.data else _virtual(arguments)
    folder = RunFolder(arguments.output, settings_of(training, data, initial and initial[0]))
    progress(f"training on {data}")
    try:
        train_gait(training, cohorts, validation, folder, progress, initial)
    except KeyboardInterrupt:
        progress(f"stopped: the same command continues after the last finished epoch in {folder.path}")
        return 130
    _draw(folder, data)
    last = folder.last_row()
    weights = folder.path / "network.pth"
    text = (
        f"trained in {folder.path}: rank-1 of {'people' if validation is cohorts else 'people not trained on'} "
        f"{100 * last['rank1']:.1f} %, "
        f"scene-centred {100 * last['rank1_scene']:.1f} %\nserve it: rt-gait export gait {weights} --name NAME"
    )
    emit(arguments, {"network": str(weights), "data": data, **last}, text)
    return 0


def _draw(folder: "RunFolder", data: str) -> None:
    """Write curve.png: how the accuracy rose."""
    from rt_gait_ros.evaluation.plots import count_plot, save_image

    names = {"rank1": "plain", "rank1_scene": "scene-centred"}
    curves = {
        label: {int(row["epoch"]): row[name] for row in folder.rows() if not math.isnan(row[name])}
        for name, label in names.items()
    }
    save_image(folder.path / "curve.png", count_plot(curves, "epoch", f"trained on {data}"))


def _virtual(arguments: argparse.Namespace) -> "tuple[str, Cohorts, Cohorts]":
    from rt_gait_ros.training.cohorts import FILMED, Generation, MixedCohorts, VirtualCohorts

    def made(generation: "Generation") -> "Cohorts":
        return VirtualCohorts(arguments.output, generation, arguments.workers, progress, arguments.repository)

    cohorts = made(Generation(cohorts=arguments.cohorts))
    validation = made(Generation(cohorts=2, first=1_000_000))
    if arguments.filmed:
        filmed = made(replace(FILMED, cohorts=arguments.filmed))
        name = f"{cohorts.people} virtual people and {filmed.people} filmed ones"
        return name, MixedCohorts([(1.0 - FILMED_SHARE, cohorts), (FILMED_SHARE, filmed)]), validation
    return f"{cohorts.people} virtual people", cohorts, validation


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fields of GaitTraining that are asked for, or that the recipe has."""
    from rt_gait_ros.training.gait import GaitTraining

    names = {field.name for field in fields(GaitTraining)} - {"people"}
    asked = {name: getattr(arguments, name) for name in names} | {"people": arguments.people_of_batch}
    return RECIPES[arguments.recipe] | {name: value for name, value in asked.items() if value is not None}


def _real(arguments: argparse.Namespace) -> "tuple[str, Cohorts, Cohorts]":
    from rt_gait_ros.training.own_people import FolderCohorts, read_folder

    folder = arguments.data
    trained = set(read_numbers(arguments.people, str(folder))) if arguments.people else None
    tested = set(read_numbers(arguments.test_people, str(folder))) if arguments.test_people else None
    if trained and tested and (both := trained & tested):
        raise UsageError(f"--people and --test-people both have {min(both)}: who is trained on says nothing of others")
    # who is neither trained on nor looked at need not be read
    wanted = trained | tested if trained and tested else None
    repository = arguments.repository or resource("model_repository")
    found = read_folder(folder, repository, cache_folder() / "walks", arguments.workers, progress, wanted)
    for note in found.notes:
        progress(note)
    walks = found.walks
    kept = _held_back(sorted(walks), trained, tested)
    names = [name for name in sorted(walks) if name not in kept and (trained is None or number_of(name) in trained)]
    if len(names) < 4:
        raise UsageError(f"{folder} holds {len(names)} people to train on who walk: 4 are the least")
    cohorts = FolderCohorts({name: walks[name] for name in names})
    validation = FolderCohorts({name: walks[name] for name in kept}) if kept else cohorts
    chosen = f" ({arguments.people})" if arguments.people else ""
    return f"{cohorts.people} people{chosen} of {folder.resolve().name}", cohorts, validation


def _held_back(names: list[str], trained: set[int] | None, tested: set[int] | None) -> list[str]:
    """Those who show what the network has learnt; too few to be compared are none. trained, tested: as asked for."""
    if tested is not None:
        kept = [name for name in names if number_of(name) in tested]
        if len(kept) < 2:
            raise UsageError(f"--test-people: {len(kept)} of them walk in the folder, and two at least can be compared")
        return kept
    if trained is not None:
        others = [name for name in names if number_of(name) not in trained]
        return others if len(others) >= 2 else []
    return names[3::4] if len(names) >= 8 else []


def _initial(arguments: argparse.Namespace) -> "tuple[SetNetwork, str] | None":
    """The network to start from, and where it is from."""
    if arguments.init is None:
        return None
    from rt_gait_ros.networks.checkpoint import read_served_state
    from rt_gait_ros.networks.gait_checkpoints import gait_network_of, load_gait_network

    served = (arguments.repository or resource("model_repository")) / arguments.init / "1" / "model.onnx"
    if served.is_file():
        return gait_network_of(read_served_state(served), str(served), as_trained=True)[1], str(served)
    return load_gait_network(Path(arguments.init), as_trained=True)[1], arguments.init
