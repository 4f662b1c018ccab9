"""ONNX files as other programs write them, in process, through Triton and in the benchmark: the same embeddings."""

import argparse
import importlib
import json
import os
import sys

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from rt_gait_ros.cli import export as export_command
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.walk_embedder import WalkEmbedder, open_embedder
from rt_gait_ros.networks.export import to_onnx
from rt_gait_ros.networks.flow_networks import FlowNet2D, example_frames
from rt_gait_ros.networks.stream_graphs import WholeSet
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient


class Ascend(nn.Module):
    """GaitSet's Ascend guide: image_seq (B, 100, 64, 44) float32 from 0 to 1, feature (B, 62, 256)."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image_seq):
        return self.network(image_seq)


class OpenGait(Ascend):
    """OpenGait: (B, 1, S, 64, 44) in, channels before parts out."""

    def forward(self, sils):
        return self.network(sils[:, 0]).transpose(1, 2)


class FlowTensors(nn.Module):
    """Embedded-Gait's 2D-CNN: input (B, 50, 60, 60) float32 in pixels; the classifier's answer stands beside `code`."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input):
        flow = input.unflatten(1, (25, 2)).permute(0, 1, 3, 4, 2)
        features = self.network.features(flow)
        return features, torch.softmax(self.network.probs(features), 1)


@pytest.fixture(scope="module")
def flow_network():
    torch.manual_seed(3)
    return FlowNet2D((4, 6, 8, 8), 16, 16, 16, classes=5).eval()


@pytest.fixture(scope="module")
def repository(tmp_path_factory, small_gaitset, flow_network):
    """The three files, exported as their programs do, put into a repository by the command."""
    folder = tmp_path_factory.mktemp("foreign")
    dynamic = {0: "batch"}
    files = {
        "ascend": to_onnx(Ascend(small_gaitset), torch.rand(2, 100, 64, 44), "image_seq", ["feature"], dynamic),
        "opengait": to_onnx(
            OpenGait(small_gaitset), torch.rand(2, 1, 8, 64, 44), "sils", ["embed"], {0: "batch", 2: "frames"}
        ),
        "cnn2d": to_onnx(FlowTensors(flow_network), torch.rand(2, 50, 60, 60), "input", ["code", "probs"], dynamic),
    }
    for name, content in files.items():
        (folder / f"{name}.onnx").write_bytes(content)
        more = {"opengait": ["embedding_layout=B C P"], "cnn2d": ["embedding_tensor=code"]}.get(name, [])
        declared = [word for one in more for word in ("--declare", one)]
        assert run("gait", folder / f"{name}.onnx", "--repository", folder / "networks", *declared) == 0
        assert (folder / "networks" / name / "1/model.onnx").read_bytes() == content
    return folder / "networks"


def run(*arguments):
    parser = argparse.ArgumentParser()
    export_command.add_arguments(parser)
    return export_command.run(parser.parse_args([os.fspath(argument) for argument in arguments]))


def walk(count):
    return np.random.default_rng(4).integers(0, 256, (count, 64, 64)).astype(np.uint8)


def expected(network, frames):
    with torch.no_grad():
        return WholeSet(network)(torch.from_numpy(frames[None]))[0].numpy()


@pytest.mark.parametrize("name", ["ascend", "opengait"])
@pytest.mark.parametrize("count", [7, 100])
def test_silhouettes_give_what_the_network_gives(repository, small_gaitset, name, count):
    frames = walk(count)
    with open_embedder(repository, name) as embed:
        np.testing.assert_allclose(embed(frames), expected(small_gaitset, frames), atol=2e-4)


def test_flow_in_pixels_gives_the_normalised_descriptor(repository, flow_network):
    frames = example_frames(1)
    with open_embedder(repository, "cnn2d") as embed, torch.no_grad():
        np.testing.assert_allclose(embed(frames[0].numpy()), flow_network(frames)[0], atol=1e-4)


def test_triton_serves_all_of_them_as_they_are(repository, small_gaitset, flow_network, triton_installed):
    frames, flow = walk(7), example_frames(1)
    with TritonServer(repository) as server:
        client = TritonClient(server.url, timeout=60.0)
        try:
            for name in ("ascend", "opengait"):
                found = WalkEmbedder(client, name)(frames)
                np.testing.assert_allclose(found, expected(small_gaitset, frames), atol=2e-4)
            with torch.no_grad():
                found = WalkEmbedder(client, "cnn2d")(flow[0].numpy())
                np.testing.assert_allclose(found, flow_network(flow)[0], atol=1e-4)
        finally:
            client.close()


def test_the_benchmark_times_any_of_them(repository, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(resource("benchmark")), *sys.path])
    bench = importlib.import_module("gait")
    monkeypatch.setattr(bench, "BATCHES", (1, 2))
    for name in ("ascend", "cnn2d"):
        arguments = argparse.Namespace(runs=1, model=name, repository=repository, no_triton=True)
        rows = {row.name: row.value for row in bench.measure(arguments, lambda line: None)}
        assert set(rows) == {f"process_{name}_batch_{n}{end}" for n in (1, 2) for end in ("", "_item")}
        assert all(value > 0 for value in rows.values())
    with pytest.raises(UsageError, match="no network 'nobody' in"):
        bench.measure(argparse.Namespace(runs=1, model="nobody", repository=repository, no_triton=True), print)


def test_what_the_tensors_do_not_tell_is_asked_for(repository, tmp_path, capsys):
    files = repository.parent
    with pytest.raises(UsageError, match=r"gives code .*probs .*embedding_tensor=NAME"):
        run("gait", files / "cnn2d.onnx", "--repository", tmp_path)
    with pytest.raises(UsageError, match="no parameter gait_frame_scale"):
        run("gait", files / "ascend.onnx", "--repository", tmp_path, "--declare", "gait_frame_scale=1")
    with pytest.raises(UsageError, match="give KEY=VALUE"):
        run("gait", files / "ascend.onnx", "--repository", tmp_path, "--declare", "embedding_layout")
    with pytest.raises(UsageError, match="served as it is"):
        run("gait", files / "ascend.onnx", "--repository", tmp_path, "--precision", "int8")
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(UsageError, match="is no ONNX network"):
        run("gait", tmp_path / "broken.onnx", "--repository", tmp_path)
    entries = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 7]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "odd", entries[:1], entries[1:])
    odd = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "odd.onnx").write_bytes(odd.SerializeToString())
    with pytest.raises(UsageError, match="no known form of gait frames"):
        run("gait", tmp_path / "odd.onnx", "--repository", tmp_path)
    capsys.readouterr()
    run("gait", files / "ascend.onnx", "--repository", tmp_path, "--name", "theirs", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["gait_frame_kind"], report["min_frames"], report["max_frames"]) == ("silhouette", 1, 100)
    assert report["parameters"]["gait_frames_scale"] == "1/255"
