"""Memory that is shared with a server: who gets a place, what becomes of it, and servers that take none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException
from waiting import until

from rt_gait_ros.serving import shared_inputs
from rt_gait_ros.serving.inference import ServerUnavailable
from rt_gait_ros.serving.listening import Ports
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.shared_inputs import LEAST_BYTES, PLACE_BYTES, PLACES, SharedInputs
from rt_gait_ros.serving.triton_client import TritonClient

SHARED = "by shared memory"
# 123 kB of pixels
FRAMES = {"gait_frames": np.random.default_rng(5).integers(0, 256, (1, 30, 64, 64)).astype(np.uint8)}


class Server:
    """What SharedInputs asks of a client; refusal: what it says to that."""

    def __init__(self, refusal: InferenceServerException | None = None) -> None:
        self.refusal = refusal
        self.known: list[str] = []
        self.asked = 0

    def register_system_shared_memory(self, name: str, key: str, size: int, client_timeout: float) -> None:
        self.asked += 1
        assert Path("/dev/shm", key[1:]).stat().st_mode & 0o077 == 0
        if self.refusal is not None:
            raise self.refusal
        self.known.append(name)

    def unregister_system_shared_memory(self, name: str, client_timeout: float) -> None:
        self.known.remove(name)


def shared(server: Any, url: str = "127.0.0.1:8001") -> SharedInputs:
    """That has asked its server, whatever came of it."""
    inputs = SharedInputs(url, server)
    inputs.lend(FRAMES)
    if (asking := inputs._asking) is not None:
        asking.join(300)
    return inputs


def named() -> list[Path]:
    """Memory of this process that others could open."""
    return list(Path("/dev/shm").glob(f"rt_gait_{os.getpid()}_*"))


def test_every_request_has_a_place_of_its_own_until_none_is_left() -> None:
    inputs = shared(Server())
    lent = [inputs.lend(FRAMES) for _ in range(PLACES + 1)]
    assert [one is None for one in lent] == [False] * PLACES + [True]
    offsets = {one.inputs[0]._get_tensor().parameters["shared_memory_offset"].int64_param for one in lent[:-1]}
    assert len(offsets) == PLACES
    lent[3].over("")
    assert inputs.lend(FRAMES) is not None
    assert inputs.lend(FRAMES) is None


@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros(LEAST_BYTES - 1, np.uint8),
        np.zeros(PLACE_BYTES + 1, np.uint8),
        np.full(LEAST_BYTES, "word", object),
    ],
)
def test_what_does_not_suit_a_place_goes_through_the_socket(tensor: np.ndarray) -> None:
    assert shared(Server()).lend({"tensor": tensor}) is None


def test_a_server_elsewhere_is_not_asked() -> None:
    server = Server()
    assert shared(server, "10.0.0.7:8001").state == "by socket: the server is on another machine"
    assert not server.asked


def test_a_server_that_refuses_is_asked_once_and_what_it_says_is_told() -> None:
    server = Server(InferenceServerException("not here,\nnot now", "StatusCode.INTERNAL"))
    inputs = shared(server)
    assert inputs.state == "by socket: the server takes no shared memory: not here, not now"
    assert inputs.lend(FRAMES) is None
    assert inputs._asking is None
    assert server.asked == 1


def test_a_server_that_is_not_there_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_inputs, "_PAUSE", 0.0)
    server = Server(InferenceServerException("nobody", "StatusCode.UNAVAILABLE"))
    inputs = shared(server)
    assert inputs.state == "by socket: the server was not asked yet"
    server.refusal = None
    assert inputs.lend(FRAMES) is None
    assert until(lambda: inputs.state == SHARED)


def test_a_machine_without_such_memory_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared_inputs, "_ROOT", tmp_path / "none")
    assert shared(Server()).state == "by socket: there is no shared memory to be had: No such file or directory"


def test_a_server_started_anew_is_asked_again_and_places_of_before_are_gone() -> None:
    server = Server()
    inputs = shared(server)
    before, other = inputs.lend(FRAMES), inputs.lend(FRAMES)
    assert before is not None
    assert other is not None
    before.over("Unable to find shared memory region: 'it'")
    assert inputs.lend(FRAMES) is None
    assert until(lambda: inputs.state == SHARED)
    other.over("Unable to find shared memory region: 'it'")
    assert inputs.state == SHARED
    assert len(inputs._free) == PLACES


def test_closed_is_closed() -> None:
    server = Server()
    inputs = shared(server)
    assert server.known
    inputs.close()
    assert not server.known
    assert inputs.lend(FRAMES) is None


def test_answers_are_the_same_and_the_memory_has_no_name(small_server: TritonServer) -> None:
    client, plain = (TritonClient(small_server.url, timeout=120.0, shared_memory=on) for on in (True, False))
    expected = plain.submit("gait_energy_image", FRAMES).result(300.0)["embedding"]
    client.submit("gait_energy_image", FRAMES).result(300.0)
    assert until(lambda: client.inputs_go == SHARED)
    for _ in range(PLACES + 1):
        np.testing.assert_array_equal(client.submit("gait_energy_image", FRAMES).result(300.0)["embedding"], expected)
    assert client._shared is not None
    assert len(client._shared._free) == PLACES
    assert not named()
    assert plain.inputs_go == "by socket"
    client.close()
    plain.close()


def test_a_port_of_the_embedded_server_refuses_and_answers_all_the_same(
    triton_installed: None, private_cache: Path, small_repository: Path, own_ports: Iterator[int]
) -> None:
    with TritonServer(small_repository, Ports(grpc=next(own_ports))) as server:
        client = TritonClient(server.url, timeout=120.0, shared_memory=True)
        client.submit("gait_energy_image", FRAMES).result(300.0)
        assert until(lambda: "takes no shared memory" in client.inputs_go)
        assert client.submit("gait_energy_image", FRAMES).exception(300.0) is None
        client.close()
    assert not named()


def test_a_successor_is_found(small_server: TritonServer) -> None:
    client = TritonClient(small_server.url, timeout=120.0, shared_memory=True)
    client.submit("gait_energy_image", FRAMES).result(300.0)
    assert until(lambda: client.inputs_go == SHARED)
    small_server.stop()
    small_server.start()
    errors: list[BaseException | None] = []

    def answered() -> bool:
        errors.append(client.submit("gait_energy_image", FRAMES).exception(300.0))
        return errors[-1] is None and client.inputs_go == SHARED

    assert until(answered)
    assert all(isinstance(error, ServerUnavailable) for error in errors if error is not None)
    client.close()
