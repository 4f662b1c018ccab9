"""From whole walks to embeddings, one after the other: what evaluation, calibration and galleries ask of a network."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.onnx_client import OnnxClient

DEADLINE = 120.0  # seconds for an answer: nobody waits before a camera
_WALK = "walk"  # the only track


class WalkEmbedder:
    """Embeds walks with one network. client: serves the network, and others. model: what the network says of itself."""

    def __init__(self, client: InferenceClient, name: str, window: int = 0) -> None:
        """name: of the network. window: newest frames of a walk that count; 0: all that the network takes.

        Raises InferenceError for a network that is not there, or is none of gait.
        """
        self.client = client
        self.model = describe(client, name)
        self._embedder = embedder_for(client, self.model, window or self.model.max_frames, DEADLINE)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """The embedding (P, C) float32 of a walk, gait frames (S, H, W) or (S, H, W, C). Raises InferenceError."""
        return read_embedding(self._embedder.embed(frames).result(), self.model)

    def looks(self, frames: np.ndarray, ends: Sequence[int], window: int) -> np.ndarray:
        """The embeddings (K, P, C) float32 that a recogniser has of a walk while it goes on.

        ends: how many of the frames have come at each look, rising. window: the newest ones that a look stands on, of a
        network that has no window of its own. Raises InferenceError.
        """
        embedder, sent = embedder_for(self.client, self.model, window, DEADLINE), 0
        found = []
        for end in ends:
            for frame in frames[sent:end]:
                embedder.add(_WALK, frame)
            sent = end
            found.append(read_embedding(embedder.request(_WALK).result(), self.model))
        embedder.drop(_WALK)
        return np.stack(found)


@contextmanager
def open_embedder(repository: Path, name: str, window: int = 0) -> Iterator[WalkEmbedder]:
    """A WalkEmbedder with a network of a model repository, in this process. Raises as WalkEmbedder."""
    with closing(OnnxClient(repository, timeout=DEADLINE)) as client:
        yield WalkEmbedder(client, name, window)
