"""`rt-gait prune`: networks without their weakest filters."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.cli.output import add_json_argument, emit, output_file, progress
from rt_gait_ros.cli.subcommands import kinds_of, subcommand
from rt_gait_ros.datasets.coco import read_keypoints
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.kinds import ELSEWHERE_HELP, KINDS, PRUNABLE_NETWORKS, kind_named
from rt_gait_ros.pose.layouts import TRT_POSE
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.model_folder import network_or_file

if TYPE_CHECKING:
    from torch import nn

    from rt_gait_ros.training.pruning import Pruned
    from rt_gait_ros.training.pruning_report import Accuracy

SUMMARY = "remove the weakest filters of a network"

_GAIT = """\
Removes filters of a gait network's convolutions, as Embedded-Gait does: the strength of a filter is its L1 norm, one
percentile is drawn over the filters of all convolutions, and those below it are removed. For GaitSet (its authors',
OpenGait's, Embedded-Gait's, and what `rt-gait train gait` made), GaitBase, the 2D-CNN and the 3D-CNN, whole or
factorised. The result is a checkpoint, narrower in every layer, which `rt-gait export gait` takes like any other.

  rt-gait prune gait GaitSet-encoder.ptm --percentile 10 --output gaitset_pruned.ptm
  rt-gait prune gait model_2D_150.hdf5 --percentile 10 --output pruned.hdf5
  rt-gait export gait gaitset_pruned.ptm --name gaitset_pruned

What each percentile costs and gains, before any training: filters, parameters, multiply-accumulates, time, and with
--data accuracy on walks of people (PERSON/SEQUENCE/VIEW, or TUM-GAID's prepared samples for networks on flow):

  rt-gait prune gait CHECKPOINT --report 10 20 30 40 50 60 --data DIR

A pruned network is a little worse. Continue the training of GaitSet, GaitBase, the 2D-CNN or the 3D-CNN with

  rt-gait train gait --init gaitset_pruned.ptm --epochs 4 --learning-rate 2e-4 --output again
  rt-gait train gait --init pruned.hdf5 --epochs 4 --learning-rate 2e-4 --output again

which keeps its widths. Evaluate before and after (`rt-gait evaluate`).

With --keep-widths the weak filters of GaitSet are set to zero instead: the result computes the same, costs what the
whole network does, and can be pruned further. The shipped gait network is made so.

  rt-gait prune gait network.pth --percentile 10 --keep-widths --output zeroed.ptm
"""

_POSE = """\
Removes filters of a pose network of trt_pose (resnet18, densenet121), as `rt-gait prune gait` does of gait networks.
Filters whose outputs are added or multiplied go or stay together; the maps of parts and links stay whole.

  rt-gait prune pose resnet18_baseline_att_224x224_A_epoch_249.pth --percentile 10 --output pruned.pth
  rt-gait train pose --init pruned.pth ... --output again         continue its training, which keeps its widths
  rt-gait export pose again/network.pth --name pose_pruned
  rt-gait prune pose CHECKPOINT --report 10 20 30 40 50 60
  rt-gait prune pose CHECKPOINT --report --annotations person_keypoints_val2017.json --images val2017/     with COCO AP
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    kinds = kinds_of(parser, "Make networks smaller. `rt-gait prune KIND --help` explains each.")
    gait = subcommand(kinds, "gait", "GaitSet, GaitBase, 2D-CNN or 3D-CNN", _GAIT)
    _add_common(gait, "a file or a shipped network, as for `rt-gait export gait`", ".ptm, or .hdf5 of networks on flow")
    gait.add_argument(
        "--network",
        type=kind_named,
        choices=PRUNABLE_NETWORKS,
        help=f"what the file must be; {ELSEWHERE_HELP} (default: found from the names in it)",
    )
    gait.add_argument("--data", type=Path, metavar="DIR", help="walks of people, for the accuracy in --report")
    gait.add_argument("--keep-widths", action="store_true", help="set the filters to zero, and remove none (GaitSet)")
    gait.set_defaults(action=_gait)
    pose = subcommand(kinds, "pose", "a pose network of trt_pose's kind", _POSE)
    _add_common(pose, "as for `rt-gait export pose`", ".pth or .ptm")
    pose.add_argument("--annotations", type=Path, metavar="FILE", help="keypoints in COCO's format, for AP in --report")
    pose.add_argument("--images", type=Path, metavar="DIR", help="the images that they name")
    pose.add_argument(
        "--topology", type=Path, metavar="FILE", help="COCO category (keypoints, skeleton) (default: trt_pose's human)"
    )
    pose.set_defaults(action=_pose)


def _add_common(parser: argparse.ArgumentParser, checkpoint: str, output: str) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=checkpoint)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--percentile", type=float, metavar="P", help="of all filters to remove (default 10)")
    amount.add_argument("--share", type=float, help="the same, as a part of 1")
    amount.add_argument(
        "--report",
        type=float,
        nargs="*",
        metavar="P",
        help="write nothing; tell what these percentiles cost and gain (default 10 to 60)",
    )
    parser.add_argument("--output", type=output_file, metavar="FILE", help=output)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _gait(arguments: argparse.Namespace) -> int:
    _check(arguments)
    if arguments.data is not None and arguments.report is None:
        raise UsageError("--data goes with --report: a pruned file is evaluated by `rt-gait evaluate`")
    if arguments.keep_widths and arguments.report is not None:
        raise UsageError("--keep-widths goes with --output: a report is of networks that filters were removed from")
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.training.pruning import load_prunable, prune
    from rt_gait_ros.training.pruning_report import gait_accuracy

    source = network_or_file(arguments.checkpoint, resource("model_repository"))
    kind, network = load_prunable(source, arguments.network)
    if arguments.report is not None:
        accuracy = None if arguments.data is None else gait_accuracy(arguments.data, KINDS[kind].frames)
        return _report(arguments, kind, network, accuracy)
    return _write(arguments, prune(kind, network, _share(arguments), arguments.keep_widths))


def _pose(arguments: argparse.Namespace) -> int:
    _check(arguments)
    labelled = [arguments.annotations, arguments.images]
    if any(labelled) and not (all(labelled) and arguments.report is not None):
        raise UsageError("--annotations and --images need each other, and go with --report")
    if arguments.topology is not None and not any(labelled):
        raise UsageError("--topology says what --annotations label: give both")
    from rt_gait_ros.networks.pose_export import check_topology, load_pose_network
    from rt_gait_ros.training.pruning import prune
    from rt_gait_ros.training.pruning_report import pose_accuracy

    kind, network = load_pose_network(arguments.checkpoint)
    if arguments.report is None:
        return _write(arguments, prune(kind, network, _share(arguments)))
    accuracy = None
    if arguments.annotations is not None:
        topology = None if arguments.topology is None else Topology.load(arguments.topology)
        check_topology(topology, network, str(arguments.checkpoint))
        accuracy = pose_accuracy(read_keypoints(arguments.annotations, arguments.images, topology or TRT_POSE), kind)
    return _report(arguments, kind, network, accuracy, "COCO AP")


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be before anything is read."""
    if (arguments.output is None) == (arguments.report is None):
        raise UsageError("give --output FILE for the pruned network, or --report to compare percentiles")
    for percentile in arguments.report or [100 * _share(arguments)]:
        if not 0.0 < percentile < 100.0:
            raise UsageError(
                f"percentile {percentile:g}: give the percentage of all filters to remove, above 0 and below 100"
            )


def _share(arguments: argparse.Namespace) -> float:
    if arguments.share is not None:
        return float(arguments.share)
    return 0.1 if arguments.percentile is None else float(arguments.percentile) / 100


def _report(
    arguments: argparse.Namespace, kind: str, network: "nn.Module", accuracy: "Accuracy | None", figure: str = "rank-1"
) -> int:
    from rt_gait_ros.training.pruning_report import PERCENTILES, report

    rows = []
    for row in report(kind, network, tuple(arguments.report) or PERCENTILES, accuracy):
        progress(f"{kind} at {row.percentile:g} %: {row.milliseconds:.2f} ms")
        rows.append(row)
    lines = ["percentile  filters removed  parameters    MACs  time" + (f"  {figure}" if accuracy else "")]
    for row in rows:
        rank = "" if row.accuracy is None else f"  {100 * row.accuracy:5.1f} %"
        lines.append(
            f"{row.percentile:9g} %  {row.removed:6} of {row.filters:5}  {row.parameters / 1e6:8.3f} M  "
            f"{row.macs / 1e9:6.3f} G  {row.milliseconds:7.2f} ms{rank}"
        )
    emit(arguments, {"network": kind, "rows": [row.to_json() for row in rows]}, "\n".join(lines))
    return 0


def _write(arguments: argparse.Namespace, pruned: "Pruned") -> int:
    from rt_gait_ros.training.pruning import write_pruned

    write_pruned(arguments.output, pruned)
    total = sum(pruned.filters.values())
    lines = [
        f"{pruned.removed} of {total} filters {'set to zero' if pruned.zeroed else 'removed'}, "
        f"{pruned.parameters} of {pruned.parameters_before} parameters left",
        *(f"  {name}: {pruned.kept[name]} of {count}" for name, count in pruned.filters.items()),
        f"written to {arguments.output}",
    ]
    payload: dict[str, Any] = {
        "network": pruned.kind,
        "removed": pruned.removed,
        "filters": total,
        "layers": {name: {"kept": pruned.kept[name], "filters": count} for name, count in pruned.filters.items()},
        "parameters": pruned.parameters,
        "parameters_before": pruned.parameters_before,
        "path": str(arguments.output),
    }
    emit(arguments, payload, "\n".join(lines))
    return 0
