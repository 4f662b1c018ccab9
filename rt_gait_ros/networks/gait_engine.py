"""Gait networks as TensorRT's engines take them: gait frames in floating point, and always as many of them.

TensorRT cuts no bytes and knows no INT16, and an axis of any length would be one more for each optimisation profile to
name. What becomes of gait frames on the way is declared, as of the networks of other programs (gait/adapter.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from rt_gait_ros.gait.model import FAMILY_PARAMETER, GaitModel
from rt_gait_ros.networks.export import Agreement, agreement, require, to_onnx
from rt_gait_ros.networks.flow_networks import FlowNetwork, example_frames
from rt_gait_ros.networks.gait_export import WINDOW, family_of
from rt_gait_ros.networks.gait_integers import Change, change, embed_whole
from rt_gait_ros.networks.set_networks import SetNetwork
from rt_gait_ros.networks.stream_graphs import WholeSet
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.silhouette.gaitset import SIZE


@dataclass(frozen=True, slots=True)
class EngineNetwork:
    """An ONNX network for an engine. agreement: with PyTorch."""

    spec: ModelSpec
    model: bytes
    agreement: Agreement

    def requests(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The network's input (1, S, …) float32 for each sequence of gait frames."""
        adapter = GaitModel.from_spec(self.spec).adapter
        return [adapter.request(frames)[adapter.tensor] for frames in sequences]

    def changed(self, model: bytes, requests: Sequence[np.ndarray]) -> Change:
        """What another ONNX network of the same tensors changes in the embeddings of `requests`."""
        return change(*(embed_whole(each, requests) for each in (self.model, model)))


def engine_network(
    network: SetNetwork | FlowNetwork, name: str, declared: Mapping[str, str] | None = None
) -> EngineNetwork:
    """A filled network under that name. declared: further parameters. Raises ExportError where ONNX computes something
    else."""
    parameters = {"distance": "euclidean", "intra_op_thread_count": "1"}
    if isinstance(network, SetNetwork):
        whole: nn.Module = WholeSet(network)
        generator = torch.Generator().manual_seed(0)
        frames = torch.randint(0, 256, (2, WINDOW, SIZE, SIZE), generator=generator).float()
        parameters |= {
            "gait_frame_kind": "silhouette",
            "gait_frames_layout": "B S H W",
            "gait_frames_fill": "repeat",
            FAMILY_PARAMETER: family_of(network),
        }
    else:
        whole, frames = network, example_frames(2).float()
        parameters |= {"gait_frame_kind": "flow", "gait_frames_layout": "B S H W C"}
    model = to_onnx(whole.eval(), frames, "gait_frames", ["embedding"])
    checked = require(agreement(whole, model, [frames, frames[:1]]))
    with torch.no_grad():
        parts, channels = whole(frames[:1]).shape[1:]
    spec = ModelSpec(
        name,
        (TensorSpec("gait_frames", "float32", (-1, *frames.shape[1:])),),
        (TensorSpec("embedding", "float32", (-1, parts, channels)),),
        parameters | dict(declared or {}),
    )
    return EngineNetwork(spec, model, checked)
