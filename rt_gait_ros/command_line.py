"""Passwords on the command line: other users of the machine read it with `ps`."""

import ctypes
import os
import sys

from rt_gait_ros.masking import credentials_in

# Fields 48 and 49 of /proc/PID/stat, proc(5): where the arguments begin and end in the process's own memory. The second
# field, the program's name, may hold spaces; counting starts behind it, with field 3.
_BEGIN, _END = 48 - 3, 49 - 3


def hide_credentials() -> None:
    """Overwrite the passwords of this process's command line by `*`, for whoever lists processes; sys.argv keeps them.

    Linux only; elsewhere nothing happens. Until it is called they can be seen: a `${VARIABLE}` in the URL never is.
    """
    if not sys.platform.startswith("linux") or not any(map(credentials_in, sys.argv)):
        return
    try:
        with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        begin, end = int(fields[_BEGIN]), int(fields[_END])
        with open("/proc/self/cmdline", "rb") as arguments:
            line = arguments.read()
    except (OSError, ValueError, IndexError):
        return
    if end - begin != len(line):  # somebody has renamed the process: the memory is not what it was
        return
    for word in line.split(b"\0"):
        for secret in map(os.fsencode, credentials_in(os.fsdecode(word))):
            ctypes.memset(begin + word.find(secret), ord("*"), len(secret))
        begin += len(word) + 1
