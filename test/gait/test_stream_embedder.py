"""Streamed embeddings are those of the whole set, whatever becomes of the server."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.embedder import WindowEmbedder, read_embedding
from rt_gait_ros.gait.model import GaitModel, describe
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.stream_embedder import CHUNK, StreamEmbedder, embedder_for
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.serving.inference import InferenceError, ModelMismatch, Sequence, SequenceLost, ServerUnavailable
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient
from rt_gait_ros.tracking.track import TrackFrame

PATIENT = 60.0  # seconds, for a busy machine


class Recorder:
    """Passes requests on and remembers them. hold: answers are kept until `release`."""

    def __init__(self, client):
        self.client = client
        self.sent = []
        self.answers = []
        self.hold = False
        self.held = []

    def describe(self, model, *, deadline=None):
        return self.client.describe(model, deadline=PATIENT)

    def submit(self, model, inputs, *, deadline=None, sequence=None):
        self.sent.append((inputs, sequence))
        answer = self.client.submit(model, inputs, deadline=deadline, sequence=sequence)
        self.answers.append(answer)
        if not self.hold:
            return answer
        future = Future()
        self.held.append((answer, future))
        return future

    def release(self):
        self.hold = False
        for answer, future in self.held:
            future.set_result(answer.result(PATIENT))
        self.held = []

    def evict(self):
        """Make the server forget the last sequence, as it does with one that was idle for too long."""
        inputs, sequence = self.sent[-1]
        model = "window_stream"
        self.client.submit(model, inputs, deadline=PATIENT, sequence=Sequence(sequence.id, end=True)).result(PATIENT)

    def close(self):
        self.client.close()


@pytest.fixture(scope="module")
def server(triton_installed, streaming_repository) -> Iterator[TritonServer]:
    with TritonServer(streaming_repository) as server:
        yield server


@pytest.fixture(params=["triton", "onnxruntime"])
def client(request, streaming_repository):
    if request.param == "triton":
        made = Recorder(TritonClient(request.getfixturevalue("server").url, timeout=PATIENT))
    else:
        made = Recorder(OnnxClient(streaming_repository, timeout=PATIENT))
    yield made
    made.close()


@pytest.fixture
def in_process(streaming_repository):
    made = Recorder(OnnxClient(streaming_repository, timeout=PATIENT))
    yield made
    made.close()


@pytest.fixture
def frames():
    return np.random.default_rng(8).integers(0, 256, (64, 64, 64), dtype=np.uint8)


def streaming(client, name="window_stream", buffer=30):
    return StreamEmbedder(client, describe(client, name), buffer, PATIENT)


def ask(embedder, body_id="abcde"):
    return read_embedding(embedder.request(body_id).result(PATIENT), embedder.model)


def show(embedder, frames, body_id="abcde"):
    for frame in frames:
        embedder.add(body_id, frame)


def connected(client):
    """Wait until the client has found a server that came back."""
    end = time.monotonic() + PATIENT
    while not client.ready() and time.monotonic() < end:
        time.sleep(0.02)


def test_the_network_says_which_embedder_it_needs(in_process):
    whole = embedder_for(in_process, describe(in_process, "window"), 30, 1.0)
    stream = embedder_for(in_process, describe(in_process, "window_stream"), 30, 1.0)
    assert isinstance(whole, WindowEmbedder)
    assert isinstance(stream, StreamEmbedder)
    assert stream.model.stream_window == 6


@pytest.mark.parametrize(("name", "window"), [("window_stream", 6), ("growing_stream", 1000)])
def test_interleaved_tracks_in_any_order_are_their_whole_sets(client, frames, embed_whole, name, window):
    embedder = streaming(client, name)
    generator = np.random.default_rng(3)
    shown = {body_id: [] for body_id in ("aaaaa", "bbbbb", "ccccc")}
    for _ in range(60):
        body_id = generator.choice(list(shown))
        frame = frames[generator.integers(0, 20)]  # some come again
        shown[body_id].append(frame)
        embedder.add(body_id, frame)
        if generator.random() < 0.4:
            expected = embed_whole(np.stack(shown[body_id][-window:]))
            np.testing.assert_allclose(ask(embedder, body_id), expected, atol=1e-4)
            assert embedder.frames(body_id) == min(len(shown[body_id]), window)


def test_repeats_do_not_change_a_growing_set(client, frames, embed_whole):
    embedder = streaming(client, "growing_stream")
    show(embedder, frames[:8])
    show(embedder, frames[3:6])
    np.testing.assert_allclose(ask(embedder), embed_whole(frames[:8]), atol=1e-4)


def test_every_frame_travels_once_and_the_head_runs_when_asked(in_process, frames, embed_whole):
    embedder = streaming(in_process, "growing_stream")
    for frame in frames[: 4 * CHUNK]:
        embedder.add("abcde", frame)
        while embedder._tracks["abcde"].pending:
            pass
    np.testing.assert_allclose(ask(embedder), embed_whole(frames[: 4 * CHUNK]), atol=1e-4)
    travelled = np.concatenate([inputs["gait_frames"][0] for inputs, _ in in_process.sent])
    np.testing.assert_array_equal(travelled, frames[: 4 * CHUNK])
    answers = [bool(inputs["answer"].item()) for inputs, _ in in_process.sent]
    assert len(answers) >= 4
    assert answers == [False] * (len(answers) - 1) + [True]


def test_requests_of_a_track_wait_for_one_another(in_process, frames, embed_whole):
    embedder = streaming(in_process)
    show(embedder, frames[:4])
    in_process.hold = True
    first = embedder.request("abcde")
    show(embedder, frames[4:9])
    second = embedder.request("abcde")
    assert len(in_process.sent) == 1
    in_process.release()
    model = embedder.model
    np.testing.assert_allclose(read_embedding(first.result(PATIENT), model), embed_whole(frames[:4]), atol=1e-4)
    np.testing.assert_allclose(read_embedding(second.result(PATIENT), model), embed_whole(frames[3:9]), atol=1e-4)


def test_asking_twice_sends_nothing_twice(in_process, frames):
    embedder = streaming(in_process)
    show(embedder, frames[:4])
    first = ask(embedder)
    np.testing.assert_array_equal(ask(embedder), first)
    assert len(in_process.sent) == 1


def test_more_frames_than_the_window_before_the_first_question(client, frames, embed_whole):
    embedder = streaming(client)
    show(embedder, frames[:9])
    np.testing.assert_allclose(ask(embedder), embed_whole(frames[3:9]), atol=1e-4)


def test_evicted_sequence_is_rebuilt_at_once(client, frames, embed_whole):
    embedder = streaming(client)
    show(embedder, frames[:7])
    ask(embedder)
    client.evict()
    show(embedder, frames[7:9])
    np.testing.assert_allclose(ask(embedder), embed_whole(frames[3:9]), atol=1e-4)
    assert client.sent[-1][1].start
    assert embedder.frames("abcde") == 6


def test_evicted_growing_set_begins_again_from_the_buffer(in_process, frames, embed_whole):
    embedder = streaming(in_process, "growing_stream", buffer=10)
    show(embedder, frames[:8])
    ask(embedder)
    show(embedder, frames[8:15])
    ask(embedder)
    assert embedder.frames("abcde") == 15
    _, sequence = in_process.sent[-1]
    in_process.client.submit(
        "growing_stream", in_process.sent[-1][0], deadline=PATIENT, sequence=Sequence(sequence.id, end=True)
    ).result(PATIENT)
    show(embedder, frames[15:17])
    np.testing.assert_allclose(ask(embedder), embed_whole(frames[7:17]), atol=1e-4)
    assert embedder.frames("abcde") == 10


def test_server_that_restarts_in_mid_stream_is_noticed(
    triton_installed, streaming_repository, frames, embed_whole, tmp_path
):
    with TritonServer(streaming_repository) as server:
        client = TritonClient(server.url, timeout=PATIENT)
        embedder = StreamEmbedder(client, describe(client, "window_stream"), 30, PATIENT)
        show(embedder, frames[:7])
        ask(embedder)
        server.stop()
        show(embedder, frames[7:9])
        assert isinstance(embedder.request("abcde").exception(PATIENT), ServerUnavailable)
        server.start()
        connected(client)
        show(embedder, frames[9:11])
        np.testing.assert_allclose(ask(embedder), embed_whole(frames[5:11]), atol=1e-4)
        # and one that came back between two questions, so that no request failed
        server.stop()
        server.start()
        connected(client)
        show(embedder, frames[11:12])
        np.testing.assert_allclose(ask(embedder), embed_whole(frames[6:12]), atol=1e-4)
        client.close()


def test_dropped_track_begins_anew_and_frees_the_server(client, frames, embed_whole):
    embedder = streaming(client)
    show(embedder, frames[:5])
    ask(embedder)
    embedder.drop("abcde")
    embedder.drop("abcde")
    assert client.sent[-1][1].end
    assert embedder.frames("abcde") == 0
    show(embedder, frames[5:7])
    np.testing.assert_allclose(ask(embedder), embed_whole(frames[5:7]), atol=1e-4)


def test_renamed_track_goes_on_in_its_sequence(client, frames, embed_whole):
    embedder = streaming(client)
    show(embedder, frames[20:25], "fghij")
    ask(embedder, "fghij")
    show(embedder, frames[:3])
    ask(embedder)
    sequence = client.sent[-1][1].id
    embedder.rename("abcde", "fghij")
    assert client.sent[-1][1].end  # of what was known as fghij
    show(embedder, frames[3:5], "fghij")
    np.testing.assert_allclose(ask(embedder, "fghij"), embed_whole(frames[:5]), atol=1e-4)
    assert client.sent[-1][1].id == sequence
    embedder.rename("abcde", "fghij")  # nobody knows abcde any more
    assert embedder.frames("fghij") == 0


def test_sequence_apart_from_any_track(client, frames, embed_whole):
    embedder = streaming(client, "growing_stream")
    np.testing.assert_allclose(
        read_embedding(embedder.embed(frames[:20]).result(PATIENT), embedder.model), embed_whole(frames[:20]), atol=1e-4
    )
    window = streaming(client)
    chosen = frames[np.linspace(0, 19, 6).round().astype(int)]
    np.testing.assert_allclose(
        read_embedding(window.embed(frames[:20]).result(PATIENT), window.model), embed_whole(chosen), atol=1e-4
    )


class Miscounting:
    """Stands for a server whose sequences are not what was sent. wrong: answers left that are."""

    def __init__(self, wrong, value=0.0):
        self.wrong = wrong
        self.value = value
        self.frames = {}
        self.starts = 0

    def submit(self, model, inputs, *, deadline=None, sequence=None):
        self.starts += sequence.start
        before = 0 if sequence.start else self.frames[sequence.id]
        self.frames[sequence.id] = before + inputs["gait_frames"].shape[1]
        told = self.frames[sequence.id]
        if self.wrong and not sequence.start:
            self.wrong -= 1
            told += 1
        future = Future()
        future.set_result(
            {"embedding": np.full((1, 1, 2), self.value, np.float32), "frames": np.array([[told]], np.int32)}
        )
        return future


MODEL = GaitModel("stream", "silhouette", (64, 64), 1, 6, (1, 2), stream_window=6)


def test_another_count_than_was_sent_means_another_set(frames):
    client = Miscounting(wrong=1)
    embedder = StreamEmbedder(client, MODEL, 6, 1.0)
    show(embedder, frames[:3])
    ask(embedder)
    show(embedder, frames[3:5])
    ask(embedder)
    assert client.starts == 2
    assert client.frames[max(client.frames, key=client.frames.get)] == 5


def test_embedding_with_nan_is_refused(frames):
    embedder = StreamEmbedder(Miscounting(0, np.nan), MODEL, 6, 1.0)
    show(embedder, frames[:1])
    with pytest.raises(InferenceError, match="NaN"):
        ask(embedder)


@pytest.mark.parametrize("frames_given", [None, np.zeros(0, np.int32), np.zeros((2, 1), np.int32)])
def test_a_network_that_does_not_count_its_frames_is_said_and_asked_again(frames, frames_given):
    class Uncounted:
        def submit(self, model, inputs, *, deadline=None, sequence=None):
            future = Future()
            counted = {} if frames_given is None else {"frames": frames_given}
            future.set_result({"embedding": np.ones((1, 1, 2), np.float32), **counted})
            return future

    embedder = StreamEmbedder(Uncounted(), MODEL, 6, 1.0)
    for shown in (frames[:1], frames[1:2]):
        show(embedder, shown)
        with pytest.raises(ModelMismatch, match="frames"):
            ask(embedder)


def test_lost_from_the_start_is_an_error_and_not_a_loop(frames):
    class Hopeless:
        asked = 0

        def submit(self, model, inputs, *, deadline=None, sequence=None):
            self.asked += 1
            future = Future()
            future.set_exception(SequenceLost("gone"))
            return future

    client = Hopeless()
    embedder = StreamEmbedder(client, MODEL, 6, 1.0)
    show(embedder, frames[:1])
    assert isinstance(embedder.request("abcde").exception(1), SequenceLost)
    assert client.asked == 1


def test_recogniser_streams_a_network_that_can(in_process, tmp_path, walk, frames):
    config = RecognizerConfig(
        model="window_stream",
        min_frames=6,
        refresh_every=5,
        decision_embeddings=3,
        agreeing_embeddings=2,
        accept_distance=10.0,
        margin=0.0,
    )
    recognizer = GaitRecognizer(in_process, Gallery(tmp_path / "people.gallery"), config)
    for image in range(60):
        if image == 1:
            enrollment = recognizer.enroll("abcde", "Ada", frames=12)
        shown = replace(walk("abcde", 0), gait_frame=frames[image])
        answer = recognizer.update(TrackFrame(image * 40_000_000, "camera", 640, 480, tracks=[shown]))
        for future in in_process.answers:
            future.result(PATIENT)
    assert enrollment.done
    assert enrollment.message == ""
    assert answer.identities[0].name == "Ada"
    assert answer.identities[0].frames_used == 6
    streamed = [inputs["gait_frames"] for inputs, sequence in in_process.sent if not sequence.end]
    assert sum(frames.shape[1] for frames in streamed) <= 60
