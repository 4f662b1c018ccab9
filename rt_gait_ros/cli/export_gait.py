"""`rt-gait export gait`: a gait network from a user's checkpoint, whole and streaming."""

import argparse
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.silhouette.flow import WINDOW

# The keys of networks.gait_checkpoints.KINDS and networks.keras_checkpoints.KINDS, which only torch can tell.
NETWORKS = ("gaitset", "opengait-gaitset", "gaitbase")
FLOW_NETWORKS = ("flow2d", "flow3d")
KERAS_ENDINGS = (".hdf5", ".h5")

_GAIT = """\
Reads a checkpoint of GaitSet (-encoder.ptm) or of OpenGait's GaitSet or GaitBase (.pt) strictly, exports it to ONNX
with 64 x 64 uint8 silhouettes in, checks that the whole set and the stream compute what PyTorch does, and puts two
folders into the model repository:

  NAME          is sent a whole sequence each time
  NAME_stream   is sent new frames alone: the server keeps the set of each track, the last --window frames of it

  rt-gait export gait GaitSet_CASIA-B_73_False_256_0.2_128_full_30-80000-encoder.ptm --name gaitset
  rt-gait export gait GaitBase_DA-60000.pt --name gaitbase --window 0

Reads Keras files of Embedded-Gait's 2D-CNN and 3D-CNN, too. They take 25 frames of optical flow, and are one folder:

  rt-gait export gait model_2D_150.hdf5 --name flow2d        with the pose node's gait_frame_kind at flow

The gait node then uses either with the parameter `model` set to its name.
"""


def add_gait(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait export`."""
    gait = kinds.add_parser(
        "gait",
        help="a gait network of GaitSet's, OpenGait's or Embedded-Gait's",
        description=_GAIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    gait.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the authors' .ptm or .hdf5, OpenGait's .pt")
    gait.add_argument(
        "--network",
        choices=(*NETWORKS, *FLOW_NETWORKS),
        help="what the file must be (default: told by the names in it)",
    )
    gait.add_argument("--name", help="name of the network in the repository (default: the network's)")
    gait.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    gait.add_argument(
        "--window", type=int, default=30, metavar="N", help="frames of the stream's set; 0: all of a track (default 30)"
    )
    gait.add_argument(
        "--threads", type=int, default=1, metavar="N", help="CPU threads for each: more for a room full of people (1)"
    )
    gait.add_argument("--force", action="store_true", help="replace networks of these names")
    add_json_argument(gait)
    gait.set_defaults(action=_gait)


def _gait(arguments: argparse.Namespace) -> int:
    if arguments.window < 0:
        raise UsageError(f"--window {arguments.window}: give a number of frames, or 0 for all of a track")
    if arguments.threads < 1:
        raise UsageError(f"--threads {arguments.threads}: give 1 or more")
    if arguments.network in FLOW_NETWORKS or arguments.checkpoint.suffix in KERAS_ENDINGS:
        return _flow(arguments)
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.networks.gait_export import export_gait, write_gait

    export = export_gait(arguments.checkpoint, arguments.network, arguments.window)
    repository = arguments.repository or resource("model_repository")
    name = arguments.name or export.kind.replace("-", "_")
    folders = write_gait(export, repository, name, arguments.force, arguments.threads)
    checks = {"whole": export.agreement, "stream": export.stream_agreement}
    payload = {
        "network": export.kind,
        "window": export.window,
        "folders": [str(folder) for folder in folders],
        "agreement": {name: {"difference": a.difference, "scale": a.scale} for name, a in checks.items()},
    }
    lines = [f"{export.kind}: {folders[0]}, {folders[1]}"]
    for kind, check in checks.items():
        lines.append(f"{kind}: off PyTorch by {check.difference:.2g} at most, of values up to {check.scale:.3g}")
    emit(arguments, payload, "\n".join(lines))
    return 0


def _flow(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.networks.flow_export import export_flow, write_flow

    export = export_flow(arguments.checkpoint, arguments.network)
    repository = arguments.repository or resource("model_repository")
    folder = write_flow(export, repository, arguments.name or export.kind, arguments.force)
    check = export.agreement
    payload = {
        "network": export.kind,
        "window": WINDOW,
        "folders": [str(folder)],
        "agreement": {"whole": {"difference": check.difference, "scale": check.scale}},
    }
    text = f"{export.kind}: {folder}\noff PyTorch by {check.difference:.2g} at most, of values up to {check.scale:.3g}"
    emit(arguments, payload, text)
    return 0
