"""`rt-gait train`: networks from your own data."""

import argparse
import math
from pathlib import Path

from rt_gait_ros.cli.output import add_json_argument, emit, output_file, progress
from rt_gait_ros.cli.subcommands import kinds_of, subcommand
from rt_gait_ros.cli.train_gait import add_gait
from rt_gait_ros.errors import UsageError
from rt_gait_ros.pose.topology import Topology

SUMMARY = "train a network on your own data"

_DESCRIPTION = "Train networks on your own data. `rt-gait train KIND --help` explains each."

_POSE = """\
Trains a pose network as trt_pose does, on annotations in COCO's format, for anything that has keypoints: people, hands,
animals.

  rt-gait train pose --annotations train.json --images train/ --topology hand.json --output hands
  rt-gait train pose --annotations person_keypoints_train2017.json --images train2017/ --topology human_pose.json \\
      --validation-annotations person_keypoints_val2017.json --validation-images val2017/ --output people

The topology is one category of such a file: {"name": "hand", "keypoints": ["palm", ...], "skeleton": [[1, 2], ...]},
with keypoints counted from 1. A "neck" that the annotations lack lies between the shoulders.

The output folder holds network.pth (the weights, as trt_pose's checkpoints are), log.csv (loss and AP by epoch) and
state.pt. Ctrl-C ends a run at any time; the same command continues after the last finished epoch, and with more
--epochs a finished run continues. --init starts from another pose checkpoint, or from torchvision's ImageNet weights of
the backbone: far fewer images are needed then. Defaults are trt_pose's. A GPU is used when torch has one; without one,
use a small data set and a small --size.
"""


_MEAN = """\
The network whose weights are the mean of those of several, such as of runs of `rt-gait train gait` that all went on
from one network, with other people or another --seed. It often knows people whom no run saw better than any of the runs
does, and costs what one of them costs. Only GaitSets have means.

  rt-gait train gait --init gaitset_small_v5 --seed 1 --output first
  rt-gait train gait --init gaitset_small_v5 --seed 2 --output second
  rt-gait train mean first/network.pth second/network.pth --output mean.pth
  rt-gait export gait mean.pth --name ours
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one subcommand per kind of network."""
    kinds = kinds_of(parser, _DESCRIPTION)
    pose = subcommand(kinds, "pose", "part affinity field networks for any keypoints", _POSE)
    data = pose.add_argument_group("data")
    data.add_argument("--annotations", type=Path, required=True, metavar="FILE", help="keypoints in COCO's format")
    data.add_argument("--images", type=Path, required=True, metavar="DIR", help="the images that it names")
    data.add_argument("--topology", type=Path, required=True, metavar="FILE", help="parts and links, a COCO category")
    data.add_argument("--validation-annotations", type=Path, metavar="FILE", help="for COCO AP while training")
    data.add_argument("--validation-images", type=Path, metavar="DIR")
    run = pose.add_argument_group("run")
    run.add_argument(
        "--network", default="resnet18_baseline_att", help="resnet18_baseline_att (default) or densenet121_baseline_att"
    )
    run.add_argument("--size", type=int, help="pixels of the square input (default: the network's, 224 or 256)")
    run.add_argument("--epochs", type=int, default=250, help="times to see all images (default 250)")
    run.add_argument("--batch", type=int, default=64, help="images in a step (default 64)")
    run.add_argument(
        "--learning-rate", type=float, default=1e-3, help="of Adam; falls to a tenth twice (default 0.001)"
    )
    run.add_argument("--workers", type=int, default=2, help="processes that read images (default 2)")
    run.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    run.add_argument("--init", type=Path, metavar="CHECKPOINT", help="weights to start from")
    run.add_argument("--output", type=Path, default=Path("pose_run"), metavar="DIR", help="default: pose_run")
    run.add_argument("--evaluate-every", type=int, default=10, metavar="EPOCHS", help="0: at the end (default 10)")
    add_json_argument(pose)
    pose.set_defaults(action=_pose)
    add_gait(kinds)
    mean = subcommand(kinds, "mean", "the mean of networks that went on from one", _MEAN)
    mean.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT", help="network.pth of each run")
    mean.add_argument("--output", type=output_file, default=Path("mean.pth"), metavar="FILE", help="default: mean.pth")
    add_json_argument(mean)
    mean.set_defaults(action=_mean)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _pose(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.datasets.coco import read_keypoints
    from rt_gait_ros.networks.checkpoint import read_state
    from rt_gait_ros.networks.trt_pose import architecture
    from rt_gait_ros.training.pose import PoseTraining, settings_of, train_pose
    from rt_gait_ros.training.pose_samples import Augmentation
    from rt_gait_ros.training.run_folder import RunFolder

    if (arguments.validation_annotations is None) != (arguments.validation_images is None):
        raise UsageError("--validation-annotations and --validation-images need each other")
    training = PoseTraining(
        network=arguments.network,
        size=architecture(arguments.network).size if arguments.size is None else arguments.size,
        epochs=arguments.epochs,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
        evaluate_every=arguments.evaluate_every,
        workers=arguments.workers,
        seed=arguments.seed,
    )
    topology = Topology.load(arguments.topology)
    dataset = read_keypoints(arguments.annotations, arguments.images, topology)
    validation = None
    if arguments.validation_annotations is not None:
        validation = read_keypoints(arguments.validation_annotations, arguments.validation_images, topology)
    initial = None if arguments.init is None else (read_state(arguments.init), str(arguments.init))
    folder = RunFolder(arguments.output, settings_of(training, topology, dataset, initial and initial[0]))
    people = sum(len(image.people) for image in dataset.images)
    progress(f"{len(dataset.images)} images with {people} labelled '{topology.name}', {len(topology.parts)} parts")
    try:
        train_pose(training, dataset, validation, Augmentation(), folder, progress, initial)
    except KeyboardInterrupt:
        progress(f"stopped: the same command continues after the last finished epoch in {folder.path}")
        raise
    _report(arguments, folder.path, folder.last_row())
    return 0


def _report(arguments: argparse.Namespace, folder: Path, last: dict[str, float]) -> None:
    weights = folder / "network.pth"
    precision = "" if math.isnan(last["ap"]) else f", COCO AP {last['ap']:.3f}"
    size = "" if arguments.size is None else f" --size {arguments.size}"
    text = (
        f"trained in {folder}: loss {last['loss']:.5f}{precision}\n"
        f"serve it: rt-gait export pose {weights} --name NAME --topology {arguments.topology}{size}"
    )
    emit(arguments, {"network": str(weights), "topology": str(arguments.topology), **last}, text)


def _mean(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.networks.checkpoint import write_state
    from rt_gait_ros.training.averaging import mean_network

    write_state(arguments.output, mean_network(arguments.checkpoints).state_dict())
    text = f"the mean of {len(arguments.checkpoints)} networks: {arguments.output}"
    emit(arguments, {"network": str(arguments.output), "networks": len(arguments.checkpoints)}, text)
    return 0
