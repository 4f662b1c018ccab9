"""How much memory a process and its children hold."""

import re
from pathlib import Path

_SHARE = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


def resident_mib(pid: int) -> float:
    """MiB that a process and its descendants hold now, pages that several share counted by share (proc(5), Pss)."""
    return sum(_kib(each) for each in _family(pid)) / 1024.0


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:  # grows while it is gone through
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text(encoding="ascii").split()]
            except OSError:
                continue  # ended meanwhile
    return found


def _kib(pid: int) -> int:
    try:
        share = _SHARE.search(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    except OSError:
        return 0
    return int(share[1]) if share else 0
