"""Networks on a Triton server, asked by gRPC without waiting."""

import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput, InferResult
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import (
    DeadlineExceeded,
    InferenceError,
    ModelMismatch,
    ModelSpec,
    ModelUnavailable,
    Sequence,
    SequenceLost,
    ServerUnavailable,
    Tensors,
)
from rt_gait_ros.serving.open_calls import MOST_GIVEN_UP, OpenCall, OpenCalls, fail
from rt_gait_ros.serving.repository import spec_from_config
from rt_gait_ros.serving.shared_inputs import FORGOTTEN, SharedInputs
from rt_gait_ros.serving.streaming import SEQUENCE_ABSENT

_CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A server that restarts is ready within seconds; gRPC's own back-off grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Which is how long one attempt may take: a busy server answers the first one late. A refused one ends at once.
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Its own connection: another client's back-off in this process shall not be ours.
    ("grpc.use_local_subchannel_pool", 1),
]
_GRPC_SCHEMES = ("unix:", "dns:", "ipv4:", "ipv6:")
# What gRPC says, connecting, of a server that speaks something else: Triton's own HTTP and metrics ports close the
# socket, other web servers answer in HTTP/1.
_NO_GRPC = ("Socket closed", "HTTP/2", "http1", "SETTINGS frame")
# What Triton says of a model that it does not have or could not load, under several status codes.
_MODEL_ABSENT = ("unknown model", "is not found", "is not ready", "no available versions", "not loaded")

# What it says where models are not loaded on request: by --model-control-mode, and by a restricted protocol.
_LOADS_NOTHING = ("explicit model load / unload is not allowed", "protocol is restricted")
LOADING = 120.0  # seconds that a server may take to load a network: TensorRT's engines take longest
# Seconds after which a call that nobody waits for any more is taken back all the same, so that nothing is kept for a
# server that has vanished without a word; and how long `close` waits for what is on its way.
_FORGOTTEN, _FAREWELL = 60.0, 2.0


class TritonClient:
    """An InferenceClient for a Triton server; see InferenceClient for the contract. Thread-safe.

    It connects by itself, and again after the server was away; no call waits for that longer than its deadline.
    """

    def __init__(self, url: str = "127.0.0.1:8001", *, timeout: float = 2.0, shared_memory: bool = False) -> None:
        """url: "host:port" of Triton's gRPC service. timeout: seconds, for calls without a deadline of their own.

        shared_memory: hand large inputs over in memory that is shared with a server on this machine which takes it.
        Raises UsageError for a url that is none.
        """
        check_url(url)
        self.url = url
        self._timeout = timeout
        self._client = InferenceServerClient(url, channel_args=_CHANNEL)
        self._shared = SharedInputs(url, self._client) if shared_memory else None
        self._calls = OpenCalls()
        self._submitting = threading.Lock()
        self._answering = threading.local()  # `now`: this thread brings an answer
        self._closed = False

    @property
    def inputs_go(self) -> str:
        """How large inputs get to the server, one line for people."""
        return "by socket" if self._shared is None else self._shared.state

    def submit(
        self, model: str, inputs: Tensors, *, deadline: float | None = None, sequence: Sequence | None = None
    ) -> "Future[dict[str, np.ndarray]]":
        """Start one inference and return at once; see InferenceClient.submit."""
        future: Future[dict[str, np.ndarray]] = Future()
        future.set_running_or_notify_cancel()  # what is on its way cannot be cancelled
        seconds = self._timeout if deadline is None else deadline
        given_up = self._calls.given_up(model)
        if given_up >= MOST_GIVEN_UP:
            what = f"still works at {given_up} requests whose time is over"
            future.set_exception(self._too_late(model, what))
            return future
        call = OpenCall(model, future, time.monotonic() + seconds, self._too_late(model, _not_within(seconds)))
        lent = self._shared.lend(inputs) if self._shared is not None else None

        def over(said: str) -> None:
            self._calls.over(call)
            if lent is not None:
                lent.over(said)

        def answered(result: InferResult | None, error: InferenceServerException | None) -> None:
            over("" if error is None else str(error.message()))
            failure = None if error is None else self._error(error, model, seconds, inputs)
            self._answering.now = True
            try:
                self._tell(future, model, result, failure)
            finally:
                self._answering.now = False

        try:
            self._calls.begin(call)
            request = [_input(name, tensor) for name, tensor in inputs.items()] if lent is None else lent.inputs
            # tritonclient keeps the call it just started in an attribute: two threads would take each other's
            with self._submitting:
                if self._closed:
                    raise self._is_closed()
                patience = seconds + _FORGOTTEN
                self._client.async_infer(model, request, answered, client_timeout=patience, **_place(sequence))
        except (InferenceError, InferenceServerException, ValueError, RuntimeError) as error:  # the last: no thread
            over("")
            fail(future, error if isinstance(error, InferenceError) else self._error(error, model, seconds, inputs))
        return future

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """The model's tensors and parameters; see InferenceClient.describe."""
        seconds = self._timeout if deadline is None else deadline
        try:
            if not self._client.is_model_ready(model, client_timeout=seconds):
                raise ModelUnavailable(self._absent(model))
            answer = self._client.get_model_config(model, client_timeout=seconds)
        except (InferenceServerException, ValueError) as error:
            raise self._error(error, model, seconds, {}) from None
        return spec_from_config(answer.config)

    def load(self, model: str) -> None:
        """Have the server load a network of its repository, and wait for it.

        Raises ServerUnavailable, and ModelUnavailable where it loads nothing on request, or cannot load this.
        """
        try:
            self._client.load_model(model, client_timeout=LOADING)
        except (InferenceServerException, ValueError) as error:
            raise self._not_moved(error, model, "loaded") from None

    def unload(self, model: str) -> None:
        """Have the server unload a network once it has answered what it was asked. Raises as `load`."""
        try:
            self._client.unload_model(model, client_timeout=LOADING)
        except (InferenceServerException, ValueError) as error:
            raise self._not_moved(error, model, "unloaded") from None

    def ready(self, *, deadline: float | None = None) -> bool:
        """Whether the server is there and every model of its repository is ready."""
        try:
            return bool(self._client.is_server_ready(client_timeout=self._timeout if deadline is None else deadline))
        except (InferenceServerException, ValueError):
            return False

    def version(self, *, deadline: float | None = None) -> str:
        """The server's version. Raises ServerUnavailable when none answers."""
        seconds = self._timeout if deadline is None else deadline
        try:
            return str(self._client.get_server_metadata(client_timeout=seconds).version)
        except (InferenceServerException, ValueError) as error:
            raise ServerUnavailable(self._nobody(str(error))) from None

    def close(self) -> None:
        """Let go of the connection; open futures fail with ServerUnavailable. May be called twice.

        Waits up to two seconds for what the server still works at, but in whoever hears an answer: then it returns at
        once, and all of it is done a moment later.
        """
        with self._submitting:
            self._closed = True
        if getattr(self._answering, "now", False):  # gRPC would wait for this very thread
            threading.Thread(target=self._let_go, name="closing").start()
        else:
            self._let_go()

    def _tell(self, future: "Future[Any]", model: str, result: Any, failure: InferenceError | None) -> None:
        """Tell whoever waits what has come."""
        if failure is not None:
            fail(future, failure)
            return
        try:
            outputs = _outputs(result)
        except (InferenceServerException, ValueError) as broken:
            fail(future, InferenceError(f"model '{model}' at {self.url} sent a broken answer: {broken}"))
            return
        with suppress(InvalidStateError):  # it comes too late
            future.set_result(outputs)

    def _let_go(self) -> None:
        self._calls.close(self._is_closed(), _FAREWELL)
        if self._shared is not None:
            self._shared.close()
        self._client.close()

    def _too_late(self, model: str, what: str) -> DeadlineExceeded:
        return DeadlineExceeded(f"model '{model}' at {self.url} {what}: the server is overloaded or stuck")

    def _is_closed(self) -> ServerUnavailable:
        return ServerUnavailable(f"the client of {self.url} is closed")

    def _nobody(self, said: str) -> str:
        """Why nobody answers. said: by gRPC."""
        if "failed to connect" in said and any(words in said for words in _NO_GRPC):
            return (
                f"what listens at {self.url} does not speak gRPC: name the port of Triton's gRPC service, which is "
                "8001 unless another was chosen (8000 is HTTP, 8002 metrics)"
            )
        return f"no Triton server answers at {self.url}: start one (`rt-gait triton up`) or correct the address"

    def _absent(self, model: str) -> str:
        return (
            f"the Triton server at {self.url} has no model '{model}' ready: put it into the server's model repository"
        )

    def _not_moved(self, error: Exception, model: str, what: str) -> InferenceError:
        said = _said(error)
        if any(words in said for words in _LOADS_NOTHING):
            return ModelUnavailable(
                f"the Triton server at {self.url} has not {what} '{model}', and does nothing of that on request: start "
                "it with both networks"
            )
        known = self._error(error, model, LOADING, {})
        if isinstance(known, ServerUnavailable | DeadlineExceeded):
            return known
        return ModelUnavailable(f"the Triton server at {self.url} has not {what} '{model}': {said}")

    def _error(self, error: Exception, model: str, seconds: float, inputs: Tensors) -> InferenceError:
        """Our error for one of tritonclient's."""
        status = getattr(error, "status", lambda: None)()
        said = _said(error)
        if status == "StatusCode.DEADLINE_EXCEEDED":
            return self._too_late(model, _not_within(seconds))
        if any(words in said for words in _MODEL_ABSENT):
            return ModelUnavailable(self._absent(model))
        if self._shared is not None and FORGOTTEN in said:
            return ServerUnavailable(f"the Triton server at {self.url} was started anew: {said}")
        if SEQUENCE_ABSENT in said:
            return SequenceLost(f"model '{model}' at {self.url} has lost a sequence: {said}")
        if status == "StatusCode.INVALID_ARGUMENT":
            sent = ", ".join(f"{name} {tensor.dtype} {tensor.shape}" for name, tensor in inputs.items())
            return ModelMismatch(f"model '{model}' at {self.url} does not take {sent}: {said}")
        if self._closed or isinstance(error, ValueError) or status == "StatusCode.CANCELLED":
            return self._is_closed()
        if status == "StatusCode.UNAVAILABLE":
            return ServerUnavailable(self._nobody(said))
        return InferenceError(f"model '{model}' at {self.url} failed: {said}")


def _not_within(seconds: float) -> str:
    return f"did not answer within {seconds:g} s"


def _said(error: Exception) -> str:
    """What tritonclient says, in one line."""
    text = str(getattr(error, "message", lambda: error)())
    return " ".join(text.split()).removeprefix("[request id: <id_unknown>] ")


def check_url(url: str) -> None:
    """Raise UsageError unless `url` is host:port, or one of gRPC's own addresses (unix:PATH, dns:…, ipv4:…, ipv6:…)."""
    if url.startswith(_GRPC_SCHEMES):
        return
    scheme, separator, rest = url.rpartition("://")
    if separator:
        advice = f"leave {scheme}:// out"
        if scheme.startswith("http"):
            advice += ", and name the gRPC port (8001 unless another was chosen): 8000 is HTTP"
        raise UsageError(f"triton_url '{url}' is not HOST:PORT: {advice}, for example {rest.split(':')[0]}:8001")
    host, _, port = url.rpartition(":")
    if not host or "/" in url or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise UsageError(f"triton_url '{url}' is not HOST:PORT of Triton's gRPC service, for example 127.0.0.1:8001")


def _place(sequence: Sequence | None) -> dict[str, Any]:
    if sequence is None:
        return {}
    return {"sequence_id": sequence.id, "sequence_start": sequence.start, "sequence_end": sequence.end}


def _input(name: str, tensor: np.ndarray) -> InferInput:
    datatype = np_to_triton_dtype(tensor.dtype)
    if datatype is None:
        raise ModelMismatch(f"input {name} is of type {tensor.dtype}, which Triton does not know")
    # a new object per call: making one takes microseconds, and calls may overlap
    return InferInput(name, list(tensor.shape), datatype).set_data_from_numpy(tensor)


def _outputs(result: Any) -> dict[str, np.ndarray]:
    return {output.name: result.as_numpy(output.name) for output in result.get_response().outputs}
