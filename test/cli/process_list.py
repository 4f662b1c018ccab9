"""Which processes of this machine belong to a run."""

from pathlib import Path


def command_lines(folder: Path) -> list[str]:
    """Of all processes whose command line names something in this folder; their words are apart by NUL."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found
