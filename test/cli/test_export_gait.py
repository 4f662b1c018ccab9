"""`rt-gait export gait`, run as a user runs it."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import keras_files
import numpy as np
import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.serving.tensorrt_build import EngineOptions
from rt_gait_ros.serving.tensorrt_provider import tensorrt_providers

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from rt_gait_ros.networks import flow_export, gait_engine, gait_export  # noqa: E402
from rt_gait_ros.networks.gait_integers import Change  # noqa: E402
from rt_gait_ros.networks.set_networks import GaitSet  # noqa: E402


@pytest.mark.slow
def test_a_checkpoint_becomes_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(2)
    checkpoint = tmp_path / "GaitSet-encoder.ptm"
    torch.save({f"module.{name}": value for name, value in GaitSet().state_dict().items()}, checkpoint)
    repository = tmp_path / "repository"
    command = ["export", "gait", str(checkpoint), "--repository", str(repository), "--window", "12", "--json"]
    command += ["--name", "own"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == "gaitset"
    assert told["folders"] == [str(repository / name) for name in ("own", "own_stream")]
    assert all(check["difference"] < 1e-4 for check in told["agreement"].values())
    assert read_model(repository / "own_stream").spec.parameters["stream_window"] == "12"
    checkpoint.unlink()  # which is not read
    assert main(command) != 0
    assert "there already" in capsys.readouterr().err


def small(export: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checkpoint is this small network: a full-size one would take a minute more."""
    monkeypatch.setattr(gait_export, "read_gait", lambda *_: (export.kind, export.network))
    monkeypatch.setattr(gait_export, "export_network", lambda *_: export)


def test_int8_prints_what_it_changes(
    small_export: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small(small_export, monkeypatch)
    repository, gallery = tmp_path / "repository", tmp_path / "people.gallery"
    known = Gallery(gallery)
    for width in range(4, 13):
        frames = np.zeros((4, 64, 64), np.uint8)
        frames[:, 4:, 32 - width : 32 + width] = 255
        walk = Template(np.ones((1, 2), np.float32), 1, frames)
        known.add(f"Person {width}", [walk], model="other", gait_frame_kind="silhouette")
    command = ["export", "gait", "small.ptm", "--repository", str(repository), "--precision", "int8", "--json"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main([*command, "--calibration", str(empty)]) != 0
    assert "holds 0 sequences of silhouette gait frames: 8 or more are needed" in capsys.readouterr().err
    assert not repository.exists()
    assert main([*command, "--calibration", str(gallery)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [Path(folder).name for folder in told["folders"]] == ["gaitset_int8", "gaitset_int8_stream"]
    assert told["precision"] == "int8"
    for changed in (told["int8"]["whole"], told["int8"]["stream"]):
        assert changed["shift"] < changed["between"]
        assert 0 <= changed["nearest"] <= 1


def test_both_forms_say_what_tensorrt_computes_in(
    small_export: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(small_export, monkeypatch)
    assert (
        main(["export", "gait", "small.ptm", "--repository", str(tmp_path), "--name", "own", "--tensorrt", "fp16"]) == 0
    )
    for name in ("own", "own_stream"):
        (_, options), *_ = tensorrt_providers(read_model(tmp_path / name))
        assert options["trt_fp16_enable"] is True


def test_an_engine_has_a_folder_of_its_own_whose_network_takes_floats(
    small_gaitset: Any,
    embed_whole: Callable[[np.ndarray], np.ndarray],
    engines: list[EngineOptions],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.save(small_gaitset.state_dict(), tmp_path / "small.ptm")
    command = ["export", "gait", str(tmp_path / "small.ptm"), "--repository", str(tmp_path / "repository"), "--json"]
    assert main([*command, "--engine", "fp16", "--profiles", "1,8"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folders"] == [str(tmp_path / "repository/gaitset_engine")]
    model = read_model(Path(told["folders"][0]))
    assert (model.config.backend, model.config.max_batch_size) == ("tensorrt", 8)
    assert list(model.config.instance_group[0].profile) == ["0", "1"]
    assert model.config.HasField("dynamic_batching")
    assert model.spec.parameters["tensorrt_precision"] == "fp16"
    assert engines[0].profiles == (1, 8)
    frames = np.random.default_rng(1).integers(0, 256, (7, 64, 64), np.uint8)
    with closing(OnnxClient(tmp_path / "repository", timeout=600.0)) as client:
        gait = describe(client, "gaitset_engine")
        assert (gait.min_frames, gait.max_frames) == (1, 30)
        answer = client.submit("gaitset_engine", gait.adapter.request(frames)).result()
    np.testing.assert_allclose(read_embedding(answer, gait), embed_whole(frames), atol=1e-4)
    assert main([*command, "--engine", "fp16"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_an_engine_in_int8_is_calibrated_by_walks_and_by_the_ranges_of_them(
    small_gaitset: Any,
    engines: list[EngineOptions],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    onnx = pytest.importorskip("onnx")
    torch.save(small_gaitset.state_dict(), tmp_path / "small.ptm")
    command = ["export", "gait", str(tmp_path / "small.ptm"), "--repository", str(tmp_path / "repository"), "--json"]
    command += ["--engine", "int8", "--name"]
    monkeypatch.setattr(gait_engine.EngineNetwork, "changed", lambda *_: Change(1.0, 2.0, 0.9, 0.99))
    assert main([*command, "gpu", "--max-loss", "5"]) == 2
    assert "int8 loses 10.0 % of the nearest of the calibration sequences, more than" in capsys.readouterr().err
    assert not (tmp_path / "repository").exists()
    assert engines == []
    assert main([*command, "gpu", "--max-loss", "20"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 < told["int8"]["difference"] < 0.1 * told["int8"]["scale"]
    nodes = onnx.load(tmp_path / "repository/gpu/1/model.onnx").graph.node
    assert "QuantizeLinear" in {node.op_type for node in nodes}
    assert main([*command, "core", "--dla", "0"]) == 0
    cache = tmp_path / "repository/core/1/calibration.cache"
    assert main([*command, "again", "--dla", "0", "--calibration", str(cache)]) == 0
    assert "ranges are wrong" not in capsys.readouterr().err
    assert (tmp_path / "repository/again/1/calibration.cache").read_bytes() == cache.read_bytes()
    assert [(each.dla, each.max_batch) for each in engines] == [(None, 8), (0, 1), (0, 1)]
    assert engines[2].ranges == pytest.approx(engines[1].ranges)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.ptm"], "absent.ptm is not there"),
        (["absent.ptm", "--window", "-1"], "--window -1"),
        (["absent.ptm", "--calibration", "here"], "goes with --precision fp16, int8 or best, or with --engine int8"),
        (["absent.ptm", "--calibration", "here", "--engine", "fp16"], "or with --engine int8"),
        (["absent.ptm", "--engine", "int8", "--dla", "0", "--max-loss", "1"], "with --engine int8 without --dla"),
        (["absent.ptm", "--max-loss", "1"], "goes with --precision fp16, int8 or best"),
        (["absent.ptm", "--engine", "fp16", "--precision", "int8"], "leave --precision and --tensorrt out"),
        (["absent.ptm", "--dla", "0"], "--dla needs --engine fp16 or int8"),
        (["absent.ptm", "--profiles", "1,4"], "--profiles needs --engine"),
        (["absent.ptm", "--engine", "fp16", "--profiles", "1,16"], "for batches of 1 to 8 cannot be tuned to 16"),
        (["absent.ptm", "--precision", "int8", "--max-loss", "100"], "a percentage from 0 to below 100"),
        (["absent.ptm", "--precision", "int8", "--tensorrt", "fp16"], "give one of them"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "gait", *arguments]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_shipped_network_is_named_and_keeps_its_name(
    small_export: Any,
    all_networks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    monkeypatch.setattr(gait_export, "export_network", lambda kind, *_: read.append(kind) or small_export)
    words = ["--repository", str(tmp_path), "--precision", "int8", "--json"]
    assert main(["export", "gait", "gaitset_small_v5", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folders"] == [str(tmp_path / f"gaitset_small_v5_int8{form}") for form in ("", "_stream")]
    families = [
        read_model(folder).spec.parameters["embedding_family"]
        for folder in (all_networks / "gaitset_small_v5_stream", *map(Path, told["folders"]))
    ]
    assert len(set(families)) == 1  # the gait node may move from one to the other
    assert read == ["centred-gaitset"]
    assert main(["export", "gait", "gaitset_small_v5_stream", *words]) != 0
    assert "without _stream" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("checkpoint", "precision", "taken"),
    [
        ("gaitset_small_v5", "fp32", "gaitset_small_v5"),
        ("gaitset_small_v5", "int8", "gaitset_small_v5_int8_stream"),
        ("gaitset_small_v5", "best", "gaitset_small_v5_fp16"),
        ("own.pth", "fp16", "gaitset_fp16"),
        ("own.hdf5", "int8", "flow2d_int8"),
    ],
)
def test_a_name_that_is_taken_is_refused_before_the_export(
    checkpoint: str,
    precision: str,
    taken: str,
    all_networks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before, a name that nobody gave with --name was looked for after it."""
    file = tmp_path / checkpoint
    if file.suffix == ".pth":
        torch.save(GaitSet(width=4).state_dict(), file)
    elif file.suffix == ".hdf5":
        keras_files.write(file, keras_files.weights("flow2d", keras_files.NARROW["flow2d"], 6))
    for module, name in ((gait_export, "export_network"), (flow_export, "export_flow_network")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("it was exported"))
    (tmp_path / "repository" / taken).mkdir(parents=True)
    words = ["--repository", str(tmp_path / "repository"), "--precision", precision]
    assert main(["export", "gait", str(file) if file.suffix else checkpoint, *words]) != 0
    assert f"{taken} is there already" in capsys.readouterr().err
