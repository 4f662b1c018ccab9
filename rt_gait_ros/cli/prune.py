"""`rt-gait prune`: gait networks without their weakest filters."""

import argparse
from pathlib import Path

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.cli.subcommands import kinds_of, subcommand
from rt_gait_ros.networks.kinds import PRUNABLE_NETWORKS

SUMMARY = "remove the weakest filters of a gait network"

_GAIT = """\
Removes filters of a gait network's convolutions, as Embedded-Gait does: the strength of a filter is its L1 norm, and
the weakest --share of all filters of all convolutions is removed. For GaitSet (its authors', OpenGait's,
Embedded-Gait's, and what `rt-gait train gait` made), the 2D-CNN and the 3D-CNN. The result is a checkpoint, narrower in
every layer, which `rt-gait export gait` takes like any other.

  rt-gait prune gait GaitSet-encoder.ptm --share 0.1 --output gaitset_pruned.ptm
  rt-gait prune gait model_2D_150.hdf5 --share 0.1 --output pruned.hdf5
  rt-gait export gait gaitset_pruned.ptm --name gaitset_pruned

A pruned network is a little worse. Continue the training of GaitSet with

  rt-gait train gait --init gaitset_pruned.ptm --epochs 4 --learning-rate 2e-4 --output again

which keeps its widths. Embedded-Gait's own program, which reads the .hdf5, trains the 2D-CNN and the 3D-CNN further.
Evaluate before and after (`rt-gait evaluate`).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    kinds = kinds_of(parser, "Make networks smaller. `rt-gait prune KIND --help` explains each.")
    gait = subcommand(kinds, "gait", "GaitSet, 2D-CNN or 3D-CNN", _GAIT)
    gait.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="as for `rt-gait export gait`")
    gait.add_argument("--share", type=float, default=0.1, help="of all filters, 0 to 1 (default 0.1)")
    gait.add_argument("--output", type=Path, required=True, metavar="FILE", help=".ptm, or .hdf5 of networks on flow")
    gait.add_argument(
        "--network",
        choices=PRUNABLE_NETWORKS,
        help="what the file must be (default: found from the names in it)",
    )
    add_json_argument(gait)
    gait.set_defaults(action=_gait)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _gait(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.training.pruning import prune_checkpoint, write_pruned

    pruned = prune_checkpoint(arguments.checkpoint, arguments.share, arguments.network)
    write_pruned(arguments.output, pruned)
    total = sum(pruned.filters.values())
    lines = [
        f"{pruned.removed} of {total} filters removed, "
        f"{pruned.parameters} of {pruned.parameters_before} parameters left",
        *(f"  {name}: {pruned.kept[name]} of {count}" for name, count in pruned.filters.items()),
        f"written to {arguments.output}",
    ]
    payload = {
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
