"""Embeddings from a network that keeps each track's set on the server: only new frames travel."""

import random
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.embedder import Embedder, PlacedFrame, WindowEmbedder
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import InferenceClient, InferenceError, ModelMismatch, Sequence, SequenceLost
from rt_gait_ros.silhouette.flow import Place

Outputs = dict[str, np.ndarray]

# Frames that wait before they are sent without asking for an answer: the work is spread, and no answer waits for much.
CHUNK = 10
_LARGEST_ID = 2**63 - 1


def embedder_for(client: InferenceClient, model: GaitModel, window: int, deadline: float) -> Embedder:
    """The embedder that fits the network by its own description. window: of networks that keep no set themselves."""
    if model.stream_window is None:
        return WindowEmbedder(client, model, window, deadline)
    return StreamEmbedder(client, model, window, deadline)


@dataclass(slots=True)
class _Track:
    """A track and its sequence on the server.

    recent: newest frames, from which a lost set is made anew. unsent: how many of the newest were not sent yet.
    sequence: 0 while the server has no set of this track. sent: frames of the sequence so far. waiting: who asked for
    an embedding that is not under way yet. answered: the last embedding, while it is still that of the track.
    """

    recent: deque[np.ndarray]
    unsent: int = 0
    sequence: int = 0
    sent: int = 0
    pending: bool = False
    dropped: bool = False
    waiting: list["Future[Outputs]"] = field(default_factory=list)
    answered: Outputs | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _Message:
    """A request about to be sent. frames: (S, H, W). total: of the sequence with these. asked: who waits for it."""

    frames: np.ndarray
    sequence: Sequence
    total: int
    asked: list["Future[Outputs]"]


class StreamEmbedder(Embedder):
    """As Embedder, for a network whose description has stream_window.

    The server's set is the last stream_window frames of the track, or all of them (0). A set that the server lost
    (restart, eviction) or may have lost (no answer) is begun anew from the newest frames kept here: stream_window of
    them, so that a window is whole again at once, or `buffer` for a set that grows. Requests of one track are sent one
    after the other's answer.
    """

    _tracks: dict[str, _Track]

    def __init__(self, client: InferenceClient, model: GaitModel, buffer: int, deadline: float) -> None:
        """buffer: frames kept per track of a growing set."""
        super().__init__(model, deadline)
        if model.stream_window is None:
            raise ValueError(f"model {model.name} keeps no sets")
        self._client = client
        self._window = model.stream_window
        self._keep = self._window or max(buffer, model.min_frames)
        # not a generator that a program may seed: two nodes would give the server the same sequences
        self._random = random.SystemRandom()

    def add(self, body_id: str, frame: np.ndarray, place: Place | None = None) -> None:
        """As Embedder.add. A set has no places."""
        track = self._tracks.setdefault(body_id, _Track(deque(maxlen=self._keep)))
        with track.lock:
            track.recent.append(frame)
            track.unsent += 1
            track.answered = None
        self._advance(track)

    def frames(self, body_id: str) -> int:
        """As Embedder.frames."""
        track = self._tracks.get(body_id)
        if track is None:
            return 0
        with track.lock:
            count = track.sent + min(track.unsent, len(track.recent)) if track.sequence else len(track.recent)
        return min(count, self._window or count)

    def recent(self, body_id: str) -> list[PlacedFrame]:
        """As Embedder.recent."""
        track = self._tracks.get(body_id)
        if track is None:
            return []
        with track.lock:
            return [(frame, None) for frame in track.recent]

    def request(self, body_id: str) -> "Future[Outputs]":
        """As Embedder.request."""
        track = self._tracks[body_id]
        future: Future[Outputs] = Future()
        future.set_running_or_notify_cancel()
        with track.lock:
            answered = track.answered
            if answered is None:
                track.waiting.append(future)
        if answered is None:
            self._advance(track)
        else:
            future.set_result(answered)
        return future

    def drop(self, body_id: str) -> None:
        """As Embedder.drop. The server is told, so that it need not wait to forget."""
        track = self._tracks.pop(body_id, None)
        if track is None:
            return
        with track.lock:
            track.dropped = True
            sequence = track.sequence
        if sequence:
            # a request needs a frame; whether it arrives does not matter, for an idle sequence ends by itself
            self._submit(track.recent[-1][None], False, Sequence(sequence, end=True), self._deadline)

    def _embed(self, frames: np.ndarray, deadline: float) -> "Future[Outputs]":
        return self._submit(frames, True, Sequence(self._new_id(), start=True, end=True), deadline)

    def _advance(self, track: _Track) -> None:
        """Send what is due, unless a request of the track is under way: its answer will come by here."""
        with track.lock:
            message = None if track.pending else self._next(track)
            track.pending = track.pending or message is not None
        if message is not None:
            future = self._submit(message.frames, bool(message.asked), message.sequence, self._deadline)
            future.add_done_callback(lambda done: self._answered(track, message, done))

    def _next(self, track: _Track) -> _Message | None:
        """What to send now. Frames for which nobody waits leave one behind: the next question needs a frame."""
        asked, track.waiting = track.waiting, []
        if not asked and track.unsent <= CHUNK:
            return None
        start = track.sequence == 0
        if start:
            track.sequence, track.sent, track.unsent = self._new_id(), 0, len(track.recent)
        left = 0 if asked else 1
        frames = list(track.recent)[-track.unsent :]
        frames = frames[: len(frames) - left]
        track.unsent = left
        track.sent += len(frames)
        return _Message(np.stack(frames), Sequence(track.sequence, start=start), track.sent, asked)

    def _answered(self, track: _Track, message: _Message, done: "Future[Outputs]") -> None:
        """Hand the answer on. Runs on the client's thread."""
        error = done.exception() or self._refusal(done.result(), message.total)
        with track.lock:
            track.pending = False
            again = isinstance(error, SequenceLost) and not message.sequence.start and not track.dropped
            if error is not None:
                track.sequence = 0
            elif message.asked and not track.unsent:
                track.answered = done.result()
            if again:
                track.waiting = message.asked + track.waiting
        if error is None:
            for future in message.asked:
                future.set_result(done.result())
        elif not again:
            for future in message.asked:
                future.set_exception(error)
        self._advance(track)

    def _refusal(self, answer: Outputs, sent: int) -> InferenceError | None:
        """Why an answer is not that of a set of so many frames; None where it is."""
        counted = answer.get("frames")
        if counted is None or counted.size != 1:
            return ModelMismatch(f"model {self.model.name} does not give `frames`, one number, as a streaming one does")
        if int(counted.item()) != sent:
            return SequenceLost(f"model {self.model.name} counts {counted.item()} frames of {sent} sent")
        return None

    def _submit(self, frames: np.ndarray, answer: bool, sequence: Sequence, deadline: float) -> "Future[Outputs]":
        inputs = {"gait_frames": frames[None], "answer": np.array([[answer]], np.uint8)}
        return self._client.submit(self.model.name, inputs, deadline=deadline, sequence=sequence)

    def _new_id(self) -> int:
        return self._random.randint(1, _LARGEST_ID)
