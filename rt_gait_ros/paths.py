"""Paths as people write them: `~` and `~user` stand for home folders."""

import os
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
