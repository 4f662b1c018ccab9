"""`rt-gait train gait` for the networks on optical flow, from generated walkers or from your own people."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rt_gait_ros.cli.output import emit, progress
from rt_gait_ros.cli.training_runs import asked_for, check_people, found_in_folder, held_back, trained
from rt_gait_ros.datasets.folders import number_of
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.kinds import KERAS_ENDINGS

if TYPE_CHECKING:
    from rt_gait_ros.networks.flow_networks import FlowNetwork
    from rt_gait_ros.training.flow_windows import FlowPeople, FlowWalk

FLOW_COHORTS = 5  # of 32 virtual persons: as many people as TUM-GAID's training part has
_HELD_BACK = 1_000_000  # number of the first virtual person who is not trained on
# Options that are of networks on silhouettes alone, and why.
_OTHERS = {
    "loss": "networks on flow are trained to name the people of the set (cross-entropy)",
    "recipe": "it is of GaitSet",
    "frames": "a window has 25 frames",
    "filmed": "it is of silhouettes",
    "alike": "it is of silhouettes",
    "filmed_alike": "it is of silhouettes",
}


def train_flow(arguments: argparse.Namespace) -> int:
    """Train the 2D-CNN or the 3D-CNN. Returns the exit code; raises GaitError for what a user can mend."""
    for name, why in _OTHERS.items():
        if getattr(arguments, name):
            raise UsageError(f"--{name.replace('_', '-')} does not go with a network on flow: {why}; leave it out")
    check_people(arguments, fewest_cohorts=1)
    initial = _initial(arguments)
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.networks.flow_networks import kind_of
    from rt_gait_ros.training.flow import KERAS_FILE, FlowTraining, settings_of
    from rt_gait_ros.training.flow import train_flow as train
    from rt_gait_ros.training.run_folder import RunFolder

    arguments.network = arguments.network or (None if initial is None else kind_of(initial[0]))
    training = FlowTraining(**asked_for(arguments, FlowTraining))
    data, people, tested = _real(arguments) if arguments.data else _virtual(arguments)
    folder = RunFolder(arguments.output, settings_of(training, data, initial and initial[0]))
    last = trained(folder, data, lambda: train(training, people, tested, folder, progress, initial))
    weights = folder.path / KERAS_FILE
    whose = "people" if tested is people.walks else "people not trained on"
    text = (
        f"trained in {folder.path}: rank-1 of {whose} {100 * last['rank1']:.1f} % (7 neighbours, a vote per walk)\n"
        f"serve it: rt-gait export gait {weights} --name NAME"
    )
    emit(arguments, {"network": str(weights), "data": data, **last}, text)
    return 0


def _virtual(arguments: argparse.Namespace) -> "tuple[str, FlowPeople, list[FlowWalk]]":
    from rt_gait_ros.training.flow_windows import FlowGeneration, FlowPeople, virtual_walks

    def made(generation: FlowGeneration) -> "list[FlowWalk]":
        return virtual_walks(arguments.output, generation, arguments.workers, progress)

    people = FlowPeople(made(FlowGeneration(cohorts=arguments.cohorts or FLOW_COHORTS)))
    return f"{len(people.people)} virtual people", people, made(FlowGeneration(cohorts=1, first=_HELD_BACK))


def _real(arguments: argparse.Namespace) -> "tuple[str, FlowPeople, list[FlowWalk]]":
    from rt_gait_ros.training.flow_windows import FlowPeople
    from rt_gait_ros.training.own_flow import read_flow

    folder = arguments.data
    found, numbers, tested = found_in_folder(arguments, read_flow)
    names = sorted({walk.person for walk in found.walks})
    if numbers is None and tested is None and found.trained:
        kept = [name for name in names if name not in found.trained]
    else:
        kept = held_back(names, numbers, tested)
    own = [
        walk
        for walk in found.walks
        if walk.person not in kept and (numbers is None or number_of(walk.person) in numbers)
    ]
    if len({walk.person for walk in own}) < 2:
        raise UsageError(f"{folder} holds {len({walk.person for walk in own})} people to train on: 2 are the least")
    people = FlowPeople(own)
    chosen = f" ({arguments.people})" if arguments.people else ""
    others = [walk for walk in found.walks if walk.person in kept]
    return f"{len(people.people)} people{chosen} of {folder.resolve().name}", people, others or people.walks


def _initial(arguments: argparse.Namespace) -> "tuple[FlowNetwork, str] | None":
    """The network to start from, and where it is from."""
    if arguments.init is None:
        return None
    if Path(arguments.init).suffix not in KERAS_ENDINGS:
        raise UsageError(
            f"--init {arguments.init}: networks on flow start from a Keras file (.hdf5), as the network.hdf5 of a run"
        )
    from rt_gait_ros.networks.keras_checkpoints import load_flow_network

    return load_flow_network(Path(arguments.init), arguments.network)[1], arguments.init
