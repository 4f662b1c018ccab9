"""Looking after the embedded server: it dies, freezes, is stopped from elsewhere."""

import errno
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import ServerUnavailable
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.server_state import read_states, stop_server
from rt_gait_ros.serving.supervisor import Supervisor
from rt_gait_ros.serving.triton_client import TritonClient

pytestmark = pytest.mark.usefixtures("triton_installed", "private_cache")

said: list[str] = []


def answers(url: str) -> bool:
    client = TritonClient(url, timeout=120.0)
    try:
        return client.describe("gait_energy_image").name == "gait_energy_image"
    except ServerUnavailable:
        return False
    finally:
        client.close()


@pytest.fixture
def supervisor(small_repository: Path) -> Iterator[Supervisor]:
    """Who takes no server for frozen that only is slow, on whatever machine."""
    said.clear()
    with Supervisor(TritonServer(small_repository), said.append, patience=120.0, period=0.2) as running:
        yield running


@pytest.fixture
def impatient(small_repository: Path) -> Iterator[Supervisor]:
    """Who does not wait long, and on a busy machine may start a server again that would have answered."""
    said.clear()
    with Supervisor(TritonServer(small_repository), said.append, patience=2.0, period=0.2) as running:
        yield running


def stubs(server: TritonServer) -> list[int]:
    children = Path(f"/proc/{server.pid}/task").glob("*/children")
    return [int(pid) for path in children for pid in path.read_text().split()]


def test_a_killed_server_is_started_again_at_its_address(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rt_gait_ros.serving.supervisor.STEADY", math.inf)
    url = supervisor.server.url
    for number in (1, 2):
        os.kill(supervisor.server.pid, signal.SIGKILL)
        assert until(lambda number=number: supervisor.restarts == number)
        assert supervisor.server.url == url
        assert answers(url)
    assert any("the Triton server has ended" in line and "again in 0.5 s" in line for line in said)
    assert any("again in 1 s" in line for line in said)  # two failures in a row: it backs off
    assert until(lambda: said[-1].startswith("the Triton server runs"))
    assert said[-1] == f"the Triton server runs again at {url}"


def test_a_start_that_the_system_refuses_is_tried_again(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart, refused = supervisor.server.restart, []

    def refused_once(**options: object) -> TritonServer:
        if not refused:
            refused.append(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
            raise refused[0]
        return restart(**options)

    monkeypatch.setattr(supervisor.server, "restart", refused_once)
    os.kill(supervisor.server.pid, signal.SIGKILL)
    assert until(lambda: supervisor.restarts == 1)
    assert answers(supervisor.server.url)
    assert any("Cannot allocate memory: starting it again in 1 s" in line for line in said)


def test_who_cannot_look_after_a_server_any_more_says_so_and_stops_it(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> None:
        raise UsageError("the repository is gone")

    monkeypatch.setattr(supervisor, "_watch", lost)
    os.kill(supervisor.server.pid, signal.SIGKILL)
    assert until(lambda: supervisor.ended)
    assert not supervisor.server.alive
    assert said[-1] == "the Triton server is stopped, and not looked after any more: the repository is gone"


@pytest.mark.parametrize("frozen", ["server", "network"])
def test_a_frozen_server_is_noticed_and_started_again(impatient: Supervisor, frozen: str) -> None:
    pids = stubs(impatient.server) if frozen == "network" else [impatient.server.pid]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert until(lambda: impatient.restarts >= 1)
    assert until(lambda: answers(impatient.server.url))
    assert any("not answered twice in a row (network gait_energy_image)" in line for line in said)


def test_a_server_that_cannot_start_is_an_error_at_once(small_repository: Path) -> None:
    (small_repository / "gait_energy_image/config.pbtxt").write_text("name: ")
    with pytest.raises(UsageError, match="cannot be read"):
        Supervisor(TritonServer(small_repository), said.append).start()


def test_a_server_that_is_stopped_from_another_shell_stays_so(supervisor: Supervisor) -> None:
    (state,) = read_states()
    stop_server(state)
    assert until(lambda: supervisor.ended)
    assert supervisor.restarts == 0
    assert any("stopped from another shell" in line for line in said)
    assert not read_states()


def test_the_end_does_not_wait_for_a_start(small_repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor(TritonServer(small_repository), said.append)
    stopping = threading.Thread(target=supervisor.stop)

    def never(*_: object, **__: object) -> bool:
        if stopping.ident is None:
            stopping.start()
        time.sleep(0.05)
        return False

    monkeypatch.setattr(TritonClient, "ready", never)
    with pytest.raises(Exception, match="stopped while it started"):
        supervisor.start()
    stopping.join()
