"""A PostgreSQL server with pgvector for the tests of a session, and what may come between it and a robot."""

import contextlib
import importlib.util
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import certificate
import numpy as np
import pytest
from backed_up import LINE
from meeting import names
from postgres_server import PASSWORD, PostgresServer, wheel_binaries

from rt_gait_ros.fleet import exchange, opening, rows
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import connected
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template


@pytest.fixture(scope="session", autouse=True)
def _no_variables():
    """What the machine's user set for libpq counts in no test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PG")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def make_server():
    """make_server(binaries) is a running server; it ends with the session. settings: makes some of the server.

    primary: the server whose standby it is.
    """
    made = []

    def make(binaries=None, settings=lambda server: (), primary=None):
        folder = Path(tempfile.mkdtemp(prefix="rt_gait_pg."))
        server = PostgresServer(binaries or wheel_binaries(), folder, primary)
        made.append(server)
        return server.start(*settings(server))

    yield make
    for server in made:
        if server.process is not None and server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(make_server):
    """The server of the session, with the schema and a login role for each right."""
    from rt_gait_ros.fleet.migration import migrate

    server = make_server()
    migrate(parse(server.owner))
    for role in ("reader", "enroller", "admin"):
        server.sql(f"create role {role} login password '{PASSWORD}' in role rt_gait_{role}")
    return server


@pytest.fixture(scope="session")
def debian(make_server):
    """A server of Debian's PostgreSQL, which is called `localhost` and speaks TLS where there is a library for its key.

    certificate: the file that a robot has to trust. Its role `robot` has the password.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL of Debian's is installed")

    def tls(server):
        server.certificate, key = server.folder / "server.crt", server.folder / "server.key"
        if importlib.util.find_spec("cryptography") is None:
            return ()
        for file, data in zip((key, server.certificate), certificate.make("localhost"), strict=True):
            file.write_bytes(data)
            file.chmod(0o600)
            if server.user:
                shutil.chown(file, server.user)
        return ("ssl=on", f"ssl_key_file={key}", f"ssl_cert_file={server.certificate}")

    server = make_server(found[-1].parent, tls)
    server.sql(f"create role robot login password '{PASSWORD}'")
    return server


@pytest.fixture(scope="session")
def _sites():
    return iter(range(1_000_000))


@pytest.fixture
def site(postgres, _sites):
    """A gallery of its own, which the roles may see; `postgres.of(role, site)` names it."""
    name = f"t{next(_sites)}"
    postgres.sql("insert into rt_gait.gallery (site) values (%s)", name)
    postgres.sql("insert into rt_gait.member values (%s, 'reader'), (%s, 'enroller')", name, name)
    return name


@pytest.fixture
def server(postgres, site):
    """The gallery of `site`, on the server itself, for its owner."""
    from rt_gait_ros.fleet.opening import open_gallery

    gallery = open_gallery(f"{postgres.owner}&site={site}")
    yield gallery
    gallery.close()


class Link:
    """A way to a server that can be cut: a port on loopback that passes everything on."""

    def __init__(self, port):
        self.target, self.open = port, True
        self._flowing = threading.Event()
        self._flowing.set()
        self._joined = []
        self._mutex = threading.Lock()  # or a connection that is just being made would outlive a cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._mutex:
                try:
                    if not self.open:
                        raise ConnectionRefusedError
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                self._joined += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self._flowing.wait()
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def cut(self):
        with self._mutex:
            self.open = False
            for each in self._joined:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._joined = []

    def stall(self):
        """Pass nothing on, and end no connection: as a way that is jammed, or a server that is stopped."""
        self._flowing.clear()

    def mend(self):
        self.open = True
        self._flowing.set()

    def close(self):
        self.cut()
        self._flowing.set()
        self._listener.close()


@pytest.fixture
def link(postgres):
    """A way to the server of the session that can be cut."""
    link = Link(postgres.port)
    yield link
    link.close()


@pytest.fixture
def template():
    """template(angle) is a stored look at a walk: a point of the unit circle."""

    def make(angle, frames=None):
        radians = np.deg2rad(angle)
        return Template(np.array([[np.cos(radians), np.sin(radians)]], np.float32), 1, frames)

    return make


@pytest.fixture
def opened():
    """Galleries that a test has opened, which are closed after it."""
    galleries = []
    yield galleries
    for gallery in galleries:
        gallery.close()


@pytest.fixture
def robot(postgres, site, tmp_path, monkeypatch):
    """robot("spot") has a copy and no thread: its `meet()` is one contact with the server.

    place: the gallery's address. cipher: of the copy. networks: as CopyStore has them. shares: whether its scenes are
    backed up. model: its gait network. settings: of the Gallery.
    """
    monkeypatch.setattr(exchange.Exchange, "start", lambda self: None)
    usual = f"{postgres.owner}&site={site}"

    def make(name, place=usual, cipher=None, networks=None, shares=True, model="", **settings):
        address = parse(place if "robot=" in place else f"{place}{'&' if '?' in place else '?'}robot={name}")
        gallery = Gallery(CopyStore(address, tmp_path / name, cipher, networks, model), **settings)
        gallery.store.share_scenes = shares

        def meet():
            with connected(address) as connection:
                gallery.store._exchange.contact(connection)
            gallery.refresh()
            return names(gallery)

        gallery.meet = meet
        return gallery

    make.place = usual
    return make


@pytest.fixture
def dies_at(monkeypatch, postgres):
    """dies_at("push"): the server ends the next connection that comes to this step of an exchange."""

    def arrange(step):
        real = getattr(rows, step)

        def ended(connection, *arguments):
            monkeypatch.setattr(rows, step, real)
            postgres.sql("select pg_terminate_backend(%s, 60000)", connection.info.backend_pid)
            return real(connection, *arguments)

        monkeypatch.setattr(rows, step, ended)

    return arrange


@pytest.fixture
def networks(tmp_path):
    """A model repository with the calibration of one gait network."""
    folder = tmp_path / "networks"
    (folder / "m").mkdir(parents=True)
    calibration.save(folder / "m" / calibration.FILE_NAME,
                     Calibration("m", 1.0, LINE, 10.0, 0.1, 0.01, 10, 10, "generated"))  # fmt: skip
    return folder


@pytest.fixture
def spot(robot, networks):
    return robot("spot", networks=networks)


@pytest.fixture
def rover(robot, networks):
    return robot("rover", networks=networks)


@pytest.fixture
def kept(postgres, site):
    """What the server keeps of scenes, for the database's owner."""
    return opening.scenes_of(f"{postgres.owner}&site={site}")
