"""The same networks without a server: ONNX Runtime in this process."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from rt_gait_ros.serving.inference import (
    DeadlineExceeded,
    ModelMismatch,
    ModelSpec,
    ModelUnavailable,
    Sequence,
    SequenceLost,
    ServerUnavailable,
    Tensors,
    TensorSpec,
)
from rt_gait_ros.serving.repository import RepositoryModel, read_repository, why_not_there
from rt_gait_ros.serving.session import CPU, OnnxSession, Providers
from rt_gait_ros.serving.streaming import StreamingNetwork, open_streaming, stream_request

# As many networks run at once as the pipeline has in flight: whole image, per person, gait.
_WORKERS = 3


class OnnxClient:
    """An InferenceClient that runs a model repository in process; see InferenceClient for the contract. Thread-safe.

    A run that was started is not broken off: its future fails with DeadlineExceeded when it ends too late. Deadlines
    count from when one of the workers takes a request up: what has no server to wait for, as an evaluation on few
    cores, is to be answered late rather than not at all.
    """

    def __init__(
        self,
        repository: Path,
        *,
        timeout: float = 2.0,
        providers: Callable[[RepositoryModel], Providers] = lambda model: CPU,
    ) -> None:
        """repository: model repository. timeout: seconds, for calls without a deadline of their own.

        providers: what ONNX Runtime shall run a network on.
        Networks are loaded when first used; deadlines do not count that. Raises UsageError for a bad repository.
        """
        self._models = read_repository(repository)
        self._repository = repository
        self._timeout = timeout
        self._providers = providers
        self._sessions: dict[str, OnnxSession] = {}
        self._streaming: dict[str, tuple[StreamingNetwork, threading.Lock]] = {}
        self._loading = threading.Lock()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="onnxruntime")
        self._answering = threading.local()  # `now`: this thread brings an answer
        self._closed = False

    def submit(
        self, model: str, inputs: Tensors, *, deadline: float | None = None, sequence: Sequence | None = None
    ) -> "Future[dict[str, np.ndarray]]":
        """Start one inference and return at once; see InferenceClient.submit."""
        future: Future[dict[str, np.ndarray]] = Future()
        future.set_running_or_notify_cancel()
        try:
            seconds = self._timeout if deadline is None else deadline
            self._workers.submit(self._answer, future, model, inputs, seconds, sequence)
        except RuntimeError:  # the pool is shut down
            future.set_exception(_closed())
        return future

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """The model's tensors and parameters; see InferenceClient.describe."""
        return self._model(model).spec

    def load(self, model: str) -> None:
        """Nothing: a network is loaded when it is first used. Raises ModelUnavailable where there is none."""
        self._model(model)

    def unload(self, model: str) -> None:
        """Let go of a network, and of its memory once nobody uses it any longer."""
        with self._loading:
            self._sessions.pop(model, None)
            self._streaming.pop(model, None)

    def close(self) -> None:
        """Let go of the networks; open futures fail with ServerUnavailable. May be called twice.

        Waits for what runs, but in whoever hears an answer: that is done a moment later.
        """
        self._closed = True
        self._workers.shutdown(wait=not getattr(self._answering, "now", False))
        self._sessions.clear()
        self._streaming.clear()

    def _answer(
        self,
        future: "Future[dict[str, np.ndarray]]",
        model: str,
        inputs: Tensors,
        seconds: float,
        sequence: Sequence | None,
    ) -> None:
        self._answering.now = True
        try:
            future.set_result(self._run(model, inputs, seconds, sequence))
        except Exception as error:  # whatever it is belongs to whoever waits for the future
            future.set_exception(error)

    def _run(self, model: str, inputs: Tensors, seconds: float, sequence: Sequence | None) -> dict[str, np.ndarray]:
        if self._closed:
            raise _closed()
        check_inputs(self._model(model).spec, inputs)
        run = self._stream(model, sequence) if self._model(model).streams else self._session(model).run
        end = time.monotonic() + seconds
        outputs = run(inputs)
        if self._closed:
            raise _closed()
        if time.monotonic() > end:
            raise DeadlineExceeded(
                f"model '{model}' in process did not answer within {seconds:g} s: too few cores for it"
            )
        return outputs

    def _model(self, name: str) -> RepositoryModel:
        if name not in self._models:
            raise ModelUnavailable(why_not_there(self._repository, name, self._models))
        return self._models[name]

    def _session(self, name: str) -> OnnxSession:
        with self._loading:
            if name not in self._sessions:
                model = self._model(name)
                if model.onnx_file is None:
                    raise ModelUnavailable(
                        f"model '{name}' is a TensorRT engine alone: put its model.onnx beside {model.model_file}"
                    )
                self._sessions[name] = OnnxSession(model.onnx_file, model.spec, model.threads, self._providers(model))
            return self._sessions[name]

    def _stream(self, name: str, sequence: Sequence | None) -> Callable[[Tensors], dict[str, np.ndarray]]:
        """Running one request of a sequence; requests of one network wait for one another."""
        if sequence is None:
            raise ModelMismatch(f"model '{name}' keeps a state: say to which sequence the request belongs")
        with self._loading:
            if name not in self._streaming:
                self._streaming[name] = (open_streaming(self._model(name)), threading.Lock())
            network, turn = self._streaming[name]

        def run(inputs: Tensors) -> dict[str, np.ndarray]:
            with turn:
                (answer,) = network.run([stream_request(inputs, sequence)])
            if isinstance(answer, SequenceLost):
                raise answer
            return answer

        return run


def check_inputs(spec: ModelSpec, inputs: Tensors) -> None:
    """Raise ModelMismatch unless `inputs` are the spec's, by name, dtype and shape."""
    if set(inputs) != {tensor.name for tensor in spec.inputs}:
        wanted = ", ".join(tensor.name for tensor in spec.inputs)
        raise ModelMismatch(f"model '{spec.name}' takes {wanted}, not {', '.join(inputs) or 'nothing'}")
    for tensor in spec.inputs:
        given = inputs[tensor.name]
        if given.dtype.name != tensor.dtype or not _fits(given.shape, tensor):
            wanted, sent = f"{tensor.dtype} {tensor.shape}", f"{given.dtype} {given.shape}"
            raise ModelMismatch(f"model '{spec.name}' takes {tensor.name} as {wanted}, not {sent}")


def _fits(shape: tuple[int, ...], tensor: TensorSpec) -> bool:
    return len(shape) == len(tensor.shape) and all(
        size > 0 and wanted in (-1, size) for size, wanted in zip(shape, tensor.shape, strict=True)
    )


def _closed() -> ServerUnavailable:
    return ServerUnavailable("the in-process client is closed")
