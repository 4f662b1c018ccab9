"""Paths as people write them: `~` and `~user` stand for home folders; and files that are never half written."""

import os
import shutil
from pathlib import Path

from rt_gait_ros.errors import UsageError


def expand(path: str | Path) -> Path:
    """`path` with the home folder for its `~`. Raises UsageError where that is not known."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        head = Path(path).parts[0]
        if head == "~":
            raise UsageError(f"{path}: {_NO_HOME}") from None
        raise UsageError(f"{path}: there is no user {head[1:]} here: correct the name, or put ./ before it") from None


def home() -> Path:
    """The user's home folder. Raises UsageError where none is known."""
    try:
        return Path.home()
    except RuntimeError:
        raise UsageError(_NO_HOME) from None


_NO_HOME = f"no home folder is known: HOME is not set, and user {os.getuid()} has no entry in /etc/passwd: set HOME"


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that is the old one or the whole new one, whatever ends this; a device or a pipe is written to.

    What a link leads to is replaced, and its permissions stay. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    there = target.exists()
    if there and not target.is_file():
        target.write_bytes(content)
        return
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        scratch.write_bytes(content)
        if there:
            shutil.copymode(target, scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
