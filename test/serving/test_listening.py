"""Where a server listens: when all of it is there."""

import contextlib
import socket
from pathlib import Path

import pytest

from rt_gait_ros.serving.listening import Ports, PrivateSocket


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
