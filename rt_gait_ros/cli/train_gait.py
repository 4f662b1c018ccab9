"""`rt-gait train gait`: gait networks from generated walkers, or from your own people."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.cli.export_gait import is_flow
from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.cli.train_flow import FLOW_COHORTS, train_flow
from rt_gait_ros.cli.training_runs import asked_for, check_people, found_in_folder, held_back, trained
from rt_gait_ros.datasets.folders import absent, number_of, people_of
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.kinds import ELSEWHERE_HELP, FORMER_NAMES, GAITBASE, TRAINED_NETWORKS, kind_named
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.model_folder import network_or_file

if TYPE_CHECKING:
    from rt_gait_ros.networks.set_networks import SetNetwork
    from rt_gait_ros.training.cohorts import Cohorts, Generation

# Settings of a run beside its defaults. GaitSet's: batch-all triplets, 8 persons of 16 walks, 30 frames each, Adam with
# 1e-4 (Chao et al., AAAI 2019); theirs ran for 80,000 steps.
RECIPES: dict[str, dict[str, Any]] = {
    "own": {},
    "gaitset": {"loss": "triplet", "people": 8, "scenes": 16, "frames": 30, "learning_rate": 1e-4},
}

_GAIT = """\
Trains GaitSet, or a smaller or larger variant, to recognise people by their silhouettes; or, as --network flow2d or
flow3d, Embedded-Gait's 2D-CNN or 3D-CNN, which recognise them by optical flow.

Without --data it trains on generated walkers of many bodies, gaits, clothes, cameras and masks, which are generated
into the output folder first. No footage is needed, and nobody's biometric data is in the weights.

  rt-gait train gait --output run                              a GPU is used when torch has one
  rt-gait train gait --network centred-gaitset-small --epochs 8 --output small      half an hour on two cores

Real passers-by are more alike than these walkers: most wear trousers and carry nothing, and somebody's walks of one day
hardly differ. --alike adds such people, for three quarters of the batches. --filmed adds walkers whose silhouettes are
what the pose stage makes of pictures, for a quarter; with --filmed-alike three quarters of that quarter are nearly
alike as well. The shipped network went on from its former self with them (docs/models.md):

  rt-gait train gait --init gaitset_small_v5 --cohorts 0 --alike 40 --filmed 10 --filmed-alike 16 --schedule constant
      --average 0.97 --output alike

With --data it trains on your own people, preferably from shipped or earlier weights:

  rt-gait train gait --data people/ --init gaitset --epochs 4 --learning-rate 2e-4 --output ours

--init takes a network of the repository or a file: a network.pth of this command, GaitSet's own -encoder.ptm,
OpenGait's or Embedded-Gait's GaitSet, OpenGait's GaitBase (trained on by its triplet loss), and what `rt-gait prune
gait` made of any of them, which keeps the widths it has.

  people/ADA/hall.avi, people/ADA/yard.avi, people/BEN/hall.avi ...      or a folder of silhouettes (.png) for a video

Files of equal names are of one scene. Every pass before a fixed camera is a walk; each person needs two, better twenty.
CASIA-B, and data sets as OpenGait lays them out, are read as pictures or pickles of arrays; each view is a scene:

  rt-gait train gait --data CASIA-B/ --people 1-74 --init gaitset --output licensed        001/nm-01/090/*.png or *.pkl
  rt-gait train gait --data CASIA-B/ --people 1-74 --recipe gaitset --epochs 1600 --output theirs     a GPU, and a day

Networks on flow learn on generated walkers (seen from the side), on a video for each walk, or on TUM-GAID, as images
or as the samples (.h5) that Embedded-Gait prepares; --scenes is then the walks of each person in a batch:

  rt-gait train gait --network flow2d --output flow
  rt-gait train gait --network flow3d --data TUM-GAID/ --output flow        its people for training; rank-1 of others
  rt-gait train gait --init pruned.hdf5 --data TUM-GAID/ --output again     of `rt-gait prune gait`; keeps its widths

flow3d-factorised is the 3D-CNN with each convolution in two, over rows and columns and over time: a third fewer
parameters. Their folder also holds network.hdf5, which export, prune and Keras read. rank-1 is Embedded-Gait's measure:
the seven nearest windows name a window, and the windows of a walk vote.

The licence of a data set also holds for weights that were trained on it.

The output folder holds network.pth, log.csv (loss and rank-1 by epoch), curve.png of it and state.pt. Ctrl-C ends a
run at any time; the same command continues after the last finished epoch. With more --epochs a finished run continues
in a new cycle of the learning rate. rank-1 is of people who are not trained on: those of --test-people; with --people
all others of the folder; otherwise every fourth person, in the order of names. With fewer than eight people all are
trained on, and rank-1 is theirs.
"""

COHORTS = 60  # of virtual people, where nothing else is asked for
# Of the batches, where there are filmed people beside others; and of those that are filmed, and of those that are not,
# where there are people who are nearly alike beside others.
FILMED_SHARE, ALIKE_SHARE = 0.25, 0.75


def add_gait(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait train`."""
    gait = subcommand(kinds, "gait", "GaitSet, GaitBase, 2D-CNN, 3D-CNN on generated walkers or your own people", _GAIT)
    gait.add_argument(
        "--network",
        type=_network,
        choices=TRAINED_NETWORKS,
        help="small is of half the width, large of twice; flow2d, flow3d and flow3d-factorised are on optical flow "
        f"({ELSEWHERE_HELP}) (default: as --init is, or centred-gaitset)",
    )
    gait.add_argument("--data", type=Path, metavar="DIR", help="a folder for each person (default: virtual people)")
    gait.add_argument(
        "--init",
        metavar="NAME|FILE",
        help="start from a network of the repository, or a checkpoint of any GaitSet, GaitBase, 2D-CNN or 3D-CNN",
    )
    gait.add_argument("--people", metavar="LIST", help="of --data, train on these, as 1-74 or 1-10,12 (default: all)")
    gait.add_argument("--test-people", metavar="LIST", help="of --data, those that rank-1 is of")
    gait.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        help="other defaults: gaitset uses those of its authors (AAAI 2019)",
    )
    gait.add_argument("--loss", help="contrastive (default), circle, triplet as GaitSet's authors (all of gaitbase)")
    gait.add_argument("--epochs", type=int, help="of --steps batches each (default 20)")
    gait.add_argument("--steps", type=int, help="batches of an epoch (default 50)")
    gait.add_argument(
        "--batch-people", type=int, dest="people_of_batch", metavar="N", help="persons in one (default 16)"
    )
    gait.add_argument("--scenes", type=int, help="walks of each in a batch (default 6; on flow 4)")
    gait.add_argument("--frames", type=int, help="silhouettes of each walk in a batch (default 3)")
    gait.add_argument(
        "--cohorts",
        type=int,
        help=f"of 32 virtual persons to generate (default {COHORTS}; on flow {FLOW_COHORTS}); 0: none but those of "
        "--alike, --filmed and --filmed-alike",
    )
    gait.add_argument(
        "--filmed",
        type=int,
        metavar="COHORTS",
        help="further cohorts of 16 as the pose stage sees pictures of them, for a quarter of the batches: nearer to "
        "real masks, fifty times as slow to make (default 0)",
    )
    gait.add_argument(
        "--alike",
        type=int,
        metavar="COHORTS",
        help="further cohorts of 32 who differ as little from each other as CASIA-B's people, for three quarters of "
        "the batches that are not filmed (default 0)",
    )
    gait.add_argument(
        "--filmed-alike",
        type=int,
        metavar="COHORTS",
        help="further cohorts of 16 who are nearly alike and filmed, for three quarters of the filmed batches "
        "(default 0)",
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
    """The network of that name, which may be one that it had before, or has elsewhere."""
    present = kind_named(FORMER_NAMES.get(name, name))
    if present != name:
        progress(f"network {name} is called {present} here")
    return present


def _gait(arguments: argparse.Namespace) -> int:
    if is_flow(Path(arguments.init or ""), arguments.network):
        return train_flow(arguments)
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.training.gait import GaitTraining, settings_of, train_gait
    from rt_gait_ros.training.gait_networks import name_of
    from rt_gait_ros.training.run_folder import RunFolder

    initial = _initial(arguments)
    arguments.network = arguments.network or (None if initial is None else name_of(*initial))
    training = GaitTraining(**_settings(arguments))
    check_people(arguments, fewest_cohorts=0)
    if arguments.cohorts == 0 and not (arguments.alike or arguments.filmed or arguments.filmed_alike):
        raise UsageError("--cohorts 0 leaves nobody to train on: give --alike as well")
    data, cohorts, validation = _real(arguments) if arguments.data else _virtual(arguments)
    folder = RunFolder(arguments.output, settings_of(training, data, initial and initial[0]))
    last = trained(folder, data, lambda: train_gait(training, cohorts, validation, folder, progress, initial))
    weights = folder.path / "network.pth"
    whose = "people" if validation is cohorts else "people not trained on"
    text = (
        f"trained in {folder.path}: rank-1 of {whose} {100 * last['rank1']:.1f} %, "
        f"scene-centred {100 * last['rank1_scene']:.1f} %\nserve it: rt-gait export gait {weights} --name NAME"
    )
    emit(arguments, {"network": str(weights), "data": data, **last}, text)
    return 0


def _virtual(arguments: argparse.Namespace) -> "tuple[str, Cohorts, Cohorts]":
    from rt_gait_ros.training.cohorts import ALIKE, FILMED, FILMED_ALIKE, Generation, VirtualCohorts

    def made(generation: "Generation", cohorts: int | None) -> "Cohorts | None":
        if not cohorts:
            return None
        generation = replace(generation, cohorts=cohorts)
        return VirtualCohorts(arguments.output, generation, arguments.workers, progress, arguments.repository)

    usual = made(Generation(), COHORTS if arguments.cohorts is None else arguments.cohorts)
    validation = made(Generation(first=1_000_000), 2)
    alike, filmed = made(ALIKE, arguments.alike), made(FILMED, arguments.filmed)
    filmed_alike = made(FILMED_ALIKE, arguments.filmed_alike)
    cohorts = _mixed(_mixed(usual, alike, ALIKE_SHARE), _mixed(filmed, filmed_alike, ALIKE_SHARE), FILMED_SHARE)
    assert cohorts is not None
    assert validation is not None
    kinds = {"virtual people": usual, "nearly alike": alike, "filmed": filmed, "filmed and nearly alike": filmed_alike}
    return ", ".join(f"{each.people} {kind}" for kind, each in kinds.items() if each), cohorts, validation


def _mixed(some: "Cohorts | None", others: "Cohorts | None", share: float) -> "Cohorts | None":
    """Batches of some, and of others for this share of them; of those alone that there are."""
    from rt_gait_ros.training.cohorts import MixedCohorts

    if some is None or others is None:
        return some or others
    return MixedCohorts([(1.0 - share, some), (share, others)])


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fields of GaitTraining that are asked for, or that the recipe has."""
    from rt_gait_ros.training.gait import GaitTraining

    recipe = RECIPES[arguments.recipe or "own"] | ({"loss": "triplet"} if arguments.network == GAITBASE else {})
    return recipe | asked_for(arguments, GaitTraining)


def _real(arguments: argparse.Namespace) -> "tuple[str, Cohorts, Cohorts]":
    from rt_gait_ros.training.own_people import FolderCohorts, read_folder

    folder = arguments.data
    found, numbers, tested = found_in_folder(arguments, read_folder)
    walks = found.walks
    asked = (numbers or set()) | (tested or set())
    if line := absent(asked, [who.name for who in people_of(folder)], folder):
        progress(line)
    kept = held_back(sorted(walks), numbers, tested)
    names = [name for name in sorted(walks) if name not in kept and (numbers is None or number_of(name) in numbers)]
    if len(names) < 4:
        raise UsageError(f"{folder} holds {len(names)} people to train on who walk: 4 are the least")
    cohorts = FolderCohorts({name: walks[name] for name in names})
    validation = FolderCohorts({name: walks[name] for name in kept}) if kept else cohorts
    chosen = f" ({arguments.people})" if arguments.people else ""
    return f"{cohorts.people} people{chosen} of {folder.resolve().name}", cohorts, validation


def _initial(arguments: argparse.Namespace) -> "tuple[SetNetwork, str] | None":
    """The network to start from, and where it is from."""
    if arguments.init is None:
        return None
    from rt_gait_ros.networks.gait_checkpoints import load_gait_network

    source = network_or_file(Path(arguments.init), arguments.repository or resource("model_repository"))
    return load_gait_network(source, as_trained=True)[1], str(source)
