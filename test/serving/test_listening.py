"""Where a server listens: when all of it is there."""

import contextlib
import socket
from pathlib import Path

import pytest

from rt_gait_ros.serving.listening import MeasuredSocket, Ports, PrivateSocket


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


@pytest.mark.parametrize("late", ["http", "metrics"])
def test_ports_are_taken_up_when_the_last_of_them_is(late: str) -> None:
    ports = Ports.free(http=True, metrics=True)
    with contextlib.ExitStack() as held:
        for service in ("grpc", "http", "metrics"):
            if service != late:
                held.enter_context(_listen(getattr(ports, service)))
        assert not ports.taken_up()
        held.enter_context(_listen(getattr(ports, late)))
        assert ports.taken_up()


def test_a_service_that_is_not_asked_for_is_not_waited_for() -> None:
    ports = Ports.free()
    with _listen(ports.grpc):
        assert ports.taken_up()


def test_a_socket_is_taken_up_when_it_is_there(tmp_path: Path) -> None:
    address = PrivateSocket(tmp_path / "socket")
    address.prepare()
    assert not address.taken_up()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address.path))
        assert address.taken_up()


def test_a_measured_socket_opens_shared_memory_on_no_port(tmp_path: Path) -> None:
    flags = MeasuredSocket(tmp_path / "socket", http=8000, metrics=8002).flags()
    assert f"--grpc-address=unix:{tmp_path}/socket/triton" in flags
    assert {"--http-address=127.0.0.1", "--metrics-address=127.0.0.1"} <= set(flags)
    (http,) = [flag for flag in flags if flag.startswith("--http-restricted-api=")]
    assert http.partition("=")[2].partition(":")[0] == "model-repository,trace,logging,shared-memory"
    (grpc,) = [flag for flag in flags if flag.startswith("--grpc-restricted-protocol=")]
    assert grpc.partition("=")[2].partition(":")[0] == "model-repository,trace,logging"
    without = MeasuredSocket(tmp_path / "socket", metrics=8002).flags()
    assert "--allow-http=false" in without
    assert not [flag for flag in without if flag.startswith(("--http-port", "--http-restricted"))]


def test_a_measured_socket_is_taken_up_when_its_ports_are(tmp_path: Path) -> None:
    address = MeasuredSocket(tmp_path / "socket", metrics=Ports.free(metrics=True).metrics)
    address.prepare()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address.path))
        assert not address.taken_up()
        with _listen(address.metrics):
            assert address.taken_up()


def test_networks_are_loaded_on_request_on_a_private_socket_alone(tmp_path):
    (rule,) = [flag for flag in PrivateSocket(tmp_path / "socket").flags(control=True) if "restricted" in flag]
    assert rule.partition("=")[2].partition(":")[0] == "trace,logging"
    for listening in (Ports.free(), MeasuredSocket.free(http=True)):
        with pytest.raises(ValueError, match="nobody may load networks"):
            listening.flags(control=True)
