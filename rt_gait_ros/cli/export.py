"""`rt-gait export`: networks from the checkpoints that users have, ready to serve; tracks and bags of recordings."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.cli.export_bag import add_bag
from rt_gait_ros.cli.export_engine import (
    add_engine_arguments,
    by_ranges,
    calibrated,
    engine_options,
    make_engine,
    read_cache,
    refuse_loss,
)
from rt_gait_ros.cli.export_gait import PRECISIONS as CPU_PRECISIONS
from rt_gait_ros.cli.export_gait import add_gait
from rt_gait_ros.cli.export_tracks import add_tracks
from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.cli.subcommands import kinds_of, subcommand
from rt_gait_ros.errors import UsageError
from rt_gait_ros.pose.layouts import TRT_POSE
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.calibration_cache import CACHE_FILE
from rt_gait_ros.serving.model_folder import require_free, write_model
from rt_gait_ros.serving.tensorrt_build import PRECISIONS, EngineOptions

if TYPE_CHECKING:
    import numpy as np

    from rt_gait_ros.networks.export import Agreement
    from rt_gait_ros.networks.pose_export import PoseExport
    from rt_gait_ros.networks.pose_precision import PoseVariant

SUMMARY = "turn a checkpoint into a network that Triton serves, or a recording into tracks or a bag"

_DESCRIPTION = "Make checkpoints ready to serve, or write tracks or a bag. `rt-gait export KIND --help` explains each."

_POSE = """\
Reads a checkpoint of trt_pose strictly, exports it to ONNX with uint8 input and the normalisation inside, checks that
both compute the same, and puts it into the model repository as a folder that Triton serves.

  rt-gait export pose resnet18_baseline_att_224x224_A_epoch_249.pth
  rt-gait export pose densenet121_baseline_att_256x256_B_epoch_160.pth --name pose_densenet --repository ~/models
  rt-gait export pose run/network.pth --name hands --topology hand.json      what `rt-gait train pose` made

The pose node then uses it with the parameter `detector` set to the network's name.

For a CPU, in less than 32 bits; how many of people's parts this loses in your images is printed:

  rt-gait export pose CHECKPOINT --precision int8 --calibration DIR --max-loss 2
  rt-gait export pose CHECKPOINT --precision best --calibration DIR      the fastest here of fp32, fp16 and int8

On the Jetson itself, for its own TensorRT:

  rt-gait export pose CHECKPOINT --tensorrt fp16             engine for the GPU, served by NVIDIA's Triton
  rt-gait export pose CHECKPOINT --tensorrt fp16 --max-batch 8 --profiles 1,4,8     tuned to each of these batches
  rt-gait export pose CHECKPOINT --tensorrt int8 --calibration DIR
  rt-gait export pose CHECKPOINT --tensorrt fp16 --dla 0     for a DLA core; what that cannot do runs on the GPU
  rt-gait export pose CHECKPOINT --tensorrt int8 --dla 0 --calibration DIR
  rt-gait export pose CHECKPOINT --torch2trt                 also trt_pose's own file, torch2trt.pth

An engine fits one TensorRT release and one kind of GPU. model.onnx lies beside it for everything else.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    kinds = kinds_of(parser, _DESCRIPTION)
    pose = subcommand(kinds, "pose", "a pose network of trt_pose's kind", _POSE)
    pose.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="trt_pose's .pth file, or one of `train pose`"
    )
    pose.add_argument("--name", help="name of the network in the repository (default: the file's, without _epoch)")
    pose.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    pose.add_argument("--size", type=int, help="pixels of the square input (default: what the network was made for)")
    pose.add_argument(
        "--topology", type=Path, metavar="FILE", help="COCO category (keypoints, skeleton) (default: trt_pose's human)"
    )
    pose.add_argument(
        "--max-batch", type=int, default=4, metavar="N", help="inferences the server may join (default 4)"
    )
    pose.add_argument("--force", action="store_true", help="replace a network of that name")
    pose.add_argument(
        "--precision",
        choices=CPU_PRECISIONS,
        default="fp32",
        help="for a CPU; best: the fastest within --max-loss (default fp32)",
    )
    pose.add_argument(
        "--max-loss",
        type=float,
        metavar="PERCENT",
        help="of the parts of people in every second calibration image that may get lost; more is refused (best: 1)",
    )
    pose.add_argument(
        "--calibration",
        "--calibration-images",
        dest="calibration",
        type=Path,
        metavar="DIR",
        help="images of what the camera will see, some hundred of them, for other precisions than fp32; for int8 on a "
        f"DLA core also the {CACHE_FILE} of an earlier export",
    )
    engine = pose.add_argument_group("TensorRT, on the machine that will run it")
    engine.add_argument("--tensorrt", choices=PRECISIONS, help="build an engine of this precision")
    add_engine_arguments(engine)
    engine.add_argument("--torch2trt", action="store_true", help="convert as trt_pose does, fp16 and batch 1")
    add_json_argument(pose)
    pose.set_defaults(action=_pose)
    add_gait(kinds)
    add_tracks(kinds)
    add_bag(kinds)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _pose(arguments: argparse.Namespace) -> int:
    options = _engine_options(arguments)
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.networks.export import require
    from rt_gait_ros.networks.pose_export import export_pose
    from rt_gait_ros.networks.pose_precision import lost_parts
    from rt_gait_ros.networks.torch2trt import require_torch2trt, torch2trt_state

    if arguments.torch2trt:
        require_torch2trt()
    kept = _checked_calibration(arguments, options)  # before the export, which takes a minute
    topology = None if arguments.topology is None else Topology.load(arguments.topology)
    if arguments.checkpoint.is_dir():
        raise UsageError(f"{arguments.checkpoint} is a folder: give the path of a checkpoint file")
    name = arguments.name or arguments.checkpoint.stem.partition("_epoch")[0]
    repository = arguments.repository or resource("model_repository")
    require_free(repository, name, arguments.force)  # as well
    export = export_pose(arguments.checkpoint, name, arguments.size, topology)
    require(export.agreement)
    others: dict[str, bytes] = {}
    if arguments.torch2trt:
        others["torch2trt.pth"] = torch2trt_state(export.network.network, export.size)
    model, spec, loss, more = export.model, export.spec, None, None
    compared: list[PoseVariant] = []
    if arguments.precision != "fp32":
        chosen, compared = _for_a_cpu(export, arguments)
        model = chosen.model
    if options is not None:
        images = lambda: _images(arguments, export.size)  # noqa: E731
        options, model, loss = calibrated(options, model, images, kept, arguments.calibration)
        if arguments.max_loss is not None:
            lost = lost_parts(export.model, model, images(), topology or TRT_POSE)
            refuse_loss(lost, arguments.max_loss, "the parts of people in the calibration images")
        engine = make_engine(options, spec, model)
        spec, more = engine.spec, engine.config
        others |= engine.files
    max_batch = arguments.max_batch if options is None else options.max_batch
    folder = write_model(repository, spec, model, max_batch, arguments.force, others, more)
    _report(arguments, name, folder, export.agreement, loss, compared)
    return 0


def _images(arguments: argparse.Namespace, size: int) -> "list[np.ndarray]":
    from rt_gait_ros.networks.quantisation import read_images

    return read_images(arguments.calibration, size)


def _engine_options(arguments: argparse.Namespace) -> EngineOptions | None:
    """What engine is asked for. Raises as engine_options."""
    smaller = arguments.precision != "fp32"
    if smaller and (arguments.tensorrt or arguments.torch2trt):
        raise UsageError("--precision is for a CPU, --tensorrt and --torch2trt for a GPU: give one of them")
    if (arguments.calibration is not None) != (smaller or arguments.tensorrt == "int8"):
        raise UsageError("--tensorrt int8, or --precision fp16, int8 or best, and --calibration DIR need each other")
    quantised = arguments.tensorrt == "int8" and arguments.dla is None
    if arguments.max_loss is not None and not ((smaller or quantised) and 0.0 <= arguments.max_loss < 100.0):
        raise UsageError(
            f"--max-loss {arguments.max_loss:g}: a percentage from 0 to below 100, with --precision fp16, int8 or "
            "best, or with --tensorrt int8 without --dla"
        )
    return engine_options(arguments, "--tensorrt", arguments.tensorrt)


def _checked_calibration(arguments: argparse.Namespace, options: EngineOptions | None) -> dict[str, float] | None:
    """The ranges of an earlier calibration, where that is what --calibration names. Raises UsageError for neither."""
    from rt_gait_ros.networks.quantisation import find_images

    path = arguments.calibration
    if path is None:
        return None
    if options is None or not by_ranges(options) or not path.is_file():
        find_images(path)
        return None
    return read_cache(path)


def _for_a_cpu(export: "PoseExport", arguments: argparse.Namespace) -> "tuple[PoseVariant, list[PoseVariant]]":
    from rt_gait_ros.networks.pose_precision import IMAGES, in_precision
    from rt_gait_ros.networks.quantisation import read_images

    images = read_images(arguments.calibration, export.size, IMAGES)
    most = None if arguments.max_loss is None else arguments.max_loss / 100
    topology = TRT_POSE if arguments.topology is None else Topology.load(arguments.topology)
    return in_precision(export.model, arguments.precision, images, topology, most)


def _report(
    arguments: argparse.Namespace,
    name: str,
    folder: Path,
    agreement: "Agreement",
    loss: "Agreement | None",
    compared: "list[PoseVariant]",
) -> None:
    payload: dict[str, Any] = {
        "name": name,
        "folder": str(folder),
        "files": sorted(path.name for path in (folder / "1").iterdir()),
        "difference": agreement.difference,
        "scale": agreement.scale,
    }
    text = (
        f"{name}: {folder}\n"
        f"ONNX agrees with PyTorch: off by {agreement.difference:.2g} at most, of values up to {agreement.scale:.3g}"
    )
    if loss is not None:
        payload |= {"int8_difference": loss.difference, "int8_scale": loss.scale}
        text += f"\nint8 differs from that by {loss.difference:.2g} at most, of values up to {loss.scale:.3g}"
    for variant in compared:
        known = math.isfinite(variant.loss)
        payload[variant.precision] = {"loss": variant.loss if known else None, "seconds": variant.seconds}
        lost = f"{100 * variant.loss:.1f} % of people's parts are lost" if known else "nobody is found in the images"
        took = "" if variant.seconds is None else f", {1e3 * variant.seconds:.2f} ms for an image, one thread"
        text += f"\n{variant.precision}: {lost}{took}"
    emit(arguments, payload, text)
