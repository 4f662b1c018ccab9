"""One network in ONNX Runtime, as the embedded server and the in-process client run it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from rt_gait_ros.serving.inference import ModelMismatch, ModelSpec, ModelUnavailable, Tensors

# ONNX Runtime's execution providers, the first choice first, with their options.
Providers = Sequence[tuple[str, dict[str, Any]]]
CPU: Providers = (("CPUExecutionProvider", {}),)

# All that ONNX Runtime raises: a kind for each of its status codes, and releases add some.
_FAILURES = tuple(kind for kind in vars(failures).values() if isinstance(kind, type) and issubclass(kind, Exception))


class OnnxSession:
    """A loaded network. `run` may be called from several threads."""

    def __init__(self, model_file: Path, spec: ModelSpec, threads: int, providers: Providers = CPU) -> None:
        """Load `model_file`.

        Raises ModelUnavailable when it is no network or the first provider does not start, ModelMismatch when it is not
        the spec's.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the core from the next network: there are more networks than cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model_file, options, providers=list(providers))
        except _FAILURES as error:
            raise ModelUnavailable(f"model '{spec.name}': {model_file} cannot be loaded: {_line(error)}") from None
        # ONNX Runtime would go on without a provider that does not start, many times slower
        wanted = providers[0][0]
        if wanted not in self._session.get_providers():
            raise ModelUnavailable(
                f"model '{spec.name}': {wanted} of ONNX Runtime does not start: see `rt-gait doctor`"
            )
        self._spec = spec
        self._outputs = [output.name for output in spec.outputs]
        _check_names(spec, "input", [i.name for i in spec.inputs], [i.name for i in self._session.get_inputs()])
        _check_names(spec, "output", self._outputs, [output.name for output in self._session.get_outputs()])

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name. Raises ModelMismatch when the network cannot work with tensors of these sizes."""
        try:
            outputs = self._session.run(self._outputs, dict(inputs))
        except _FAILURES as error:
            sizes = ", ".join(f"{name} {tensor.shape}" for name, tensor in inputs.items())
            raise ModelMismatch(f"model '{self._spec.name}' cannot work with {sizes}: {_line(error)}") from None
        return dict(zip(self._outputs, outputs, strict=True))


def _check_names(spec: ModelSpec, kind: str, described: list[str], found: list[str]) -> None:
    if sorted(described) != sorted(found):
        names = f"config.pbtxt describes {kind}s {sorted(described)}, its model.onnx has {sorted(found)}"
        raise ModelMismatch(f"model '{spec.name}': {names}: make them equal")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
