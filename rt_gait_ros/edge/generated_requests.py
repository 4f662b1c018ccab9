"""Requests of generated walkers for any gait network: what a server under load is asked, nobody's real walk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import Tensors
from rt_gait_ros.serving.repository import RepositoryModel
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.scenes import crowd
from rt_gait_ros.synthesis.truth import flow_frames
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes

# Gait frames of a window where the network takes any number: a gait cycle, and what GaitSet is trained with.
WINDOW = 30
# Different walkers among the requests.
WALKERS = 8
# Flow is computed pixel by pixel from the bodies' own motion, a hundred times slower than a silhouette is drawn.
_FLOW_WALKERS = 2
_FROM_THE_SIDE = (90.0,)
_CROSSING, _CROSSING_SECONDS = "crossing", 12.0


@dataclass(frozen=True, slots=True)
class Requests:
    """What the clients of one network send.

    walks: of each walker, their requests in turn, each with batch 1: one window, or single frames of a network that
    keeps a set. batch_axis: along which requests make a batch. sequence: whether the network keeps a set per client.
    outputs: shape and dtype of each output for batch 1, -1 for what is not known before.
    """

    model: str
    walks: Sequence[Sequence[Tensors]]
    batch_axis: int
    most: int
    sequence: bool
    outputs: Sequence[tuple[str, tuple[int, ...], str]]

    def of_client(self, number: int, batch: int) -> list[dict[str, np.ndarray]]:
        """The requests of a client, to be sent in turn again and again: `batch` walkers in each."""
        chosen = [self.walks[(number + item) % len(self.walks)] for item in range(batch)]
        names = chosen[0][0].keys()
        return [
            {name: np.concatenate([walk[turn][name] for walk in chosen], self.batch_axis) for name in names}
            for turn in range(len(chosen[0]))
        ]


def generated_requests(served: RepositoryModel, frames: int = WINDOW) -> Requests:
    """Walkers for this network. frames: of a window, where the network takes any number.

    Raises ModelMismatch for a network that is none of gait, UsageError for gait frames that no walker is made of.
    """
    model = GaitModel.from_spec(served.spec)
    count = min(max(model.min_frames, frames), model.max_frames)
    different = _FLOW_WALKERS if model.gait_frame_kind == "flow" else WALKERS
    walkers = [_frames(model, count, seed) for seed in range(different)]
    most = max(1, served.config.max_batch_size)
    outputs = [(tensor.name, tensor.shape[1:], tensor.dtype) for tensor in served.spec.outputs]
    if model.stream_window is not None:
        answer = np.ones((1, 1), np.uint8)
        turns = [[{"gait_frames": frame[None, None], "answer": answer} for frame in walker] for walker in walkers]
        return Requests(model.name, turns, 0, 1, True, outputs)  # Triton takes one item of a sequence in a request
    windows = [[model.adapter.request(walker)] for walker in walkers]
    return Requests(model.name, windows, model.adapter.batch_axis, most, False, outputs)


def _frames(model: GaitModel, count: int, seed: int) -> np.ndarray:
    """Gait frames (S, H, W) or (S, H, W, C) of somebody who walks by; the last again where the walk is shorter."""
    if model.gait_frame_kind == "silhouette":
        ranges, random = Nuisances(views=_FROM_THE_SIDE), np.random.default_rng((seed, 1))
        frames = random_silhouettes(person(seed), random_scene(ranges, random), 2 * count, ranges, random)
    elif model.gait_frame_kind == "flow":
        frames = _flow(count, seed)
    else:
        raise UsageError(
            f"no walker is generated as {model.gait_frame_kind} frames, which {model.name} takes: "
            "load is put on networks of silhouettes and of flow"
        )
    if not len(frames):
        raise UsageError(f"the generated walker {seed} has no good gait frame")
    return frames[np.minimum(np.arange(count), len(frames) - 1)]


def _flow(count: int, seed: int) -> np.ndarray:
    """Flow of somebody who crosses the picture, from the first image on in which they stay for all frames."""
    scene = crowd(_CROSSING, people=1, seconds=_CROSSING_SECONDS, seed=seed)
    for first in range(1, len(scene) - count, max(1, count // 2)):
        try:
            return flow_frames(scene, 1, range(first, first + count))
        except ValueError:  # not in one of these images
            continue
    return np.zeros((0, 60, 60, 2), np.int16)
