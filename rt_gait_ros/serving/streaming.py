"""Set networks whose sets grow from request to request: the state, and the two parts of the network around it.

The frame part is run once for the new frames of all sequences in a batch, the head once for those that want an answer;
between them each sequence keeps the maximum of its frames' features.
"""

import time
from collections.abc import Callable
from collections.abc import Sequence as Sequences
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from rt_gait_ros.serving.inference import ModelMismatch, ModelSpec, Sequence, SequenceLost, Tensors, TensorSpec
from rt_gait_ros.serving.repository import RepositoryModel
from rt_gait_ros.serving.session import OnnxSession

# The parameter of config.pbtxt that makes a network a streaming one: frames of its sliding window, 0 for a growing set.
WINDOW_PARAMETER = "stream_window"
FRAMES_FILE, HEAD_FILE = "frames.onnx", "head.onnx"
# Part of what Triton says of a sequence that it does not know (core, sequence_batch_scheduler.cc); said here as well.
SEQUENCE_ABSENT = "must specify the START flag"
# At most so many frames in one run of the frame part, and sets in one of the head: a batch of many tracks is several
# runs, which threads share. A frame costs the same in runs of any length; the head gains by reading its maps once.
FRAMES_AT_ONCE, SETS_AT_ONCE = 8, 8


class SetState(Protocol):
    """The maximum over a set of frames. frames: how many were ever added."""

    frames: int

    def add(self, features: np.ndarray) -> None:
        """Take (N, F) features of N >= 1 frames, the oldest first."""
        ...

    def pooled(self) -> np.ndarray:
        """(F,) the maximum over the set, which has at least one frame."""
        ...


class GrowingSet:
    """A set of all frames."""

    def __init__(self) -> None:
        self.frames = 0
        self._maximum = np.empty(0)

    def add(self, features: np.ndarray) -> None:
        """As SetState.add."""
        newest = features.max(axis=0)
        self._maximum = np.maximum(self._maximum, newest, out=newest) if self.frames else newest
        self.frames += len(features)

    def pooled(self) -> np.ndarray:
        """As SetState.pooled."""
        return self._maximum


class SlidingWindow:
    """The last `window` frames, exactly, at a cost per frame that does not grow with the window.

    Frames are stored in blocks of `window`. When a block is full, its rows are replaced by the maxima of themselves and
    all later rows; the maximum of a window that spans two blocks is one such row and the running maximum of the newer
    block (van Herk 1992; the two stacks of a queue's maximum in one array). Memory: `window` rows and one more.
    """

    def __init__(self, window: int) -> None:
        self.frames = 0
        self._window = window
        self._rows = np.empty(0)
        self._newest = np.empty(0)

    def add(self, features: np.ndarray) -> None:
        """As SetState.add."""
        if self.frames == 0:
            self._rows = np.empty((self._window, features.shape[1]), features.dtype)
        while len(features):
            row = self.frames % self._window
            block = features[: self._window - row]
            features = features[len(block) :]
            self._rows[row : row + len(block)] = block
            newest = block.max(axis=0)
            self._newest = np.maximum(self._newest, newest, out=newest) if row else newest
            self.frames += len(block)
            if row + len(block) == self._window:
                # row by row, not np.maximum.accumulate: that goes down the columns, one value at a time
                for later in range(self._window - 1, 0, -1):
                    np.maximum(self._rows[later - 1], self._rows[later], out=self._rows[later - 1])

    def pooled(self) -> np.ndarray:
        """As SetState.pooled."""
        row = self.frames % self._window
        if self.frames < self._window:
            return self._newest
        return self._rows[0] if row == 0 else np.maximum(self._rows[row], self._newest)


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """New frames of one sequence. frames: (S, H, W) uint8. answer: whether the embedding is wanted."""

    sequence: Sequence
    frames: np.ndarray
    answer: bool


StreamAnswer = dict[str, np.ndarray]


@dataclass(slots=True)
class _Open:
    """A sequence that goes on. used: when its last request came."""

    state: SetState
    used: float


class StreamingNetwork:
    """A streaming network with the states of its sequences. Not for several threads at once."""

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        threads: int,
        idle_limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """folder: holds the two parts. spec: the network's description. threads: runs of a part at the same time.
        idle_limit: seconds without a request after which a sequence is dropped, on `clock`.

        Raises ModelUnavailable, ModelMismatch.
        """
        frames, embedding = spec.inputs[0], spec.outputs[0]
        features = TensorSpec("features", "float32", (-1, -1))
        frame_spec = ModelSpec(spec.name, (frames,), (features,), {})
        head_spec = ModelSpec(spec.name, (features,), (embedding,), {})
        # threads share the runs of a batch, and not the work within a run
        self._frame_part = OnnxSession(folder / FRAMES_FILE, frame_spec, 1)
        self._head = OnnxSession(folder / HEAD_FILE, head_spec, 1)
        self._thread_count = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="stream")
        self._silence = np.full((1, *embedding.shape[1:]), np.nan, np.float32)
        self._window = int(spec.parameters[WINDOW_PARAMETER])
        self._idle_limit = idle_limit
        self._clock = clock
        self._open: dict[int, _Open] = {}

    def run(self, requests: Sequences[StreamRequest]) -> list[StreamAnswer | SequenceLost]:
        """Answer requests of any sequences, in their order, each as the contract of streaming networks says.

        Raises ModelMismatch where the network cannot work with the frames.
        """
        self._drop_idle()
        answers: list[StreamAnswer | SequenceLost] = []
        pooled: list[np.ndarray] = []
        due: list[StreamAnswer] = []
        for request, features in zip(requests, self._features(requests), strict=True):
            state = self._state(request.sequence)
            if state is None:
                lost = f"sequence {request.sequence.id} is not known: its next request {SEQUENCE_ABSENT}"
                answers.append(SequenceLost(lost))
                continue
            state.add(features)
            answer = {"embedding": self._silence, "frames": np.array([[state.frames]], np.int32)}
            if request.answer:
                pooled.append(state.pooled().copy())
                due.append(answer)
            if request.sequence.end:
                del self._open[request.sequence.id]
            answers.append(answer)
        if pooled:
            embeddings = self._run(self._head, "features", np.stack(pooled), "embedding", SETS_AT_ONCE)
            for number, answer in enumerate(due):
                answer["embedding"] = embeddings[number : number + 1]
        return answers

    def __len__(self) -> int:
        """Sequences that are open."""
        return len(self._open)

    def _features(self, requests: Sequences[StreamRequest]) -> list[np.ndarray]:
        """(S, F) for each request."""
        frames = np.concatenate([request.frames for request in requests])
        features = self._run(self._frame_part, "gait_frames", frames, "features", FRAMES_AT_ONCE)
        return np.split(features, np.cumsum([len(request.frames) for request in requests])[:-1])

    def _run(self, part: OnnxSession, name: str, rows: np.ndarray, output: str, at_once: int) -> np.ndarray:
        """A part of the network on all rows, in runs of at most `at_once` that keep every thread busy to the end."""

        def run(some: np.ndarray) -> np.ndarray:
            return part.run({name: some})[output]

        if len(rows) <= at_once:
            return run(rows)
        turns = -(-len(rows) // (at_once * self._thread_count))
        runs = np.array_split(rows, min(turns * self._thread_count, len(rows)))
        return np.concatenate(list(self._threads.map(run, runs)))

    def _state(self, sequence: Sequence) -> SetState | None:
        if sequence.start:
            state: SetState = SlidingWindow(self._window) if self._window else GrowingSet()
        elif sequence.id in self._open:
            state = self._open[sequence.id].state
        else:
            return None
        self._open[sequence.id] = _Open(state, self._clock())
        return state

    def _drop_idle(self) -> None:
        oldest = self._clock() - self._idle_limit
        self._open = {identity: entry for identity, entry in self._open.items() if entry.used >= oldest}


def stream_request(inputs: Tensors, sequence: Sequence) -> StreamRequest:
    """A request from its tensors. Raises ModelMismatch unless they are at least one frame of one sequence."""
    frames, answer = inputs["gait_frames"], inputs["answer"]
    if len(frames) != 1 or frames.shape[1] == 0 or answer.shape != (1, 1):
        raise ModelMismatch(
            "a request of a streaming network has at least one frame of one sequence, "
            f"not gait_frames {frames.shape} with answer {answer.shape}"
        )
    return StreamRequest(sequence, frames[0], bool(answer[0, 0]))


def open_streaming(model: RepositoryModel) -> StreamingNetwork:
    """Load a streaming network of a repository. Raises ModelUnavailable, ModelMismatch."""
    window = model.spec.parameters.get(WINDOW_PARAMETER, "")
    if not window.isdecimal():
        raise ModelMismatch(
            f"model '{model.spec.name}' keeps a state, and its config.pbtxt says {WINDOW_PARAMETER} '{window}': give "
            "the frames of its window, or 0 for a growing set"
        )
    idle_limit = model.config.sequence_batching.max_sequence_idle_microseconds / 1e6
    return StreamingNetwork(model.model_file.parent, model.spec, max(1, model.threads), idle_limit)
