"""From a track's gait frames to its embedding: the place where a gait network plugs in."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import InferenceClient, InferenceError, ModelMismatch
from rt_gait_ros.silhouette.flow import Place, placed

_NOWHERE = Place(0, 0.0, 1.0)  # of frames whose place does not count
# Seconds that an embedding apart from any track may take: nobody waits for a walk to be enrolled as for the next look,
# and it queues behind all looks.
PATIENCE = 10.0


# Of the numbers of an embedding: distances are below that (RecognizerConfig), and squares of much larger ones are
# infinite in single precision, so that no distance is known.
LARGEST = 1e6

PlacedFrame = tuple[np.ndarray, Place | None]  # a gait frame and where it was taken, for networks on flow


class Embedder(ABC):
    """An embedding for this track, now. One per gait network; not for several threads at once."""

    def __init__(self, model: GaitModel, deadline: float) -> None:
        """deadline: seconds for an answer."""
        self.model = model
        self._deadline = deadline
        self._tracks: dict[str, Any] = {}

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks that it has frames of."""
        return tuple(self._tracks)

    @abstractmethod
    def add(self, body_id: str, frame: np.ndarray, place: Place | None = None) -> None:
        """Take one more good gait frame of a track. place: where it was taken; networks on flow need it."""

    @abstractmethod
    def frames(self, body_id: str) -> int:
        """Gait frames that an embedding of this track would stand on now."""

    @abstractmethod
    def recent(self, body_id: str) -> list[PlacedFrame]:
        """The newest frames of a track that it keeps, the oldest first."""

    @abstractmethod
    def request(self, body_id: str) -> "Future[dict[str, np.ndarray]]":
        """Start the embedding of a track from the frames so far; returns at once."""

    @abstractmethod
    def drop(self, body_id: str) -> None:
        """Forget a track; one that is not known is no error."""

    def rename(self, body_id: str, new_id: str) -> None:
        """Go on with a track under another id; what was known of that id is forgotten."""
        self.drop(new_id)
        if body_id in self._tracks:
            self._tracks[new_id] = self._tracks.pop(body_id)

    def embed(self, frames: np.ndarray) -> "Future[dict[str, np.ndarray]]":
        """Start the embedding of a whole sequence (S, H, W) or (S, H, W, C), apart from any track.

        Of flow it is a window as `silhouette.flow.placed` gives it. Of more frames than the network takes, evenly
        chosen ones are sent.
        """
        if len(frames) > self.model.max_frames:
            frames = frames[np.linspace(0, len(frames) - 1, self.model.max_frames).round().astype(int)]
        return self._embed(frames, max(self._deadline, PATIENCE))

    @abstractmethod
    def _embed(self, frames: np.ndarray, deadline: float) -> "Future[dict[str, np.ndarray]]":
        """As `embed`, of no more frames than the network takes."""


class WindowEmbedder(Embedder):
    """Sends the last `window` frames of the track for every embedding: fits any network, and needs no state there.

    A window of flow is placed as a whole, as the networks were trained, and begins anew after a pause.
    """

    _tracks: dict[str, deque[tuple[np.ndarray, Place]]]

    def __init__(self, client: InferenceClient, model: GaitModel, window: int, deadline: float) -> None:
        super().__init__(model, deadline)
        self._client = client
        self._window = min(max(window, model.min_frames), model.max_frames)
        self._flow = model.gait_frame_kind == "flow"

    def add(self, body_id: str, frame: np.ndarray, place: Place | None = None) -> None:
        """As Embedder.add. Raises ValueError for flow without a place."""
        frames = self._tracks.setdefault(body_id, deque(maxlen=self._window))
        if self._flow:
            if place is None:
                raise ValueError("a window of flow needs the places where its frames were taken")
            if frames and not place.follows(frames[-1][1]):
                frames.clear()
        frames.append((frame, place or _NOWHERE))

    def frames(self, body_id: str) -> int:
        """As Embedder.frames."""
        return len(self._tracks.get(body_id, ()))

    def recent(self, body_id: str) -> list[PlacedFrame]:
        """As Embedder.recent."""
        return [(frame, place if self._flow else None) for frame, place in self._tracks.get(body_id, ())]

    def request(self, body_id: str) -> "Future[dict[str, np.ndarray]]":
        """As Embedder.request."""
        return self._embed(window_of(self.recent(body_id)), self._deadline)

    def drop(self, body_id: str) -> None:
        """As Embedder.drop."""
        self._tracks.pop(body_id, None)

    def _embed(self, frames: np.ndarray, deadline: float) -> "Future[dict[str, np.ndarray]]":
        return self._client.submit(self.model.name, self.model.adapter.request(frames), deadline=deadline)


def window_of(frames: Sequence[PlacedFrame]) -> np.ndarray:
    """Frames of one track as a network is sent them: (S, H, W), or flow (S, H, W, C) placed as a whole."""
    window = np.stack([frame for frame, _ in frames])
    places = [place for _, place in frames if place is not None]
    return placed(window, places) if places else window


def read_embedding(outputs: dict[str, np.ndarray], model: GaitModel) -> np.ndarray:
    """The embedding (P, C) float32 among a gait network's outputs for one sequence.

    Raises ModelMismatch for another shape, InferenceError for NaN, infinity or numbers beyond LARGEST.
    """
    embedding = model.adapter.embedding(outputs)
    wanted = (1, *model.embedding_shape)
    if (
        embedding is None
        or embedding.ndim != 3
        or any(w not in (-1, s) for w, s in zip(wanted, embedding.shape, strict=True))
    ):
        given = outputs.get(model.adapter.output) if embedding is None else embedding
        shape = None if given is None else list(given.shape)
        raise ModelMismatch(f"model {model.name} gave embedding {shape} where {list(wanted)} was declared")
    if not (np.abs(embedding) <= LARGEST).all():  # NaN, too
        raise InferenceError(
            f"model {model.name} gave an embedding with NaN, infinity or numbers beyond {LARGEST:g}: it is not used"
        )
    return np.asarray(embedding[0], np.float32)
