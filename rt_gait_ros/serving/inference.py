"""The one interface behind which every network runs, wherever it runs."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rt_gait_ros.errors import GaitError

Tensors = Mapping[str, np.ndarray]


class InferenceError(GaitError):
    """A network did not answer. Subclasses say why; all of them can be recovered from by asking again later."""


class ServerUnavailable(InferenceError):
    """Nobody listens at the server's address, or it is not ready."""


class ModelUnavailable(InferenceError):
    """The server is there, but the model is not."""


class ModelMismatch(InferenceError):
    """The model is there, but takes or gives other tensors than asked for."""


class DeadlineExceeded(InferenceError):
    """No answer within the deadline."""


class SequenceLost(InferenceError):
    """The server no longer has the state of this sequence: begin another one."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A request's place in a sequence, for networks that keep a state from request to request.

    id: from 1 to 2**63 - 1, unique among all clients of the server. start: there is no state before this request. end:
    none is kept after it.
    """

    id: int
    start: bool = False
    end: bool = False


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, numpy dtype name ("uint8", "float32") and shape of a tensor; -1 stands for any size."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as its server describes it: tensors with their batch axis, and free-form parameters."""

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: Mapping[str, str]


class InferenceClient(Protocol):
    """Runs networks by name. Implementations: TritonClient (gRPC), OnnxClient (in process)."""

    def submit(
        self, model: str, inputs: Tensors, *, deadline: float | None = None, sequence: Sequence | None = None
    ) -> "Future[dict[str, np.ndarray]]":
        """Start one inference and return at once.

        inputs: by tensor name, with the batch axis. deadline: seconds from now, None for the client's own.
        sequence: for a network that keeps a state; requests of one sequence are sent one after the other's answer.
        The future gives the outputs by name, or raises an InferenceError; submit itself raises nothing but that future.
        """
        ...

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """The model's tensors and parameters. Raises ServerUnavailable or ModelUnavailable."""
        ...

    def close(self) -> None:
        """Let go of connections and threads; futures still open fail."""
        ...
