import numpy as np
import pytest
import torch

from rt_gait_ros.networks.checkpoint import load_strictly
from rt_gait_ros.networks.set_networks import GaitBase, GaitSet, SetNetwork

NETWORKS = [GaitSet, GaitBase]


def embed(network: SetNetwork, silhouettes: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network.eval()(torch.from_numpy(silhouettes / np.float32(255))[None])[0].numpy()


@pytest.fixture(params=NETWORKS, ids=lambda network: network.__name__)
def network(request) -> SetNetwork:
    torch.manual_seed(3)
    return request.param().eval()


@pytest.fixture
def silhouettes() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (9, 64, 44), dtype=np.uint8)


@pytest.mark.parametrize("frames", ["", "_7"])
def test_gaitset_agrees_with_the_reference_program(frames, listed_state, golden):
    network = GaitSet()
    load_strictly(network, listed_state("gaitset_encoder", 7), "reference")
    reference = golden("gaitset")
    embedding = embed(network, reference[f"silhouettes{frames}"])
    np.testing.assert_allclose(embedding, reference[f"feature{frames}"], atol=1e-4)


def test_gaitbase_agrees_with_the_reference_program(listed_state, golden):
    network = GaitBase()
    load_strictly(network, listed_state("opengait_gaitbase_casiab", 13), "reference")
    reference = golden("opengait_gaitbase_casiab")
    np.testing.assert_allclose(embed(network, reference["silhouettes"]).T, reference["embedding"], atol=1e-4)


def test_embedding_has_the_declared_shape(network, silhouettes):
    assert embed(network, silhouettes).shape == (network.parts, network.channels)


def test_order_and_repeats_change_nothing(network, silhouettes):
    shuffled = np.random.default_rng(1).permutation(np.concatenate([silhouettes, silhouettes[:4]]))
    np.testing.assert_allclose(embed(network, shuffled), embed(network, silhouettes), atol=1e-5)


def test_a_black_frame_is_not_nothing(silhouettes):
    torch.manual_seed(0)
    network = GaitSet()
    padded = np.concatenate([silhouettes, np.zeros_like(silhouettes[:1])])
    assert not np.allclose(embed(network, padded), embed(network, silhouettes), atol=1e-4)


def test_a_set_grown_frame_by_frame_is_the_whole_set(network, silhouettes):
    frames = torch.from_numpy(silhouettes / np.float32(255))
    with torch.no_grad():
        pooled = network.frame_features(frames[:1])
        for frame in frames[1:]:
            pooled = tuple(map(torch.maximum, pooled, network.frame_features(frame[None])))
        grown = network.head(*pooled)[0].numpy()
    np.testing.assert_allclose(grown, embed(network, silhouettes), atol=1e-4)
