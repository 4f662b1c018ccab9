"""What only a server can do to its client: be absent, come late, die in the middle and come back."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from waiting import until

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import DeadlineExceeded, InferenceError, ServerUnavailable
from rt_gait_ros.serving.listening import Ports
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient

FRAMES = {"gait_frames": np.ones((1, 3, 64, 64), np.uint8)}


def answers(client: TritonClient) -> bool:
    return client.submit("gait_energy_image", FRAMES, deadline=5.0).exception() is None


@pytest.fixture
def nobody(own_ports: Iterator[int]) -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{next(own_ports)}"


def test_absent_server_is_said_at_once(nobody: str) -> None:
    client = TritonClient(nobody, timeout=600.0)  # far longer than the test may take: nobody waits for it
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ServerUnavailable)
    assert nobody in str(error)
    assert "rt-gait triton up" in str(error)
    with pytest.raises(ServerUnavailable, match=nobody):
        client.describe("gait_energy_image")
    assert not client.ready()
    client.close()


def test_address_that_is_none_is_an_absent_server() -> None:
    client = TritonClient("no-such-host.invalid:8001", timeout=5.0)
    assert isinstance(client.submit("m", FRAMES).exception(), (ServerUnavailable, DeadlineExceeded))
    client.close()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://127.0.0.1:8000", r"leave http:// out, and name the gRPC port .*127\.0\.0\.1:8001"),
        ("grpc://robot:8001", "leave grpc:// out, for example robot:8001"),
        ("127.0.0.1", "not HOST:PORT"),
        ("robot:grpc", "not HOST:PORT"),
        ("robot:70000", "not HOST:PORT"),
        ("robot:8001/v2", "not HOST:PORT"),
        (":8001", "not HOST:PORT"),
        ("", "not HOST:PORT"),
    ],
)
def test_address_of_another_kind_is_refused(url: str, line: str) -> None:
    with pytest.raises(UsageError, match=line):
        TritonClient(url)


@pytest.mark.parametrize("url", ["[::1]:8001", "dns:///localhost:8001", "unix:/run/triton", "robot.local:65535"])
def test_addresses_that_grpc_knows_are_taken(url: str) -> None:
    TritonClient(url).close()


@pytest.mark.parametrize("service", ["http", "metrics"])
def test_a_port_of_another_service_is_named(
    triton_installed: None, private_cache: Path, small_repository: Path, service: str
) -> None:
    ports = Ports.free(http=True, metrics=True)
    with TritonServer(small_repository, ports):
        client = TritonClient(f"127.0.0.1:{getattr(ports, service)}", timeout=120.0)
        for error in (client.submit("gait_energy_image", FRAMES).exception(), _described(client)):
            assert isinstance(error, ServerUnavailable)
            assert "does not speak gRPC: name the port of Triton's gRPC service" in str(error)
        client.close()


def _described(client: TritonClient) -> BaseException:
    with pytest.raises(ServerUnavailable) as raised:
        client.describe("gait_energy_image")
    return raised.value


def test_late_server_is_found(triton_installed: None, private_cache, small_repository) -> None:
    server = TritonServer(small_repository)
    client = TritonClient(server.url)
    assert not answers(client)
    with server:
        assert until(lambda: answers(client))
    client.close()


def test_killed_server_fails_open_calls_and_its_successor_is_found(small_server: TritonServer) -> None:
    client = TritonClient(small_server.url, timeout=120.0)
    assert answers(client)
    # stopped, it takes requests and answers none: these are open for certain when it is killed
    os.kill(small_server.pid, signal.SIGSTOP)
    status = Path(f"/proc/{small_server.pid}/stat")
    assert until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T")
    futures = [client.submit("gait_energy_image", FRAMES) for _ in range(20)]
    os.kill(small_server.pid, signal.SIGKILL)
    assert all(isinstance(future.exception(300.0), ServerUnavailable) for future in futures)
    assert until(lambda: not small_server.alive)
    assert isinstance(client.submit("gait_energy_image", FRAMES).exception(300.0), ServerUnavailable)

    small_server.stop()
    small_server.start()
    assert until(lambda: answers(client))
    client.close()


def test_a_server_outlives_requests_that_nobody_waits_for_any_more(small_server: TritonServer) -> None:
    """Taken back while they were answered, some hundred of them ended Triton 24.10 within seconds."""
    end = time.monotonic() + 5.0
    late: list[DeadlineExceeded] = []

    def ask(seed: int) -> None:
        random = np.random.default_rng(seed)
        while time.monotonic() < end:
            client = TritonClient(small_server.url)
            for _ in range(random.integers(1, 100)):
                deadlines = random.uniform(0.0005, 0.004, random.integers(1, 5))
                futures = [client.submit("gait_energy_image", FRAMES, deadline=deadline) for deadline in deadlines]
                errors = [future.exception() for future in futures]
                late.extend(error for error in errors if isinstance(error, DeadlineExceeded))
            for _ in range(4):
                client.submit("gait_energy_image", FRAMES)
            client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert late
    assert small_server.alive, small_server.last_error()


def test_no_more_is_sent_to_a_server_that_still_works_at_what_came_too_late(small_server: TritonServer) -> None:
    client = TritonClient(small_server.url)
    assert answers(client)
    stub_folder = Path(f"/proc/{small_server.pid}/task")
    stubs = [int(pid) for task in stub_folder.glob("*/children") for pid in task.read_text().split()]
    for pid in stubs:
        os.kill(pid, signal.SIGSTOP)
    errors = [client.submit("gait_energy_image", FRAMES, deadline=0.01).exception(60.0) for _ in range(20)]
    for pid in stubs:
        os.kill(pid, signal.SIGCONT)
    assert all(isinstance(error, DeadlineExceeded) for error in errors)
    assert "still works at 8 requests whose time is over" in str(errors[-1])
    assert until(lambda: answers(client))
    client.close()


def test_threads_share_a_client(triton_server: TritonServer) -> None:
    client = TritonClient(triton_server.url, timeout=120.0)
    wrong: list[int] = []

    def ask(number: int) -> None:
        silhouette = np.zeros((1, 1, 64, 64), np.uint8)
        silhouette[..., 20 + number] = 255
        for _ in range(10):
            embedding = client.submit("gait_energy_image", {"gait_frames": silhouette}).result()["embedding"]
            if embedding.reshape(64, 44).argmax(axis=1)[0] != 10 + number:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
    client.close()


def test_where_no_thread_can_be_started_the_future_says_so(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, submit itself raised, and shared memory was never asked for again."""

    def fails(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    client = TritonClient(nobody, timeout=600.0, shared_memory=True)
    large = {"gait_frames": np.ones((1, 30, 64, 64), np.uint8)}
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        error = client.submit("gait_energy_image", large).exception(0.0)
    assert isinstance(error, InferenceError)
    assert "can't start new thread" in str(error)
    assert isinstance(client.submit("gait_energy_image", large).exception(60.0), ServerUnavailable)
    assert client._shared is not None
    assert client._shared._again > 0.0 or client._shared._asking is not None
    client.close()
