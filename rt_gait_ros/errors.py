"""The one exception family of the package: every message is one line that says what is wrong and what to do."""

import errno

from rt_gait_ros.lines import one_line

LONGEST = 2000  # characters: room for a list of networks or a path, and not for what somebody sends


class GaitError(Exception):
    """Something a user can mend. `str(error)` is the line to show; no traceback belongs beside it.

    It is one line whatever stands in it: names and texts of files and messages are somebody else's choice.
    """

    exit_code = 1

    def __str__(self) -> str:
        return one_line(super().__str__(), LONGEST)


class UsageError(GaitError):
    """The request itself is wrong: a bad argument, parameter or file name."""

    exit_code = 2


class MissingPackage(GaitError, ModuleNotFoundError):
    """A Python package is not installed that what was asked for needs; the line says which and how to get it."""

    def __init__(self, line: str, *, name: str | None = None) -> None:
        """name: of the module that could not be imported."""
        super().__init__(line)
        self.name = name


class PipelineClosed(UsageError):
    """A pipeline is used after it was closed."""


# The name is wrong, or is somebody else's; with other errors the name is good and the disk, or what lies there, is not.
_WRONG_NAME = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)


def of_file(error: OSError, what: str) -> GaitError:
    """The error that tells of an OSError about a file that somebody named. what: "FILE cannot be written", say."""
    kind = UsageError if error.errno in _WRONG_NAME else GaitError
    return kind(f"{what}: {error.strerror}")
