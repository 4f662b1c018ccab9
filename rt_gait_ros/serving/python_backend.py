"""What Triton's Python backend runs for every network of the embedded server: ONNX Runtime on the linked files.

Only Triton's stub process can import this file: triton_python_backend_utils exists nowhere else. Tensors go in and out
by DLPack: the stub is built for numpy 1, and with numpy 2 its as_numpy() and Tensor() take every item size for 0.
"""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from google.protobuf import json_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from rt_gait_ros.serving.inference import InferenceError, Sequence
from rt_gait_ros.serving.repository import RepositoryModel
from rt_gait_ros.serving.session import OnnxSession
from rt_gait_ros.serving.streaming import StreamingNetwork, StreamRequest, open_streaming, stream_request

_TAKEN = b"used_dltensor"
_name_capsule = ctypes.pythonapi.PyCapsule_SetName
_name_capsule.argtypes = [ctypes.py_object, ctypes.c_char_p]


class TritonPythonModel:
    """The interface that Triton's Python backend asks for."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network. args: as Triton gives them; `model_config` is the configuration as JSON."""
        folder = Path(args["model_repository"])
        config = json_format.Parse(args["model_config"], ModelConfig(), ignore_unknown_fields=True)
        model = RepositoryModel(config, folder, folder / args["model_version"] / "model.onnx")
        self._inputs = [tensor.name for tensor in model.spec.inputs]
        self._streaming: StreamingNetwork | None = None
        try:
            if model.streams:
                self._streaming = open_streaming(model)
            else:
                self._session = OnnxSession(model.model_file, model.spec, model.threads)
        except InferenceError as error:
            raise pb_utils.TritonModelException(str(error)) from None

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer requests that Triton batched together in one run of the network."""
        if self._streaming is not None:
            return self._stream(self._streaming, requests)
        batches = [
            [_array(pb_utils.get_input_tensor_by_name(request, name)) for request in requests] for name in self._inputs
        ]
        inputs = {
            name: arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
            for name, arrays in zip(self._inputs, batches, strict=True)
        }
        try:
            outputs = self._session.run(inputs)
        except InferenceError as error:
            return [_refusal(error) for _ in requests]
        if len(requests) == 1:
            return [_response(outputs)]
        ends = np.cumsum([len(array) for array in batches[0]])[:-1]
        parts = {name: np.split(tensor, ends) for name, tensor in outputs.items()}
        return [_response({name: part[i] for name, part in parts.items()}) for i in range(len(requests))]

    def _stream(self, network: StreamingNetwork, requests: list[Any]) -> list[Any]:
        """Answer requests of sequences; one that cannot be understood spoils no other."""
        answers: list[Any] = [None] * len(requests)
        good: dict[int, StreamRequest] = {}
        for number, request in enumerate(requests):
            inputs = {n: _array(pb_utils.get_input_tensor_by_name(request, n)) for n in self._inputs}
            flags = request.flags()
            sequence = Sequence(
                request.correlation_id(),
                start=bool(flags & pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_START),
                end=bool(flags & pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_END),
            )
            try:
                good[number] = stream_request(inputs, sequence)
            except InferenceError as error:
                answers[number] = _refusal(error)
        results: list[Any]
        try:
            results = list(network.run(list(good.values()))) if good else []
        except InferenceError as error:
            results = [error] * len(good)
        for number, result in zip(good, results, strict=True):
            answers[number] = _refusal(result) if isinstance(result, InferenceError) else _response(result)
        return answers


def _array(tensor: Any) -> np.ndarray:
    """An input as an array: not by its as_numpy(), which NumPy 2 breaks, unless NumPy is older than 1.22."""
    return np.from_dlpack(tensor) if hasattr(np, "from_dlpack") else np.asarray(tensor.as_numpy())


def _refusal(error: InferenceError) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG))


def _response(outputs: dict[str, np.ndarray]) -> Any:
    return pb_utils.InferenceResponse([_tensor(name, array) for name, array in outputs.items()])


def _tensor(name: str, array: np.ndarray) -> Any:
    if not hasattr(array, "__dlpack__"):  # NumPy before 1.22
        return pb_utils.Tensor(name, array)
    capsule = array.__dlpack__()
    tensor = pb_utils.Tensor.from_dlpack(name, capsule)
    # The stub marks the capsule as taken by another name than the DLPack protocol's: numpy would complain in the log.
    _name_capsule(capsule, _TAKEN)
    return tensor
