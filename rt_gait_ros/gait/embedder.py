"""From a track's gait frames to its embedding: the place where a gait network plugs in."""

from collections import deque
from concurrent.futures import Future
from typing import Protocol

import numpy as np

from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import InferenceClient, InferenceError, ModelMismatch


class Embedder(Protocol):
    """An embedding for this track, now. One per gait network; not for several threads at once."""

    model: GaitModel

    def add(self, body_id: str, frame: np.ndarray) -> None:
        """Take one more good gait frame of a track."""
        ...

    def frames(self, body_id: str) -> int:
        """Gait frames that an embedding of this track would stand on now."""
        ...

    def request(self, body_id: str) -> "Future[dict[str, np.ndarray]]":
        """Start the embedding of a track from the frames so far; returns at once."""
        ...

    def drop(self, body_id: str) -> None:
        """Forget a track; one that is not known is no error."""
        ...

    def embed(self, frames: np.ndarray) -> "Future[dict[str, np.ndarray]]":
        """Start the embedding of a whole sequence (S, H, W) or (S, H, W, C), apart from any track."""
        ...


class WindowEmbedder:
    """Sends the last `window` frames of the track for every embedding: fits any network, and needs no state there."""

    def __init__(self, client: InferenceClient, model: GaitModel, window: int, deadline: float) -> None:
        self.model = model
        self._client = client
        self._window = min(max(window, model.min_frames), model.max_frames)
        self._deadline = deadline
        self._tracks: dict[str, deque[np.ndarray]] = {}

    def add(self, body_id: str, frame: np.ndarray) -> None:
        """As Embedder.add."""
        self._tracks.setdefault(body_id, deque(maxlen=self._window)).append(frame)

    def frames(self, body_id: str) -> int:
        """As Embedder.frames."""
        return len(self._tracks.get(body_id, ()))

    def request(self, body_id: str) -> "Future[dict[str, np.ndarray]]":
        """As Embedder.request."""
        return self.embed(np.stack(self._tracks[body_id]))

    def drop(self, body_id: str) -> None:
        """As Embedder.drop."""
        self._tracks.pop(body_id, None)

    def embed(self, frames: np.ndarray) -> "Future[dict[str, np.ndarray]]":
        """As Embedder.embed. Of more frames than the network takes, evenly chosen ones are sent."""
        if len(frames) > self.model.max_frames:
            frames = frames[np.linspace(0, len(frames) - 1, self.model.max_frames).round().astype(int)]
        return self._client.submit(self.model.name, {"gait_frames": frames[None]}, deadline=self._deadline)


def read_embedding(outputs: dict[str, np.ndarray], model: GaitModel) -> np.ndarray:
    """The embedding (P, C) float32 among a gait network's outputs for one sequence.

    Raises ModelMismatch for another shape, InferenceError for NaN or infinity.
    """
    embedding = outputs.get("embedding")
    wanted = (1, *model.embedding_shape)
    if (
        embedding is None
        or embedding.ndim != 3
        or any(w not in (-1, s) for w, s in zip(wanted, embedding.shape, strict=True))
    ):
        shape = None if embedding is None else list(embedding.shape)
        raise ModelMismatch(f"model {model.name} gave embedding {shape} where {list(wanted)} was declared")
    if not np.isfinite(embedding).all():
        raise InferenceError(f"model {model.name} gave an embedding with NaN or infinity: it is not used")
    return np.asarray(embedding[0], np.float32)
