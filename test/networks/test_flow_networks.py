import numpy as np
import pytest
import torch

from rt_gait_ros.networks.flow_networks import FlowNet2D, FlowNet3D, example_frames

NETWORKS = [FlowNet2D, FlowNet3D]
NARROW = {FlowNet2D: ((4, 4, 4, 4), 8), FlowNet3D: ((4, 4, 4, 4, 4, 4),)}


@pytest.mark.parametrize(("network", "parameters"), [(FlowNet2D, 6_982_774), (FlowNet3D, 10_055_126)])
def test_parameters_are_those_of_the_paper(network, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in network(classes=150).parameters()) == parameters


@pytest.mark.parametrize("network", NETWORKS)
def test_descriptor_has_length_one_and_1024_channels(network):
    torch.manual_seed(1)
    with torch.no_grad():
        embedding = network(*NARROW[network]).eval()(example_frames(2))
    assert embedding.shape == (2, 1, 1024)
    np.testing.assert_allclose(embedding.norm(dim=-1), 1.0, atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_classifier_can_be_left_out(network):
    torch.manual_seed(1)
    frames = example_frames(2)
    assert network(*NARROW[network], classes=7).logits(frames).shape == (2, 7)
    with pytest.raises(ValueError, match="no classifier"):
        network(*NARROW[network], classes=0).logits(frames)


@pytest.mark.parametrize("network", NETWORKS)
def test_both_directions_and_the_order_of_frames_matter(network):
    torch.manual_seed(1)
    made, frames = network(*NARROW[network]).eval(), example_frames(1)
    with torch.no_grad():
        first = made(frames)
        for other in (frames.flip(-1), frames.flip(1)):
            assert not torch.allclose(made(other), first, atol=1e-3)
