from copy import deepcopy

import numpy as np
import onnxruntime
import pytest
import torch

from rt_gait_ros.networks.gait_export import stream_parts
from rt_gait_ros.networks.gait_quantisation import quantise_parts
from rt_gait_ros.networks.set_networks import GaitBase
from rt_gait_ros.networks.stream_graphs import stateful_graph


def silhouettes(seed):
    """Blobs that move: (12, 64, 64) uint8."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :64]
    width = generator.uniform(6, 14, 12)[:, None, None]
    return np.where(abs(columns - 32 + 4 * np.sin(rows / 9 + seed)) < width, 255, 0).astype(np.uint8)


def run(model, name, value):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {name: value})[0]


@pytest.mark.parametrize("name", ["gaitset", pytest.param("gaitbase", marks=pytest.mark.slow)])
def test_integers_pool_as_exactly_and_answer_nearly_the_same(name, small_export):
    parts = small_export.parts if name == "gaitset" else stream_parts(GaitBase(2).eval())
    integers = quantise_parts(parts, [silhouettes(seed) for seed in range(4)])
    frames = silhouettes(9)
    features = run(integers.frames, "gait_frames", frames)
    assert features.dtype == np.uint8
    exact = run(parts.head, "features", run(parts.frames, "gait_frames", frames).max(axis=0, keepdims=True))[0]
    near = run(integers.head, "features", features.max(axis=0, keepdims=True))[0]
    assert np.linalg.norm(near - exact) < 0.1 * np.linalg.norm(exact)
    # the graph for a stock Triton carries the state in integers as well
    session = onnxruntime.InferenceSession(stateful_graph(integers, 5), providers=["CPUExecutionProvider"])
    inputs = {
        "gait_frames": frames[None, :5],
        "answer": np.ones((1, 1), np.uint8),
        "seen_in": np.zeros((1, 1), np.int32),
        "state_in": np.zeros((1, 5, features.shape[1]), np.uint8),
    }
    first = run(integers.head, "features", features[:5].max(axis=0, keepdims=True))
    np.testing.assert_allclose(session.run(None, inputs)[0], first, atol=1e-3 * abs(first).max())


def test_integers_do_not_overflow_where_all_weights_add_up(small_gaitset):
    """On x86 processors without VNNI two products share 16 bits, which weights of 8 bits overflow."""
    network = deepcopy(small_gaitset)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    parts = stream_parts(network)
    integers = quantise_parts(parts, [silhouettes(seed) for seed in range(4)])
    frames = silhouettes(9)
    exact = run(parts.head, "features", run(parts.frames, "gait_frames", frames).max(axis=0, keepdims=True))
    near = run(integers.head, "features", run(integers.frames, "gait_frames", frames).max(axis=0, keepdims=True))
    assert np.linalg.norm(near - exact) < 0.03 * np.linalg.norm(exact)
