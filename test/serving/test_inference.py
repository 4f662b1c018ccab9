"""The contract of InferenceClient, held by both clients."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.networks.derive import RECIPES
from rt_gait_ros.serving.inference import (
    DeadlineExceeded,
    InferenceClient,
    ModelMismatch,
    ModelUnavailable,
    ServerUnavailable,
)
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.triton_client import TritonClient

Requests = dict[str, dict[str, np.ndarray]]
PATIENT = 60.0  # seconds, for a busy machine


@pytest.fixture(params=["triton", "onnxruntime"])
def client(request: pytest.FixtureRequest, model_repository: Path) -> Iterator[InferenceClient]:
    made: InferenceClient
    if request.param == "triton":
        made = TritonClient(request.getfixturevalue("triton_server").url, timeout=PATIENT)
    else:
        made = OnnxClient(model_repository, timeout=PATIENT)
    yield made
    made.close()


@pytest.mark.parametrize("name", RECIPES)
def test_answers_have_the_described_names_types_and_shapes(
    client: InferenceClient, name: str, requests: Requests
) -> None:
    outputs = client.submit(name, requests[name]).result()
    spec = client.describe(name)
    assert set(outputs) == {tensor.name for tensor in spec.outputs}
    for tensor in spec.outputs:
        output = outputs[tensor.name]
        assert output.dtype == tensor.dtype
        assert len(output.shape) == len(tensor.shape)
        assert all(wanted in (-1, size) for size, wanted in zip(output.shape, tensor.shape, strict=True))
        assert len(output) == len(next(iter(requests[name].values())))


def test_requests_run_at_once_and_each_gets_its_own_answer(client: InferenceClient) -> None:
    frames = np.random.default_rng(5).integers(0, 256, (40, 1, 4, 64, 64)).astype(np.uint8)
    frames[::2, :, 2:] = 0
    # some with two frames, some with four: a server may only batch equals
    asked = [one[:, :2] if i % 2 == 0 else one for i, one in enumerate(frames)]
    futures = [client.submit("gait_energy_image", {"gait_frames": one}) for one in asked]
    for one, future in zip(asked, futures, strict=True):
        mean = one[..., 10:54].astype(np.float64).mean(axis=1).reshape(1, 1, -1)
        np.testing.assert_allclose(future.result()["embedding"], mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize(
    "inputs",
    [
        {"gait_frames": np.zeros((1, 3, 64, 44), np.uint8)},
        {"gait_frames": np.zeros((3, 64, 64), np.uint8)},
        {"gait_frames": np.zeros((1, 3, 64, 64), np.float32)},
        {"silhouettes": np.zeros((1, 3, 64, 64), np.uint8)},
        {"gait_frames": np.full((1, 3, 64, 64), None)},
        {},
    ],
    ids=["shape", "rank", "dtype", "name", "object", "nothing"],
)
def test_wrong_tensors_are_a_mismatch(client: InferenceClient, inputs: dict[str, np.ndarray]) -> None:
    error = client.submit("gait_energy_image", inputs).exception()
    assert isinstance(error, ModelMismatch)
    assert "gait_energy_image" in str(error)
    assert "\n" not in str(error)


def test_size_that_the_network_cannot_take_is_a_mismatch(client: InferenceClient) -> None:
    error = client.submit("movenet_multipose", {"image": np.zeros((1, 100, 100, 3), np.uint8)}).exception()
    assert isinstance(error, ModelMismatch)
    assert "(1, 100, 100, 3)" in str(error)


def test_unknown_network_is_unavailable(client: InferenceClient) -> None:
    error = client.submit("nobody", {"image": np.zeros((1, 8, 8, 3), np.uint8)}).exception()
    assert isinstance(error, ModelUnavailable)
    assert re.search("no (model|network) 'nobody'", str(error))
    with pytest.raises(ModelUnavailable, match=r"no (model|network) 'nobody'"):
        client.describe("nobody")


def test_late_answer_is_an_error(client: InferenceClient) -> None:
    future = client.submit("openpose_mobilenet_thin", {"image": np.zeros((1, 368, 432, 3), np.uint8)}, deadline=0.002)
    with pytest.raises(DeadlineExceeded, match=r"did not answer within 0\.002 s"):
        future.result(PATIENT)
    good = client.submit("gait_energy_image", {"gait_frames": np.ones((1, 3, 64, 64), np.uint8)})
    assert good.result()["embedding"].any()


def test_closing_fails_what_is_open_and_what_comes_later(client: InferenceClient) -> None:
    picture = {"image": np.zeros((1, 368, 432, 3), np.uint8)}
    futures = [client.submit("openpose_mobilenet_thin", picture) for _ in range(6)]
    client.close()
    assert isinstance(futures[-1].exception(PATIENT), ServerUnavailable)
    assert isinstance(client.submit("openpose_mobilenet_thin", picture).exception(PATIENT), ServerUnavailable)
    client.close()


def test_whoever_hears_an_answer_may_close_the_client(client: InferenceClient) -> None:
    """Before, Triton's client waited for the thread that it was in, and the other raised."""
    picture = {"image": np.zeros((1, 368, 432, 3), np.uint8)}
    closed = threading.Event()

    def close(_: object) -> None:
        client.close()
        closed.set()

    answer, other = (client.submit("openpose_mobilenet_thin", picture) for _ in range(2))
    answer.add_done_callback(close)
    assert closed.wait(PATIENT)
    other.exception(PATIENT)
    assert isinstance(client.submit("openpose_mobilenet_thin", picture).exception(PATIENT), ServerUnavailable)


@pytest.mark.parametrize("name", RECIPES)
def test_server_and_process_give_the_same_numbers(
    name: str, triton_server, model_repository: Path, requests: Requests
) -> None:
    server, process = TritonClient(triton_server.url, timeout=PATIENT), OnnxClient(model_repository, timeout=PATIENT)
    try:
        assert server.describe(name) == process.describe(name)
        one, other = (client.submit(name, requests[name]).result() for client in (server, process))
        for output in one:
            np.testing.assert_allclose(one[output], other[output], rtol=1e-5, atol=1e-5)
    finally:
        server.close()
        process.close()
