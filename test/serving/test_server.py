"""The embedded server: starting, refusing to, stopping, being found again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.server import Ports, ServerFailed, TritonServer, read_states, run_folder, stop_server
from rt_gait_ros.serving.triton_client import TritonClient

pytestmark = pytest.mark.usefixtures("triton_installed", "private_cache")


def until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def ready(url: str) -> bool:
    client = TritonClient(url)
    try:
        return client.ready(deadline=2.0)
    finally:
        client.close()


def test_server_is_ready_when_started_and_gone_when_stopped(small_repository: Path) -> None:
    server = TritonServer(small_repository)
    with server:
        assert server.alive
        assert ready(server.url)
        (state,) = read_states()
        assert (state.pid, state.url, state.repository) == (server.pid, server.url, str(small_repository))
    assert not server.alive
    assert not ready(server.url)
    assert not read_states()
    assert not list(Path("/dev/shm").glob(f"rt_gait_triton_{server.ports.grpc}_*"))


@pytest.mark.parametrize("name", ["http", "grpc", "metrics"])
def test_server_listens_on_one_address_alone(small_server: TritonServer, name: str) -> None:
    port = getattr(small_server.ports, name)
    socket.create_connection(("127.0.0.1", port), 5).close()
    # a server that listens everywhere takes calls to any address of this machine
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), 5)


@pytest.mark.parametrize("name", ["http", "grpc", "metrics"])
def test_taken_port_is_named(small_repository: Path, name: str) -> None:
    ports = Ports.free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", getattr(ports, name)))
        other.listen()
        with pytest.raises(ServerFailed, match=f"{name} port {getattr(ports, name)} is not free"):
            TritonServer(small_repository, ports).start()


def test_bad_repository_is_refused_before_anything_starts(small_repository: Path, private_cache: Path) -> None:
    (small_repository / "gait_energy_image/config.pbtxt").write_text("name: ")
    with pytest.raises(UsageError, match="cannot be read"):
        TritonServer(small_repository).start()
    assert not private_cache.exists()


def test_server_that_dies_says_which_network_it_could_not_load(small_repository: Path) -> None:
    (small_repository / "gait_energy_image/1/model.onnx").write_bytes(b"not a network")
    server = TritonServer(small_repository)
    with pytest.raises(ServerFailed, match=r"failed to load 'gait_energy_image'.*cannot be loaded") as caught:
        server.start()
    assert "\n" not in str(caught.value)
    assert str(server.log) in str(caught.value)
    assert server.log.is_file()
    assert not server.alive


def test_stale_state_file_is_removed(private_cache: Path) -> None:
    folder = run_folder(8001)
    folder.mkdir(parents=True)
    ports = {"http": 8000, "grpc": 8001, "metrics": 8002}
    # the pid lives, but it is another process than the one that was started then
    (folder / "state.json").write_text(
        json.dumps({"pid": os.getpid(), "started": 1, "ports": ports, "repository": "r"})
    )
    assert read_states() == []
    assert not (folder / "state.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_broken_state_file_is_removed(private_cache: Path, content: str) -> None:
    folder = run_folder(8001)
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(content)
    assert read_states() == []
    assert not (folder / "state.json").exists()


def start_elsewhere(repository: Path, detached: bool) -> subprocess.Popen[str]:
    """Another process that starts a server, tells its pid and url, and waits."""
    script = (
        "import sys; from pathlib import Path; from rt_gait_ros.serving.server import TritonServer\n"
        f"server = TritonServer(Path({str(repository)!r})).start(detached={detached})\n"
        "print(server.pid, server.url, flush=True); sys.stdin.read()"
    )
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def running(pid: int) -> bool:
    return any(state.pid == pid for state in read_states())


def test_owned_server_dies_with_its_killed_owner(small_repository: Path) -> None:
    owner = start_elsewhere(small_repository, detached=False)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline().split()[0])
    assert running(pid)
    owner.kill()
    owner.wait()
    assert until(lambda: not running(pid))


def test_detached_server_outlives_its_starter_and_is_stopped_from_here(small_repository: Path) -> None:
    starter = start_elsewhere(small_repository, detached=True)
    assert starter.stdout is not None
    assert starter.stdin is not None
    pid, url = starter.stdout.readline().split()
    starter.stdin.close()
    assert starter.wait(20) == 0
    assert ready(url)
    (state,) = read_states()
    assert state.pid == int(pid)
    stop_server(state)
    assert not state.alive
    assert not read_states()


def test_server_that_does_not_end_is_killed(small_server: TritonServer) -> None:
    pid = small_server.pid
    os.kill(pid, signal.SIGSTOP)
    small_server.stop(timeout=0.2)
    assert not Path(f"/proc/{pid}").exists()
