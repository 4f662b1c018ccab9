"""Stubs of the Python backend that a killed server left behind.

Triton runs every network of its Python backend in a process of its own, a stub, which waits for its server for ever: a
server that is killed leaves them all, some hundred megabytes each.
"""

import os
import signal
from pathlib import Path

STUB = "triton_python_backend_stub"
SERVER = "tritonserver"


def end_orphans(folder: Path) -> list[int]:
    """Kill the stubs that were started from below `folder` and whose server is gone. Returns their pids.

    A stub lies in the backends folder of the server's own run folder, which tells it from other people's.
    """
    ended = []
    for entry in Path("/proc").glob("[0-9]*"):
        if _is_orphan(entry, folder):
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # ended by itself; another user's
                continue
            ended.append(int(entry.name))
    return ended


def _is_orphan(process: Path, folder: Path) -> bool:
    try:
        program = Path(os.fsdecode((process / "cmdline").read_bytes().partition(b"\0")[0]))
        if program.name != STUB or not program.is_relative_to(folder):
            return False
        parent = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        return Path(f"/proc/{parent}/comm").read_text(encoding="utf-8", errors="replace").strip() != SERVER
    except OSError:  # the process, or its parent, has just ended: the next look will tell
        return False
