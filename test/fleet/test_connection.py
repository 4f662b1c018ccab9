"""Connections over TLS, with a real server: what the address says of it reaches libpq, and is not weakened."""

import socket
import struct
import threading

import certificate
import pytest
from postgres_server import PASSWORD

from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import AccessDenied, connected


@pytest.fixture
def place(debian, monkeypatch):
    """place(sslmode=…) is the server's address over TLS."""
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    def make(host="localhost", **settings):
        words = "&".join(f"{name}={value}" for name, value in settings.items())
        return parse(f"postgresql://robot@{host}:{debian.port}/postgres?{words}")

    return make


def test_a_server_whose_certificate_fits_is_spoken_to_in_secret(place, debian):
    with connected(place(sslmode="verify-full", sslrootcert=debian.certificate), any_schema=True) as connection:
        assert connection.info.pgconn.ssl_in_use
        row = connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()
    assert row == (True,)


@pytest.mark.parametrize("what", ["another authority", "another name", "the system's authorities"])
def test_a_server_whose_certificate_does_not_fit_is_told_nothing(place, debian, tmp_path, what):
    trusted, host = debian.certificate, "localhost"
    if what == "another authority":
        trusted = tmp_path / "other.crt"
        trusted.write_bytes(certificate.make("localhost")[1])
    elif what == "another name":
        host = "127.0.0.1"
    else:
        trusted = "system"
    with (
        pytest.raises(AccessDenied, match=r"TLS does not fit .*see sslmode and sslrootcert") as caught,
        connected(place(host, sslmode="verify-full", sslrootcert=trusted), any_schema=True),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_server_elsewhere_that_speaks_no_tls_is_told_nothing():
    """The default, by libpq itself: neither Debian's server nor a library for certificates is needed."""
    pytest.importorskip("psycopg", reason="the extra [fleet] is not installed")
    told = []

    def answer():
        near, _ = listener.accept()
        with near:
            near.settimeout(60)
            told.append(near.recv(8))
            near.sendall(b"N")  # no TLS here
            told.append(near.recv(1024))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        where = f"db.example:{listener.getsockname()[1]}"
        place = f"postgresql://robot@{where}/postgres?hostaddr=127.0.0.1&gssencmode=disable"
        with pytest.raises(AccessDenied, match="TLS does not fit"), connected(parse(place), any_schema=True):
            pass
        thread.join(60)
    asks_for_tls = struct.pack(">ii", 8, 80877103)  # PostgreSQL's SSLRequest
    assert told == [asks_for_tls, b""]
