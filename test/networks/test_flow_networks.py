import numpy as np
import pytest
import torch

from rt_gait_ros.networks.flow_networks import FactorisedFlowNet3D, FlowNet2D, FlowNet3D, example_frames

NETWORKS = [FlowNet2D, FlowNet3D, FactorisedFlowNet3D]
NARROW = {FlowNet2D: ((4,) * 4, 8), FlowNet3D: ((4,) * 6,), FactorisedFlowNet3D: ((4,) * 11,)}


@pytest.mark.parametrize(
    ("network", "parameters"), [(FlowNet2D, 6_982_774), (FlowNet3D, 10_055_126), (FactorisedFlowNet3D, 6_687_382)]
)
def test_parameters_are_those_of_the_paper_and_fewer_where_it_is_factorised(network, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in network(classes=150).parameters()) == parameters


def test_each_convolution_becomes_one_over_space_and_one_over_time_and_no_place_is_lost():
    torch.manual_seed(1)
    whole, factorised = FlowNet3D((4,) * 6), FactorisedFlowNet3D((4,) * 11)
    flow = torch.zeros(1, 2, 25, 60, 60)
    sizes = {}
    with torch.no_grad():
        for network in (whole, factorised):
            sizes[network], values = [], flow
            for convolution in network.convolutions:
                values = convolution(values)
                sizes[network].append(values.shape)
    pairs = list(zip(factorised.convolutions[::2], factorised.convolutions[1::2], strict=False))
    assert sizes[whole] == [*sizes[factorised][1::2], sizes[factorised][-1]]
    for before, (over_space, over_time) in zip(whole.convolutions, pairs, strict=False):
        assert over_space.kernel_size == (1, *before.kernel_size[1:])
        assert over_time.kernel_size == (before.kernel_size[0], 1, 1)


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
    for parameter in made.parameters():  # so that what comes in is not lost on its way through many layers
        torch.nn.init.normal_(parameter, std=(2 / max(parameter[0].numel(), 1)) ** 0.5)
    with torch.no_grad():
        first = made(frames)
        for other in (frames.flip(-1), frames.flip(1)):
            assert not torch.allclose(made(other), first, atol=1e-3)
