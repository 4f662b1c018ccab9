import h5py
import keras_files
import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.flow_networks import FlowNet2D, FlowNet3D, example_frames
from rt_gait_ros.networks.keras_checkpoints import load_flow_network, write_flow_network
from rt_gait_ros.networks.kinds import FLOW_NETWORKS


@pytest.fixture(params=FLOW_NETWORKS)
def kind(request):
    return request.param


@pytest.mark.parametrize("first", [0, 4])
@pytest.mark.parametrize("whole_model", [True, False])
def test_the_imported_network_computes_what_keras_does(kind, tmp_path, first, whole_model):
    layers = keras_files.weights(kind, keras_files.NARROW[kind], 6, first)
    found, network = load_flow_network(keras_files.write(tmp_path / "model.hdf5", layers, whole_model))
    assert found == kind
    frames = example_frames(1)
    with torch.no_grad():
        embedding = network(frames)[0, 0].numpy()
    expected = keras_files.descriptor(kind, layers, frames[0].numpy() / np.float32(100))
    np.testing.assert_allclose(embedding, expected, atol=1e-4)
    np.testing.assert_array_equal(network.probs.weight.detach().numpy(), layers["probs"][0].T)


def test_a_file_of_the_authors_size_is_read(kind, tmp_path):
    layers = keras_files.weights(kind, keras_files.FULL[kind], 150)
    _, network = load_flow_network(keras_files.write(tmp_path / "model.hdf5", layers))
    assert sum(p.numel() for p in network.parameters()) == sum(k.size + b.size for k, b in layers.values())


def test_a_file_without_the_classifier_is_read(kind, tmp_path):
    layers = keras_files.weights(kind, keras_files.NARROW[kind], 0)
    _, network = load_flow_network(keras_files.write(tmp_path / "model.hdf5", layers))
    assert network.probs is None


def test_the_unrolled_layout_of_pruned_networks_is_read(kind, tmp_path):
    """Every layer is one of the model's own, as narrow as pruning left it, and the last of the 3D-CNN is "code"."""
    layers = keras_files.weights(kind, keras_files.NARROW[kind], 0)
    path = keras_files.write(tmp_path / "whole.hdf5", layers)
    with torch.no_grad():
        expected = load_flow_network(path)[1](example_frames(1))
        unrolled = {"code" if kind != "flow2d" and name == "code_1" else name: layers[name] for name in layers}
        path = keras_files.write(tmp_path / "model_without_198_filters_10_28.22.h5", unrolled, unrolled=True)
        found, network = load_flow_network(path)
        assert found == kind
        assert torch.equal(network(example_frames(1)), expected)


def test_weights_that_are_no_numbers_are_refused(kind, tmp_path):
    layers = keras_files.weights(kind, keras_files.NARROW[kind], 6)
    kernel, bias = layers["code_1"]
    layers["code_1"] = (kernel * np.float32("nan"), bias)
    with pytest.raises(CheckpointError, match="'code_1/kernel' holds NaN or infinite values"):
        load_flow_network(keras_files.write(tmp_path / "model.hdf5", layers))


def _wrong_kernel(layers):
    kernel, bias = layers["conv2d_1"]
    layers["conv2d_1"] = (kernel[:3], bias)


def _wrong_bias(layers):
    kernel, bias = layers["dense"]
    layers["dense"] = (kernel, bias[:-1])


def _wrong_name(layers):
    layers["kode"] = layers.pop("code")


def _wrong_chain(layers):
    kernel, bias = layers["conv2d"]
    layers["conv2d"] = (kernel[..., :-1], bias[:-1])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_wrong_kernel, r"'conv2d_1/kernel' is \(3, 5, 4, 5\), not \(5, 5, 4, 5\)"),
        (_wrong_bias, r"'dense/bias' is \(8,\), not \(9,\)"),
        (_wrong_name, "'kode' where flow2d has 'code'"),
        (_wrong_chain, r"'conv2d_1/kernel' is \(5, 5, 4, 5\), not \(5, 5, 3, 5\)"),
        (lambda layers: layers.pop("code_1"), "'probs' where flow2d has 'code_1'"),
        (lambda layers: (layers.pop("code_1"), layers.pop("probs")), "no 'code_1' after 6 layers"),
    ],
)
def test_the_first_mismatch_is_named(tmp_path, spoil, said):
    layers = keras_files.weights("flow2d", keras_files.NARROW["flow2d"], 6)
    spoil(layers)
    with pytest.raises(CheckpointError, match=said):
        load_flow_network(keras_files.write(tmp_path / "model.hdf5", layers))


def test_the_other_network_is_refused(tmp_path):
    layers = keras_files.weights("flow3d", keras_files.NARROW["flow3d"], 6)
    path = keras_files.write(tmp_path / "model.hdf5", layers)
    with pytest.raises(CheckpointError, match="'conv3d' where flow2d has 'conv2d'"):
        load_flow_network(path, "flow2d")
    with pytest.raises(CheckpointError, match="'grayCode' where flow3d-factorised has 'conv3d'"):
        load_flow_network(path, "flow3d-factorised")
    with pytest.raises(UsageError, match="choose one of"):
        load_flow_network(path, "gaitset")


def test_what_is_no_keras_file_is_refused(tmp_path):
    path = tmp_path / "model.hdf5"
    with pytest.raises(CheckpointError, match="is not there"):
        load_flow_network(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CheckpointError, match="not a readable HDF5 file"):
        load_flow_network(path)
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(CheckpointError, match="not a Keras model"):
        load_flow_network(path)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"convBranch"]
    with pytest.raises(CheckpointError, match="damaged: it names the layer 'convBranch'"):
        load_flow_network(path)


@pytest.mark.parametrize("network", [FlowNet2D((2,) * 4, 2, 3, 4, 5), FlowNet3D((2,) * 6, 3, 4, 0)])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, network):
    path = tmp_path / "network.hdf5"
    write_flow_network(path, network)
    read = load_flow_network(path)[1]
    assert all(torch.equal(value, read.state_dict()[name]) for name, value in network.state_dict().items())
    before = path.read_bytes()
    network.outer.weight = None  # what stands before it is written already
    with pytest.raises(AttributeError):
        write_flow_network(path, network)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
