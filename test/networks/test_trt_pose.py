import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import load_strictly
from rt_gait_ros.networks.trt_pose import ARCHITECTURES, DEVIATION, MEAN, FromPixels, trt_pose_network

REFERENCES = {"resnet18_baseline_att": "trt_pose_resnet18_att", "densenet121_baseline_att": "trt_pose_densenet121_att"}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_agrees_with_the_reference_program(name, listed_state, golden):
    network = trt_pose_network(name).eval()
    load_strictly(network, listed_state(f"trt_pose_{name}", 11), "reference")
    size = ARCHITECTURES[name].size
    image = np.random.default_rng(11).standard_normal((1, 3, size, size)).astype(np.float32)
    # outputs reach 32: in single precision the kernels of one processor differ from another's by 2e-4
    with torch.no_grad():
        cmap, paf = network.double()(torch.from_numpy(image).double())
    reference = golden(REFERENCES[name])
    np.testing.assert_allclose(cmap.numpy(), reference["cmap"], atol=1e-4)
    np.testing.assert_allclose(paf.numpy(), reference["paf"], atol=1e-4)


def test_has_the_names_of_the_public_checkpoint_in_order(listed_state):
    names = list(trt_pose_network("densenet121_baseline_att").state_dict())
    assert names == list(listed_state("trt_pose_densenet121_baseline_att", 0))


def test_pixels_are_normalised_as_imagenet_is():
    seen = []
    network = FromPixels(torch.nn.Identity())
    network.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image = np.random.default_rng(0).integers(0, 256, (2, 8, 6, 3), dtype=np.uint8)
    network(torch.from_numpy(image))
    expected = (image / 255 - np.array(MEAN)) / np.array(DEVIATION)
    np.testing.assert_allclose(seen[0].numpy(), expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_other_tasks_have_other_numbers_of_parts_and_links():
    network = trt_pose_network("resnet18_baseline_att", parts=21, links=20).eval()
    with torch.no_grad():
        cmap, paf = network(torch.zeros(1, 3, 64, 96))
    assert cmap.shape == (1, 21, 16, 24)
    assert paf.shape == (1, 40, 16, 24)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="resnet18_baseline_att"):
        trt_pose_network("resnet50")
