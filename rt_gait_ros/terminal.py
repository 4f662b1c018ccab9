"""Standard output and error, whatever encoding the terminal has."""

import io
import sys


def accept_every_letter() -> None:
    """Let names and signs that the encoding of the outputs lacks come out as escapes, instead of ending the process.

    ASCII and Latin-1 are what PYTHONIOENCODING and old locales ask for.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
