import shutil

import numpy as np
import pytest

from rt_gait_ros.serving.inference import InferenceError, ModelMismatch, Sequence, SequenceLost
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_repository, write_python_repository
from rt_gait_ros.serving.streaming import (
    GrowingSet,
    SlidingWindow,
    StreamingNetwork,
    StreamRequest,
    stream_request,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def frames():
    return np.random.default_rng(2).integers(0, 256, (40, 64, 64), dtype=np.uint8)


@pytest.fixture
def network(streaming_repository):
    """network(name, clock) opens a streaming network that forgets after ten seconds."""

    def open_network(name, clock=Clock()):  # noqa: B008  # a clock that stands
        model = read_repository(streaming_repository)[name]
        return StreamingNetwork(model.model_file.parent, model.spec, 1, 10.0, clock)

    return open_network


def ask(identity, frames, answer=True, **flags):
    return StreamRequest(Sequence(identity, **flags), frames, answer)


@pytest.mark.parametrize("chunk", [1, 3, 7, 20])
@pytest.mark.parametrize("window", [1, 2, 5, 6, 30])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_sliding_window_is_the_maximum_of_the_last_frames(window, chunk, dtype):
    features = np.random.default_rng(0).normal(100, 20, (67, 5)).astype(dtype)
    state = SlidingWindow(window)
    for start in range(0, len(features), chunk):
        state.add(features[start : start + chunk])
        end = min(start + chunk, len(features))
        np.testing.assert_array_equal(state.pooled(), features[max(0, end - window) : end].max(axis=0))
        assert state.frames == end
        assert state.pooled().dtype == dtype


def test_growing_set_is_the_maximum_of_all_frames():
    features = -np.random.default_rng(0).random((20, 5))
    state = GrowingSet()
    for row in features:
        state.add(row[None])
    np.testing.assert_array_equal(state.pooled(), features.max(axis=0))


def test_states_do_not_change_the_features_they_are_given():
    features = np.random.default_rng(0).random((12, 3))
    before = features.copy()
    for state in (GrowingSet(), SlidingWindow(4)):
        for row in range(12):
            state.add(features[row : row + 1])
            state.pooled()
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize(("name", "window"), [("window_stream", 6), ("growing_stream", 1000)])
def test_interleaved_sequences_of_any_lengths_in_one_run(network, frames, embed_whole, name, window):
    streaming = network(name)
    generator = np.random.default_rng(4)
    sent = {identity: np.zeros((0, 64, 64), np.uint8) for identity in (3, 5, 2**63 - 1)}
    for step in range(8):
        requests = []
        for identity in generator.permutation(list(sent)):
            new = frames[generator.integers(0, 40, generator.integers(1, 9))]
            sent[identity] = np.concatenate([sent[identity], new])
            requests.append(ask(int(identity), new, start=step == 0))
        for request, answer in zip(requests, streaming.run(requests), strict=True):
            expected = embed_whole(sent[request.sequence.id][-window:])
            np.testing.assert_allclose(answer["embedding"][0], expected, atol=1e-4)
            assert answer["frames"].item() == len(sent[request.sequence.id])


def test_head_is_silent_where_no_answer_is_due(network, frames):
    silent, loud = network("window_stream").run(
        [ask(1, frames[:3], answer=False, start=True), ask(2, frames[:3], start=True)]
    )
    assert np.isnan(silent["embedding"]).all()
    assert silent["embedding"].shape == loud["embedding"].shape
    assert np.isfinite(loud["embedding"]).all()
    assert silent["frames"].item() == 3


def test_start_resets_and_end_forgets(network, frames, embed_whole):
    streaming = network("growing_stream")
    streaming.run([ask(1, frames[:5], start=True)])
    (answer,) = streaming.run([ask(1, frames[5:8], start=True)])
    np.testing.assert_allclose(answer["embedding"][0], embed_whole(frames[5:8]), atol=1e-4)
    (answer,) = streaming.run([ask(1, frames[8:9], end=True)])
    assert answer["frames"].item() == 4
    assert len(streaming) == 0
    (lost,) = streaming.run([ask(1, frames[9:10])])
    assert isinstance(lost, SequenceLost)


def test_unknown_sequence_spoils_no_other(network, frames, embed_whole):
    lost, answer = network("growing_stream").run([ask(1, frames[:3]), ask(2, frames[3:5], start=True)])
    assert isinstance(lost, SequenceLost)
    np.testing.assert_allclose(answer["embedding"][0], embed_whole(frames[3:5]), atol=1e-4)


def test_idle_sequences_are_dropped(network, frames):
    clock = Clock()
    streaming = network("window_stream", clock)
    streaming.run([ask(1, frames[:1], start=True), ask(2, frames[:1], start=True)])
    clock.now = 8.0
    streaming.run([ask(2, frames[:1])])
    clock.now = 12.0
    idle, busy = streaming.run([ask(1, frames[:1]), ask(2, frames[:1])])
    assert isinstance(idle, SequenceLost)
    assert busy["frames"].item() == 3


def test_black_frames_and_a_single_one_have_an_embedding(network, embed_whole):
    black = np.zeros((1, 64, 64), np.uint8)
    (answer,) = network("window_stream").run([ask(1, black, start=True)])
    np.testing.assert_allclose(answer["embedding"][0], embed_whole(black), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "answer"), [((1, 0, 64, 64), (1, 1)), ((2, 3, 64, 64), (2, 1)), ((1, 3, 64, 64), (1, 2))]
)
def test_a_request_is_at_least_one_frame_of_one_sequence(shape, answer):
    inputs = {"gait_frames": np.zeros(shape, np.uint8), "answer": np.ones(answer, np.uint8)}
    with pytest.raises(ModelMismatch, match="at least one frame of one sequence"):
        stream_request(inputs, Sequence(1))


def test_network_without_its_parts_is_named(streaming_repository, tmp_path):
    model = read_repository(streaming_repository)["window_stream"]
    with pytest.raises(InferenceError, match=r"frames\.onnx"):
        StreamingNetwork(tmp_path, model.spec, 1, 10.0)


def test_network_that_does_not_say_its_window_is_named(streaming_repository, tmp_path, frames):
    name = next(path.name for path in streaming_repository.iterdir())
    shutil.copytree(streaming_repository / name, tmp_path / name)
    config = tmp_path / name / "config.pbtxt"
    config.write_text(config.read_text().replace("stream_window", "window"))
    client = OnnxClient(tmp_path)
    inputs = {"gait_frames": frames[None, :3], "answer": np.ones((1, 1), np.uint8)}
    error = client.submit(name, inputs, sequence=Sequence(1, start=True)).exception()
    client.close()
    assert isinstance(error, ModelMismatch)
    assert "stream_window ''" in str(error)


def test_client_demands_a_sequence(streaming_repository, frames):
    client = OnnxClient(streaming_repository)
    inputs = {"gait_frames": frames[None, :3], "answer": np.ones((1, 1), np.uint8)}
    assert isinstance(client.submit("window_stream", inputs).exception(60), ModelMismatch)
    client.close()


def test_python_repository_keeps_the_sequences_and_leaves_the_state_to_the_script(streaming_repository, tmp_path):
    write_python_repository(streaming_repository, tmp_path / "python")
    model = (tmp_path / "python" / "window_stream" / "config.pbtxt").read_text()
    assert "max_candidate_sequences" in model
    assert "state {" not in model
    assert {path.name for path in (tmp_path / "python/window_stream/1").iterdir()} == {
        "frames.onnx",
        "head.onnx",
        "model.onnx",
        "model.py",
    }
