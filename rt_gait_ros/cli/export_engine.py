"""TensorRT engines in `rt-gait export`: what is asked for, calibration caches, and the files of an engine."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tritonclient.grpc.model_config_pb2 import ModelConfig

from rt_gait_ros.edge.sweep import numbers
from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.calibration_cache import CACHE_FILE, cache_of, ranges_of
from rt_gait_ros.serving.inference import ModelSpec
from rt_gait_ros.serving.model_folder import ENGINE_FILE
from rt_gait_ros.serving.tensorrt_build import EngineOptions, build_engine, require_builder
from rt_gait_ros.serving.tensorrt_serving import engine_config, engine_parameters

if TYPE_CHECKING:
    import numpy as np

    from rt_gait_ros.networks.export import Agreement


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine and what goes with it into a model repository.

    spec: of the network. files: the engine, and the ranges of a DLA core's int8. config: more of config.pbtxt.
    """

    spec: ModelSpec
    files: Mapping[str, bytes]
    config: ModelConfig


def add_engine_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare what an engine is tuned to, and where it runs."""
    group.add_argument(
        "--profiles", metavar="LIST", help="batches that it is tuned to, as 1,4,8 (default: the one of --max-batch)"
    )
    group.add_argument("--dla", type=int, metavar="CORE", help="for this DLA core, batch 1, in fp16 or int8")


def engine_options(arguments: argparse.Namespace, option: str, precision: str | None) -> EngineOptions | None:
    """What engine is asked for by `option`; None for none.

    Raises UsageError for what does not go together, and TensorRTError where no engine can be built here.
    """
    if arguments.max_batch < 1:
        raise UsageError(f"--max-batch {arguments.max_batch}: give 1 or more")
    if precision is None:
        if arguments.dla is not None:
            raise UsageError(f"--dla needs {option} fp16 or int8")
        if arguments.profiles is not None:
            raise UsageError(f"--profiles needs {option}")
        return None
    max_batch = arguments.max_batch if arguments.dla is None else 1
    batches = () if arguments.profiles is None else numbers(arguments.profiles, "--profiles")
    options = EngineOptions(precision, arguments.dla, max_batch, batches)
    require_builder()
    return options


def by_ranges(options: EngineOptions) -> bool:
    """Whether int8 is by a calibration cache, and not by Q/DQ nodes in the network."""
    return options.precision == "int8" and options.dla is not None


def read_cache(path: Path) -> dict[str, float]:
    """The ranges of an earlier calibration. Raises UsageError."""
    try:
        return ranges_of(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"--calibration {path}: {error.strerror}") from error


def calibrated(
    options: EngineOptions,
    model: bytes,
    values: "Callable[[], Sequence[np.ndarray]]",
    kept: Mapping[str, float] | None = None,
    cache: Path | None = None,
) -> "tuple[EngineOptions, bytes, Agreement | None]":
    """What an engine is built from: the options with the ranges of a DLA core's int8, the ONNX network, quantised for
    that of a GPU, and how far that is from floating point; None for one that is not quantised.

    model: in floating point. values: gives what int8 is calibrated on, for the network's one input, with the batch
    axis. kept: the ranges that the file `cache` has, in place of those. Raises UsageError for ranges of another
    network.
    """
    from rt_gait_ros.networks.quantisation import difference, quantised, ranges

    if options.precision != "int8":
        return options, model, None
    if by_ranges(options):
        if kept is not None and cache is not None:
            compare(kept, cache, model)
        return replace(options, ranges=kept or ranges(model, values())), model, None
    shown = values()
    smaller = quantised(model, shown)
    return options, smaller, difference(model, smaller, shown)


def make_engine(options: EngineOptions, spec: ModelSpec, model: bytes) -> Engine:
    """Build the engine of what `calibrated` gave, which takes minutes. Raises TensorRTError."""
    files = {ENGINE_FILE: build_engine(model, spec.inputs, options)}
    if options.ranges is not None:
        files[CACHE_FILE] = cache_of(options.ranges)
    declared = replace(spec, parameters={**spec.parameters, **engine_parameters(options)})
    return Engine(declared, files, engine_config(options))


def refuse_loss(lost: float, most: float | None, of: str) -> None:
    """Refuse int8 that loses more than --max-loss. lost: 0..1. most: %, None for any. of: what is lost, in words.

    Raises UsageError.
    """
    if most is not None and lost > most / 100:
        raise UsageError(
            f"int8 loses {100 * lost:.1f} % of {of}, more than the {most:g} % allowed: nothing was written; take fp16, "
            "or a greater --max-loss"
        )


def compare(ranges: Mapping[str, float], cache: Path, model: bytes) -> None:
    """Whether a calibration cache is of this ONNX network. Raises UsageError where it cannot be; warns of a doubt."""
    from rt_gait_ros.networks.quantisation import tensors

    if strange := sorted(ranges.keys() - tensors(model)):
        raise UsageError(
            f"--calibration {cache} is of another network: {len(strange)} of its {len(ranges)} tensors are not in this "
            f"one, {strange[0]!r} among them; calibrate again"
        )
    beside = cache.with_name("model.onnx")
    if not beside.is_file():
        doubt = "has no model.onnx beside it that says of what weights it is"
    elif beside.read_bytes() != model:
        doubt = "lies beside another model.onnx than is exported now"
    else:
        return
    print(f"warning: {cache} {doubt}: where the weights differ, its ranges are wrong", file=sys.stderr)
