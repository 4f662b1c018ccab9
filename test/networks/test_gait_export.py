from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from tritonclient.grpc.model_config_pb2 import DataType

import rt_gait_ros
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.embedder import WindowEmbedder
from rt_gait_ros.gait.model import describe
from rt_gait_ros.networks.checkpoint import CheckpointError, read_served_state
from rt_gait_ros.networks.gait_export import export_network, read_gait, write_gait
from rt_gait_ros.networks.set_networks import CentredGaitSet, GaitBase
from rt_gait_ros.networks.stream_graphs import StreamParts, stateful_graph
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.serving.streaming import FRAMES_FILE, HEAD_FILE


@pytest.fixture(scope="module")
def gaitbase(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("opengait") / "GaitBase_DA-60000.pt"
    torch.save({"model": GaitBase(5).state_dict()}, path)
    return export_network(*read_gait(path), window=0)


@pytest.mark.slow
def test_gaitbase_exports_whole_and_streaming(gaitbase, tmp_path):
    assert gaitbase.kind == "gaitbase"
    assert gaitbase.agreement.holds
    assert gaitbase.stream_agreement.holds
    folders = write_gait(gaitbase, tmp_path, "gaitbase")
    assert [folder.name for folder in folders] == ["gaitbase", "gaitbase_stream"]
    with pytest.raises(UsageError, match="there already"):
        write_gait(gaitbase, tmp_path, "gaitbase")
    client = OnnxClient(tmp_path, timeout=600.0)
    assert (describe(client, "gaitbase").max_frames, describe(client, "gaitbase_stream").max_frames) == (100, 100)
    frames = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64), dtype=np.uint8)
    embedding = client.submit("gaitbase", {"gait_frames": frames}).result()["embedding"]
    with torch.no_grad():
        expected = gaitbase.network(torch.from_numpy(frames[..., 10:54] / np.float32(255)))
    np.testing.assert_allclose(embedding, expected, atol=1e-4)
    client.close()


@pytest.mark.slow
def test_no_file_tells_where_it_was_made(gaitbase):
    here = str(Path(rt_gait_ros.__file__).parent).encode()
    for network in (gaitbase.whole, gaitbase.parts.frames, gaitbase.parts.head, gaitbase.stateful):
        assert here not in network
        assert b"stack_trace" not in network


def test_no_shipped_file_tells_where_it_was_made(model_repository):
    files = sorted(model_repository.glob("*/1/*.onnx"))
    assert len(files) >= 8
    assert not [path for path in files if b'.py", line' in path.read_bytes()]


@pytest.mark.parametrize("name", ["window_stream", "growing_stream"])
def test_config_describes_the_state_of_its_network(name, streaming_repository):
    """A stock Triton takes state tensors for whatever the graph has under these names."""
    model = read_model(streaming_repository / name)
    session = onnxruntime.InferenceSession(model.model_file)
    inputs = {tensor.name: tensor for tensor in session.get_inputs()}
    outputs = {tensor.name: tensor for tensor in session.get_outputs()}
    types = {"TYPE_FP32": "tensor(float)", "TYPE_INT32": "tensor(int32)"}
    states = model.config.sequence_batching.state
    assert {state.input_name for state in states} == {"seen_in", "state_in"}
    for state in states:
        for tensor in (inputs.pop(state.input_name), outputs.pop(state.output_name)):
            assert tensor.shape[1:] == list(state.dims)
            assert tensor.type == types[DataType.Name(state.data_type)]
    assert set(inputs) == {tensor.name for tensor in model.config.input}
    assert set(outputs) == {tensor.name for tensor in model.config.output}


@pytest.mark.parametrize("window", [0, 1, 4])
def test_graph_with_its_own_state_streams_exactly(window, streaming_repository, embed_whole):
    """What ONNX Runtime's backend does with implicit state, done by hand: two sequences at once, from zeros."""
    folder = streaming_repository / "window_stream" / "1"
    parts = StreamParts(*((folder / file).read_bytes() for file in (FRAMES_FILE, HEAD_FILE)))
    session = onnxruntime.InferenceSession(stateful_graph(parts, window))
    shapes = {tensor.name: [2, *tensor.shape[1:]] for tensor in session.get_inputs()}
    frames = np.random.default_rng(6).integers(0, 256, (2, 12, 64, 64), dtype=np.uint8)
    seen, state = np.zeros(shapes["seen_in"], np.int32), np.zeros(shapes["state_in"], np.float32)
    for start, end, due in ((0, 1, 1), (1, 3, 0), (3, 4, 1), (4, 12, 1)):
        answer = np.array([[0], [due]], np.uint8)
        inputs = {"gait_frames": frames[:, start:end], "answer": answer, "seen_in": seen, "state_in": state}
        embedding, count, seen, state = session.run(None, inputs)
        assert count.tolist() == [[end], [end]]
        if not due:
            assert np.isnan(embedding).all()
            continue
        for row in range(2):
            expected = embed_whole(frames[row, max(0, end - window) if window else 0 : end])
            np.testing.assert_allclose(embedding[row], expected, atol=1e-4)


@pytest.mark.slow
def test_of_a_long_walk_evenly_chosen_frames_are_sent(gaitbase, tmp_path):
    """More than config.pbtxt's max_frames do not go through at once."""
    write_gait(gaitbase, tmp_path, "gaitbase")
    client = OnnxClient(tmp_path, timeout=600.0)
    try:
        embedder = WindowEmbedder(client, describe(client, "gaitbase"), 30, deadline=60.0)
        frames = np.zeros((199, 64, 64), np.uint8)
        frames[::2] = np.random.default_rng(3).integers(0, 256, (100, 64, 64), dtype=np.uint8)
        chosen = embedder.embed(frames).result()["embedding"]
        np.testing.assert_array_equal(chosen, embedder.embed(frames[::2]).result()["embedding"])
    finally:
        client.close()


@pytest.mark.slow
def test_a_trained_network_is_exported_with_its_mirror_image_and_prior(tmp_path):
    torch.manual_seed(0)
    network = CentredGaitSet(4)
    network.prior.normal_(std=0.1)
    export = export_network("centred-gaitset", network.eval(), window=3)
    (tmp_path / "model.onnx").write_bytes(export.whole)
    state = read_served_state(tmp_path / "model.onnx")
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


def test_a_file_without_parameters_is_nothing_to_start_from(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not ONNX")
    with pytest.raises(CheckpointError, match="readable ONNX"):
        read_served_state(tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match="is not there: give the path"):
        read_served_state(tmp_path / "none.onnx")


@pytest.mark.slow
def test_without_its_mirror_image_a_trained_network_does_half_the_work(tmp_path):
    torch.manual_seed(0)
    network = CentredGaitSet(4)
    torch.save(network.state_dict(), tmp_path / "network.pth")
    export = export_network(*read_gait(tmp_path / "network.pth", one_sided=True))
    assert not export.network.mirrored
    frames = torch.rand(1, 3, 64, 44)
    with torch.no_grad():
        assert len(export.network.frame_features(frames[0])) == 3
        one, two = export.network(frames), export.network(frames.flip(3))
        assert not torch.allclose(one, two, atol=1e-3)
        both = torch.nn.functional.normalize(one + two, dim=2)
        assert torch.allclose(network.eval()(frames), both, atol=1e-5), "the prior is 0"
    torch.save(GaitBase(5).state_dict(), tmp_path / "other.pt")
    with pytest.raises(UsageError, match="leave --one-sided out"):
        read_gait(tmp_path / "other.pt", one_sided=True)
