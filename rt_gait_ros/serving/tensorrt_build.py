"""TensorRT engines from ONNX networks, on the machine that will run them: by TensorRT's Python API or by trtexec."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.lines import one_line
from rt_gait_ros.serving.calibration_cache import CACHE_FILE, cache_of
from rt_gait_ros.serving.inference import TensorSpec

PRECISIONS = ("fp32", "fp16", "int8")
# Where JetPack and NVIDIA's containers install the program.
_TRTEXEC = "/usr/src/tensorrt/bin/trtexec"
# TensorRT 8.6 is the first that takes uint8 in; 11 has neither these precision flags nor weak typing.
_FIRST_VERSION, _END_VERSION = (8, 6), (11, 0)


class TensorRTError(GaitError):
    """TensorRT is not here, or cannot build this network."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What to build. precision: one of PRECISIONS; int8 takes a network that is quantised already, or `ranges`. dla:
    number of the Jetson's DLA core, or None for the GPU. max_batch: the engine takes batches of 1 to this. batches:
    those that it is tuned to, an optimisation profile for each; max_batch alone where none is named. ranges: for int8
    of a network in floating point, the largest absolute value of each tensor by name.

    Raises UsageError for what no DLA core does, and for batches beyond the largest.
    """

    precision: str
    dla: int | None = None
    max_batch: int = 1
    batches: tuple[int, ...] = ()
    ranges: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if wrong := [batch for batch in self.batches if not 1 <= batch <= self.max_batch]:
            raise UsageError(f"an engine for batches of 1 to {self.max_batch} cannot be tuned to {wrong[0]}")
        if self.dla is None:
            return
        # NVIDIA's DLA: fp16 or int8 only, no quantised ONNX networks (Q/DQ), and one fixed batch size.
        if self.precision == "fp32":
            raise UsageError("a DLA core does not take fp32 networks: use fp16 or int8, or the GPU without --dla")
        if self.dla < 0 or self.max_batch != 1:
            raise UsageError(
                f"DLA core {self.dla} with batch {self.max_batch}: give a core from 0 on, and a batch of 1"
            )

    @property
    def profiles(self) -> tuple[int, ...]:
        """The batches that the engine is tuned to, one for each optimisation profile."""
        return self.batches or (self.max_batch,)


def require_builder() -> None:
    """Raise TensorRTError, with what to do, where TensorRT is missing, broken, or of another release."""
    if importlib.util.find_spec("tensorrt") is not None:
        _module()
    elif _trtexec() is None:
        raise TensorRTError(
            "no engine can be built here: neither the Python module tensorrt nor trtexec is installed; on a Jetson "
            "`sudo apt install tensorrt` brings both (a virtual environment needs --system-site-packages)"
        )


def build_engine(model: bytes, inputs: Sequence[TensorSpec], options: EngineOptions) -> bytes:
    """The engine of an ONNX network, as `model.plan` takes it. Takes minutes.

    inputs: the network's, with the batch axis first. Raises TensorRTError when TensorRT is missing, of another release
    than 8.6 to 10, or refuses the network, and UsageError for a DLA core that is to compute int8 without ranges.
    """
    if options.dla is not None and options.precision == "int8" and options.ranges is None:
        raise UsageError("a DLA core takes int8 by the ranges of a calibration cache, and no Q/DQ nodes")
    require_builder()
    if importlib.util.find_spec("tensorrt") is not None:
        return _build_by_api(_module(), model, inputs, options)
    program = _trtexec()
    assert program is not None
    return _build_by_program(program, model, inputs, options)


def trtexec_command(
    program: str,
    model: Path,
    engine: Path,
    inputs: Sequence[TensorSpec],
    options: EngineOptions,
    calibration: Path | None = None,
) -> list[str]:
    """The command that builds file `engine` from the ONNX file `model`. calibration: the file with `options.ranges`.

    Several profiles want trtexec's `--profile`, which 10 has.
    """
    command = [program, f"--onnx={model}", f"--saveEngine={engine}", "--skipInference"]
    for number, tuned in enumerate(options.profiles):
        if len(options.profiles) > 1:
            command.append(f"--profile={number}")
        for name, batch in _batches(options, tuned).items():
            shapes = ",".join(f"{tensor.name}:{'x'.join(map(str, _shape(tensor, batch)))}" for tensor in inputs)
            command.append(f"--{name}Shapes={shapes}")
    if options.precision in ("fp16", "int8"):
        command.append("--fp16")
    if options.precision == "int8":
        command.append("--int8")
    if calibration is not None:
        command.append(f"--calib={calibration}")
    if options.dla is not None:
        command += [f"--useDLACore={options.dla}", "--allowGPUFallback"]
    return command


def _batches(options: EngineOptions, tuned: int) -> dict[str, int]:
    """Of one profile. Each takes all batches, so that whatever serves the engine may choose any of them."""
    return {"min": 1, "opt": tuned, "max": options.max_batch}


def _shape(tensor: TensorSpec, batch: int) -> tuple[int, ...]:
    return (batch, *tensor.shape[1:])


def _module() -> Any:
    """TensorRT's Python module. Raises TensorRTError where it does not load, or is of another release."""
    try:
        trt = importlib.import_module("tensorrt")
    except (ImportError, OSError) as error:  # the latter where it loads libraries by name, which are not there
        raise TensorRTError(
            f"the Python module tensorrt is installed and does not load ({one_line(str(error))}): install TensorRT's "
            "libraries of the same release, or remove the module where trtexec is to be used"
        ) from None
    version = tuple(int(part) for part in re.findall(r"\d+", trt.__version__)[:2])
    if not _FIRST_VERSION <= version < _END_VERSION:
        raise TensorRTError(f"TensorRT {trt.__version__} is installed: engines are built with 8.6 to 10")
    return trt


def _trtexec() -> str | None:
    return shutil.which("trtexec") or (_TRTEXEC if os.access(_TRTEXEC, os.X_OK) else None)


def _build_by_program(program: str, model: bytes, inputs: Sequence[TensorSpec], options: EngineOptions) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, engine = Path(folder, "model.onnx"), Path(folder, "model.plan")
        source.write_bytes(model)
        calibration = None
        if options.ranges is not None:
            calibration = Path(folder, CACHE_FILE)
            calibration.write_bytes(cache_of(options.ranges))
        command = trtexec_command(program, source, engine, inputs, options, calibration)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode or not engine.is_file():
            said = [line for line in (result.stdout + result.stderr).splitlines() if "[E]" in line]
            reason = said[0] if said else f"exit code {result.returncode}"
            raise TensorRTError(f"{program} cannot build the engine: {reason}")
        return engine.read_bytes()


def _build_by_api(trt: Any, model: bytes, inputs: Sequence[TensorSpec], options: EngineOptions) -> bytes:
    """The same by the Python API; names and meanings are those that TensorRT 8.6 and 10 have in common."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    # the one kind that there is in TensorRT 10, where the flag is accepted and ignored
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        raise TensorRTError(f"TensorRT {trt.__version__} cannot read the network: {parser.get_error(0).desc()}")
    config = builder.create_builder_config()
    for tuned in options.profiles:
        profile = builder.create_optimization_profile()
        for tensor in inputs:
            profile.set_shape(tensor.name, *(_shape(tensor, batch) for batch in _batches(options, tuned).values()))
        config.add_optimization_profile(profile)
    if options.precision in ("fp16", "int8"):
        config.set_flag(trt.BuilderFlag.FP16)
    if options.precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
    if options.ranges is not None:
        _set_ranges(trt, network, options.ranges)
    if options.dla is not None:
        config.default_device_type = trt.DeviceType.DLA
        config.DLA_core = options.dla
        config.set_flag(trt.BuilderFlag.GPU_FALLBACK)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise TensorRTError(f"TensorRT {trt.__version__} cannot build the engine: its log above says why")
    return bytes(engine)


def _set_ranges(trt: Any, network: Any, ranges: Mapping[str, float]) -> None:
    """Tell a network its ranges, as ONNX Runtime's provider does. A tensor without one is computed in fp16.

    Tensors of whole numbers, as images in bytes, have none, whatever the calibration says.

    Raises TensorRTError where they are of another network.
    """
    floats = (trt.DataType.FLOAT, trt.DataType.HALF)
    known = [tensor for tensor in _tensors(network) if tensor.name in ranges and tensor.dtype in floats]
    if not known:
        raise TensorRTError("the calibration cache is of another network: none of its tensors is in this one")
    for tensor in known:
        tensor.dynamic_range = (-ranges[tensor.name], ranges[tensor.name])


def _tensors(network: Any) -> Iterator[Any]:
    for number in range(network.num_inputs):
        yield network.get_input(number)
    for number in range(network.num_layers):
        layer = network.get_layer(number)
        for output in range(layer.num_outputs):
            if (tensor := layer.get_output(output)) is not None:  # an output that nothing takes
                yield tensor
