import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.pose_export import export_pose, load_pose_network
from rt_gait_ros.networks.trt_pose import trt_pose_network
from rt_gait_ros.pose.detectors import Detector
from rt_gait_ros.serving.model_folder import write_model
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("checkpoint") / "resnet18_baseline_att_224x224_A_epoch_249.pth"
    torch.save(trt_pose_network("resnet18_baseline_att").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def export(checkpoint):
    return export_pose(checkpoint, "trt_pose_resnet18", size=96)


@pytest.mark.parametrize("name", ["resnet18_baseline_att", "densenet121_baseline_att"])
def test_a_checkpoint_of_the_public_names_and_shapes_is_read(name, listed_state, tmp_path):
    state = listed_state(f"trt_pose_{name}", 5)
    torch.save(state, tmp_path / "user.pth")
    architecture, network = load_pose_network(tmp_path / "user.pth")
    assert architecture == name
    for parameter, value in network.state_dict().items():
        torch.testing.assert_close(value, state[parameter])


def test_the_export_serves_what_pytorch_computes(export, tmp_path):
    assert export.agreement.holds
    write_model(tmp_path / "repository", export.spec, export.model, max_batch_size=4)
    client = OnnxClient(tmp_path / "repository")
    images = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
    answer = client.submit("trt_pose_resnet18", {"image": images}).result(timeout=600)
    with torch.no_grad():
        cmap, paf = export.network(torch.from_numpy(images))
    np.testing.assert_allclose(answer["cmap"], cmap.numpy(), atol=1e-4)
    np.testing.assert_allclose(answer["paf"], paf.numpy(), atol=1e-4)
    detector = Detector.from_spec(client.describe("trt_pose_resnet18"), min_parts=3)
    assert detector.rgb
    assert detector.size == (96, 96)


def test_triton_serves_what_pytorch_computes(triton_installed, export, tmp_path):
    write_model(tmp_path / "repository", export.spec, export.model, max_batch_size=4)
    images = np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    with TritonServer(tmp_path / "repository") as server:
        client = TritonClient(server.url)
        answer = client.submit("trt_pose_resnet18", {"image": images}, deadline=60).result()
        client.close()
    with torch.no_grad():
        cmap, paf = export.network(torch.from_numpy(images))
    np.testing.assert_allclose(answer["cmap"], cmap.numpy(), atol=1e-4)
    np.testing.assert_allclose(answer["paf"], paf.numpy(), atol=1e-4)


def test_a_taken_name_is_kept_unless_replaced(export, tmp_path):
    folder = write_model(tmp_path, export.spec, export.model, max_batch_size=1)
    (folder / "mine").touch()
    with pytest.raises(UsageError, match="there already"):
        write_model(tmp_path, export.spec, export.model, max_batch_size=1)
    assert (folder / "mine").exists()
    write_model(tmp_path, export.spec, export.model, max_batch_size=1, replace=True)
    assert not (folder / "mine").exists()


def test_a_checkpoint_of_another_net_is_refused_with_its_first_layer(checkpoint, tmp_path):
    state = torch.load(checkpoint)
    state["0.resnet.layer2.0.conv1.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"layer2\.0\.conv1\.weight' is \(1,\), not \(128, 64, 3, 3\)"):
        load_pose_network(tmp_path / "other.pth")
    torch.save({"encoder.weight": torch.zeros(1)}, tmp_path / "foreign.pth")
    with pytest.raises(CheckpointError, match=r"begins with 'encoder\.weight'"):
        load_pose_network(tmp_path / "foreign.pth")


def test_a_size_that_does_not_fit_is_refused(checkpoint):
    with pytest.raises(UsageError, match="multiple of 32"):
        export_pose(checkpoint, "pose", size=100)
