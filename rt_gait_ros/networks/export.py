"""From PyTorch networks to ONNX files and Triton model folders, with proof that both compute the same."""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from google.protobuf.message import Message
from torch import Tensor, nn

from rt_gait_ros.errors import GaitError

# The oldest that PyTorch's exporter writes: TensorRT 8.6 is older than the newer ones.
OPSET = 18

# It warns of operations of torchvision, which no network here uses.
logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)


class ExportError(GaitError):
    """The exported network does not compute what the original computes, or could not be exported."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Greatest difference between a network and its export. scale: greatest magnitude that the network gives."""

    difference: float
    scale: float

    @classmethod
    def of(cls, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> "Agreement":
        """From pairs (what the network gives, what the export gives) of arrays; NaN in either is no agreement."""
        difference = scale = 0.0
        for expected, found in pairs:
            off = np.abs(np.asarray(expected, np.float64) - found)
            difference = max(difference, float(np.where(np.isfinite(off), off, np.inf).max(initial=0.0)))
            scale = max(scale, float(np.nan_to_num(np.abs(expected)).max(initial=0.0)))
        return cls(difference, scale)

    @property
    def holds(self) -> bool:
        """True within 1e-4 of the output's scale (1 where it is smaller): float32 rounding, not another network."""
        return self.difference <= 1e-4 * max(self.scale, 1.0)


def to_onnx(
    network: nn.Module, example: Tensor, inputs: str, outputs: list[str], dynamic: dict[int, str] | None = None
) -> bytes:
    """The network as an ONNX file's bytes.

    example: an input, whose axes named in `dynamic` (by default the first, "batch") may have any size later; give them
    at least 2 here, or the exporter takes them for constants. Raises ExportError.
    """
    axes = {0: "batch"} if dynamic is None else dynamic
    shapes = ({axis: torch.export.Dim(name) for axis, name in axes.items()},)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            # the exporter reports its steps on stdout and warns of its own deprecations
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    network.eval(),
                    (example,),
                    path,
                    input_names=[inputs],
                    output_names=outputs,
                    dynamic_shapes=shapes,
                    dynamo=True,
                    external_data=False,
                    opset_version=OPSET,
                )
        except torch.onnx.OnnxExporterError as error:
            raise ExportError(f"the network cannot be exported to ONNX: {str(error).splitlines()[0]}") from error
        return without_traces(path.read_bytes())


def without_traces(model: bytes) -> bytes:
    """The ONNX file's bytes without what PyTorch says of the sources: for each node a stack trace, with full paths."""
    proto = onnx.load_from_string(model)
    _drop_traces(proto)
    return bytes(proto.SerializeToString())


def _drop_traces(message: Message) -> None:
    for name in ("metadata_props", "doc_string"):
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    for _, value in message.ListFields():
        parts = [value] if isinstance(value, Message) else value if isinstance(value, Sequence) else []
        for part in parts:
            if isinstance(part, Message):
                _drop_traces(part)


def require(checked: Agreement) -> Agreement:
    """The agreement, where it holds. Raises ExportError."""
    if not checked.holds:
        raise ExportError(
            f"ONNX differs from PyTorch by {checked.difference:.2g}: not exported; try another torch release"
        )
    return checked


def agreement(network: nn.Module, model: bytes, examples: list[Tensor]) -> Agreement:
    """Compare the network with its ONNX export, run by ONNX Runtime on the CPU, on example inputs."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for example in examples:
            with torch.no_grad():
                expected = network.eval()(example)
            expected = expected if isinstance(expected, tuple) else (expected,)
            yield from zip((one.numpy() for one in expected), session.run(None, {name: example.numpy()}), strict=True)

    return Agreement.of(pairs())
