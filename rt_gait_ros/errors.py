"""The one exception family of the package: every message is one line that says what is wrong and what to do."""


class GaitError(Exception):
    """Something a user can mend. `str(error)` is the line to show; no traceback belongs beside it."""

    exit_code = 1


class UsageError(GaitError):
    """The request itself is wrong: a bad argument, parameter or file name."""

    exit_code = 2
