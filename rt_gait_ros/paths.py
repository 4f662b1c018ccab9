"""Paths as people write them: `~` and `~user` stand for home folders; and files that are never half written."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from rt_gait_ros import private_file
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


# A file that is a mount point of its own (a container's) is not replaced, nor one in a folder that may not be written.
_IN_PLACE = (errno.EBUSY, errno.EACCES, errno.EPERM)


def replace_file(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file that is the old one or the whole new one, whatever ends this; content: or what writes it.

    What a link leads to is replaced, and its permissions stay; until the new one is whole, nobody else may read it. A
    device or a pipe is written to, and so is a file that may be written but not replaced. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    write = content if callable(content) else lambda file: file.write(content)
    there = target.exists()
    if not there or target.is_file():
        mode = stat.S_IMODE(target.stat().st_mode) if there else None
        try:
            with private_file.beside(target, write, 0o666 if mode is None else 0o600) as new:
                if mode is not None:
                    new.chmod(mode)
                new.replace(target)
            return
        except OSError as error:
            if not there or error.errno not in _IN_PLACE:
                raise
    with target.open("wb") as file:
        write(file)
