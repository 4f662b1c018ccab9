"""`rt-gait export pose`, run as a user runs it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rt_gait_ros.cli.export_engine import compare
from rt_gait_ros.cli.main import main
from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.serving.tensorrt_build import EngineOptions

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from rt_gait_ros.networks.trt_pose import trt_pose_network  # noqa: E402

HAND = {"name": "hand", "keypoints": ["palm", "thumb", "finger"], "skeleton": [[1, 2], [1, 3]]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of a person and of a hand, the hand's topology, and a few images."""
    folder = tmp_path_factory.mktemp("export")
    torch.manual_seed(6)
    names = {"resnet18_baseline_att_224x224_A_epoch_249": (18, 21), "network": (3, 2)}
    for name, (parts, links) in names.items():
        torch.save(trt_pose_network("resnet18_baseline_att", parts, links).state_dict(), folder / f"{name}.pth")
    (folder / "hand.json").write_text(json.dumps(HAND))
    (folder / "images").mkdir()
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 256, (80, 60, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"images/{index}.png"), pixels)
    return folder


def export(folder: Path, *arguments: object) -> int:
    return main(["export", "pose", *map(str, arguments), "--repository", str(folder / "repository"), "--size", "64"])


@pytest.mark.slow
def test_a_users_checkpoint_becomes_a_network_of_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(folder, folder / "resnet18_baseline_att_224x224_A_epoch_249.pth", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["name"] == "resnet18_baseline_att_224x224_A"
    assert report["difference"] < 1e-4
    assert report["files"] == ["model.onnx"]
    model = read_model(Path(report["folder"]))
    assert model.spec.outputs[0].shape == (-1, 18, 16, 16)
    assert "topology" not in model.spec.parameters


@pytest.mark.slow
def test_another_keypoint_task_carries_its_topology(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = folder / "network.pth"
    assert export(folder, checkpoint, "--name", "hands", "--topology", folder / "hand.json", "--max-batch", 2) == 0
    assert "ONNX agrees with PyTorch" in capsys.readouterr().out
    client = OnnxClient(folder / "repository", timeout=600.0)
    spec = client.describe("hands")
    assert json.loads(spec.parameters["topology"]) == HAND
    answer = client.submit("hands", {"image": np.zeros((2, 64, 64, 3), np.uint8)}).result()
    client.close()
    assert answer["cmap"].shape == (2, 3, 16, 16)
    assert answer["paf"].shape == (2, 4, 16, 16)
    assert export(folder, checkpoint, "--name", "hands", "--topology", folder / "hand.json") == 2
    assert "there already" in capsys.readouterr().err


def refusal(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which the request is refused; nothing is written."""
    before = set((folder / "repository").glob("*"))
    assert export(folder, *arguments) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert set((folder / "repository").glob("*")) == before
    return captured.err


def test_parts_without_names_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "knows 3 parts and 2 links: say with --topology" in refusal(folder, capsys, folder / "network.pth")


def test_a_topology_of_another_network_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = folder / "resnet18_baseline_att_224x224_A_epoch_249.pth"
    line = refusal(folder, capsys, checkpoint, "--name", "other", "--topology", folder / "hand.json")
    assert "'hand' has 3 parts and 2 links" in line
    assert "has 18 and 21" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-batch", "0"], "give 1 or more"),
        (["--tensorrt", "int8"], "need each other"),
        (["--tensorrt", "fp16", "--calibration-images", "."], "need each other"),
        (["--precision", "int8"], "need each other"),
        (["--calibration", "."], "need each other"),
        (["--precision", "best", "--calibration", ".", "--tensorrt", "fp16"], "give one of them"),
        (["--precision", "best", "--calibration", ".", "--torch2trt"], "give one of them"),
        (["--max-loss", "2"], "a percentage from 0 to below 100, with --precision fp16"),
        (["--tensorrt", "int8", "--dla", "0", "--calibration", ".", "--max-loss", "2"], "int8 without --dla"),
        (["--precision", "int8", "--calibration", ".", "--max-loss", "nan"], "--max-loss nan: a percentage from 0"),
        (
            ["--precision", "int8", "--calibration", "/proc/self/fdinfo"],
            "/proc/self/fdinfo holds none; give some hundred",
        ),
        (["--dla", "0"], "--dla needs --tensorrt fp16 or int8"),
        (["--profiles", "1,4"], "--profiles needs --tensorrt"),
        (["--tensorrt", "fp16", "--profiles", "1,8"], "for batches of 1 to 4 cannot be tuned to 8"),
        (["--tensorrt", "fp16", "--profiles", "1,x"], "--profiles '1,x'"),
        (["--tensorrt", "fp16", "--dla", "0", "--profiles", "4"], "for batches of 1 to 1 cannot be tuned to 4"),
        (["--tensorrt", "fp32", "--dla", "0"], "does not take fp32"),
        (["--tensorrt", "fp16", "--dla", "-1"], "give a core from 0 on"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in refusal(folder, capsys, "no such file", *arguments)


def test_missing_tensorrt_is_said_before_the_work_begins(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rt_gait_ros.serving.tensorrt_build.importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("rt_gait_ros.serving.tensorrt_build._trtexec", lambda: None)
    line = refusal(folder, capsys, "no such file", "--tensorrt", "fp16")
    assert "neither the Python module tensorrt nor trtexec is installed" in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_missing_torch2trt_is_said_before_the_work_begins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "torch2trt is not installed" in refusal(folder, capsys, "no such file", "--torch2trt")


@pytest.mark.slow
def test_a_network_for_a_cpu_is_written_in_integers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    checkpoint = folder / "resnet18_baseline_att_224x224_A_epoch_249.pth"
    words = ["--name", "small", "--precision", "int8", "--calibration", folder / "images"]
    assert export(folder, checkpoint, *words, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["int8"]) == {"loss", "seconds"}
    model = read_model(Path(report["folder"]))
    assert model.onnx_file is not None
    assert model.onnx_file.stat().st_size < 0.6 * sum(each.stat().st_size for each in [checkpoint])
    client = OnnxClient(folder / "repository", timeout=600.0)
    answer = client.submit("small", {"image": np.zeros((2, 64, 64, 3), np.uint8)}).result()
    client.close()
    assert answer["cmap"].shape == (2, 18, 16, 16)


@pytest.mark.slow
def test_int8_is_quantised_before_the_engine_is_built(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    asked = []

    def build(model, inputs, options):
        asked.append((model, options))
        return b"engine"

    monkeypatch.setattr("rt_gait_ros.cli.export_engine.require_builder", lambda: None)
    monkeypatch.setattr("rt_gait_ros.cli.export_engine.build_engine", build)
    monkeypatch.setattr("rt_gait_ros.networks.pose_precision.lost_parts", lambda *_: 0.1)
    checkpoint = folder / "resnet18_baseline_att_224x224_A_epoch_249.pth"
    arguments = ["--name", "int8", "--tensorrt", "int8", "--calibration-images", folder / "images"]
    line = refusal(folder, capsys, checkpoint, *arguments, "--max-loss", "5")
    assert "int8 loses 10.0 % of the parts of people in the calibration images, more than the 5 % allowed" in line
    assert export(folder, checkpoint, *arguments, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert 0 < report["int8_difference"] < 0.1 * report["int8_scale"]
    assert report["files"] == ["model.onnx", "model.plan"]
    model = read_model(Path(report["folder"]))
    assert model.config.backend == "tensorrt"
    assert model.spec.parameters["tensorrt_precision"] == "int8"
    assert model.onnx_file is not None
    ((built, options),) = asked
    assert built == model.onnx_file.read_bytes()
    assert (options.precision, options.max_batch, options.ranges) == ("int8", 4, None)


@pytest.mark.slow
def test_the_ranges_of_a_dla_core_are_kept_and_used_again(
    folder: Path, capsys: pytest.CaptureFixture[str], engines: list[EngineOptions]
) -> None:
    pytest.importorskip("onnx")
    checkpoint = folder / "resnet18_baseline_att_224x224_A_epoch_249.pth"
    words = [checkpoint, "--tensorrt", "int8", "--dla", "1", "--json", "--calibration"]
    assert export(folder, *words, folder / "images", "--name", "first") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["files"] == ["calibration.cache", "model.onnx", "model.plan"]
    model = read_model(Path(report["folder"]))
    assert {"tensorrt_precision": "int8", "tensorrt_dla_core": "1"}.items() <= model.spec.parameters.items()
    (group,) = model.config.instance_group
    (device,) = group.secondary_devices
    assert (device.kind, device.device_id) == (device.KIND_NVDLA, 1)
    assert model.onnx_file is not None
    cache = model.onnx_file.with_name("calibration.cache")
    assert export(folder, *words, cache, "--name", "second") == 0
    said = capsys.readouterr()
    assert "ranges are wrong" not in said.err
    first, second = engines
    assert first.ranges is not None
    assert second.ranges == pytest.approx(first.ranges)
    outputs = {tensor.name for tensor in model.spec.outputs}
    assert outputs < first.ranges.keys(), "the network's answers, and what is within"
    again = Path(json.loads(said.out)["folder"], "1")
    assert (again / "calibration.cache").read_bytes() == cache.read_bytes()
    assert (again / "model.onnx").read_bytes() == model.onnx_file.read_bytes(), "without Q/DQ nodes"


def test_a_calibration_of_another_network_is_refused_and_one_of_other_weights_may_be_said(
    model_repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before, the ranges of another network were taken where one name was common, and those of other weights always."""
    onnx = pytest.importorskip("onnx")
    model = (model_repository / "gait_energy_image/1/model.onnx").read_bytes()
    ranges = {node.output[0]: 1.0 for node in onnx.load_from_string(model).graph.node}
    cache = tmp_path / "calibration.cache"
    beside = cache.with_name("model.onnx")
    beside.write_bytes(model)
    compare(ranges, cache, model)
    assert capsys.readouterr().err == ""
    beside.write_bytes(model + b" ")
    compare(ranges, cache, model)
    assert "another model.onnx" in capsys.readouterr().err
    beside.unlink()
    compare(ranges, cache, model)
    assert "no model.onnx" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"1 of its .* tensors are not in this one, 'strange'") as caught:
        compare({**ranges, "strange": 1.0}, cache, model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "line"), [(b"no cache", "is no calibration cache of TensorRT")])
@pytest.mark.usefixtures("engines")
def test_a_file_that_is_no_calibration_cache_is_refused_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, line: str
) -> None:
    path = tmp_path / "calibration.cache"
    path.write_bytes(content)
    words = ["--tensorrt", "int8", "--dla", "0", "--calibration", path]
    assert line in refusal(folder, capsys, "no such file", *words)


@pytest.mark.slow
def test_triton_is_told_of_several_profiles(
    folder: Path, capsys: pytest.CaptureFixture[str], engines: list[EngineOptions]
) -> None:
    checkpoint = folder / "resnet18_baseline_att_224x224_A_epoch_249.pth"
    words = ["--name", "tuned", "--tensorrt", "fp16", "--max-batch", "8", "--profiles", "1,4,8", "--json"]
    assert export(folder, checkpoint, *words) == 0
    model = read_model(Path(json.loads(capsys.readouterr().out)["folder"]))
    (group,) = model.config.instance_group
    assert list(group.profile) == ["0", "1", "2"]
    assert (engines[0].profiles, model.config.max_batch_size) == ((1, 4, 8), 8)
