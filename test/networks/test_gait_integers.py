import numpy as np
import onnxruntime
import pytest
import torch

from rt_gait_ros.networks.flow_export import export_flow_network
from rt_gait_ros.networks.flow_networks import FactorisedFlowNet3D, FlowNet2D, FlowNet3D, example_frames
from rt_gait_ros.networks.gait_export import write_gait
from rt_gait_ros.networks.gait_integers import change, quantise_flow_network, quantise_set_network
from rt_gait_ros.serving.onnx_client import OnnxClient


def points(*places: float) -> np.ndarray:
    """Embeddings (N, 1, 1) on a line."""
    return np.array(places, np.float32)[:, None, None]


def test_change_tells_of_moves_and_of_another_order():
    exact = points(0, 1, 3, 7)
    same = change(exact, exact + 0.25)
    assert (same.shift, same.nearest, same.ranking) == (0.25, 1.0, pytest.approx(1.0))
    assert same.between == pytest.approx(3.5)  # of 1, 3, 7, 2, 6, 4
    # the second now is nearest to the third; the first's order of the others is turned round
    other = change(exact, points(0, 6, 5, 4))
    assert other.nearest == pytest.approx(0.5)
    assert other.ranking < 0.5


def test_embeddings_that_are_all_alike_keep_their_order():
    assert change(points(1, 1, 1), points(1, 1, 1)).ranking == 1.0


@pytest.fixture(scope="module")
def sets():
    """Blobs of ten widths that move: (12, 64, 64) uint8 each."""
    rows, columns = np.mgrid[:64, :64]
    swings = 4 * np.sin(rows / 9 + np.arange(12)[:, None, None])
    return [np.where(abs(columns - 32 + swings) < width, 255, 0).astype(np.uint8) for width in range(4, 14)]


def test_a_set_network_in_integers_is_served_whole_and_streaming(small_gaitset, small_export, sets, tmp_path):
    export, changes = quantise_set_network(small_export, sets)
    assert set(changes) == {"whole", "stream"}
    for changed in changes.values():
        assert changed.shift < 0.2 * changed.between
        assert changed.ranking > 0.9
    write_gait(export, tmp_path, "gaitset_int8")
    client = OnnxClient(tmp_path, timeout=600.0)
    try:
        whole = client.submit("gaitset_int8", {"gait_frames": sets[3][None]}).result()["embedding"]
    finally:
        client.close()
    exact = small_gaitset(torch.from_numpy(sets[3][None, :, :, 10:54] / np.float32(255))).detach().numpy()
    assert 0 < np.linalg.norm(whole - exact) < 0.1 * np.linalg.norm(exact)
    stateful = onnxruntime.InferenceSession(export.stateful, providers=["CPUExecutionProvider"])
    assert {entry.name: entry.type for entry in stateful.get_inputs()}["state_in"] == "tensor(uint8)"


@pytest.mark.parametrize(
    "network",
    [
        FlowNet2D((8, 8, 8, 8), 16, 16, 16, 0),
        FlowNet3D((4, 4, 8, 8, 8, 8), 16, 16, 0),
        FactorisedFlowNet3D((4, 4, 4, 4, *[8] * 7), 16, 16, 0),
    ],
)
def test_networks_on_flow_too(network):
    torch.manual_seed(4)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=(2 / max(parameter[0].numel(), 1)) ** 0.5)
    export = export_flow_network("flow", network)
    windows = [frames.numpy() for frames in example_frames(8)]
    integers, changes = quantise_flow_network(export, windows)
    assert b"QuantizeLinear" in integers.model
    assert b"QuantizeLinear" not in export.model
    assert changes["whole"].shift < 0.3 * changes["whole"].between
