"""How commands print what they found."""

import argparse
import csv
import errno
import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from rt_gait_ros.errors import UsageError, of_file
from rt_gait_ros.paths import expand, replace_file


def output_file(text: str) -> Path:
    """Type of an argument: a file that is written when the work is done, which may be after hours.

    Raises UsageError before the work where the folder is not there, or it can be seen that nothing may be written.
    """
    target = Path(os.path.realpath(expand(text)))
    folder = target.parent
    if target.is_dir():
        number = errno.EISDIR
    elif not target.exists() and not folder.is_dir():
        number = errno.ENOTDIR if folder.exists() else errno.ENOENT
    elif not os.access(target if target.exists() else folder, os.W_OK):
        number = errno.EACCES
    else:
        return Path(text)
    raise UsageError(f"{text} cannot be written: {os.strerror(number)}")


def _json_target(text: str) -> str:
    return text if text == "-" else str(output_file(text))


def add_json_argument(parser: argparse.ArgumentParser, what: str = "the result") -> None:
    """Add `--json [FILE]`: the result as JSON to FILE, or to standard output and then nothing else is printed there."""
    parser.add_argument(
        "--json",
        type=_json_target,
        nargs="?",
        const="-",
        metavar="FILE",
        help=f"{what} as JSON, to FILE or standard output",
    )


def emit(arguments: argparse.Namespace, value: Any, text: str) -> None:
    """Print the result as `--json` asks for: JSON alone, JSON to a file beside the text, or the text alone."""
    if arguments.json:
        write_json(value, arguments.json)
    if arguments.json != "-":
        print(text)


def progress(line: str) -> None:
    """Say how far the work is, on standard error and at once."""
    print(line, file=sys.stderr, flush=True)


def write_json(value: Any, target: str) -> None:
    """Write `value` as JSON to standard output for "-", else to the file `target`, whole or as it was before.

    JSON has neither NaN nor infinity: such a figure is null. Raises GaitError.
    """
    text = json.dumps(_without_nan(value), indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        replace_file(expand(target), text.encode())
    except OSError as error:
        raise of_file(error, f"{target} cannot be written") from error


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows of an evaluation as a table: an interval as two columns, a dictionary as one for each key.

    The file is whole or what it was before. Raises GaitError; a UsageError where the name is wrong.
    """
    flat: list[dict[str, Any]] = []
    for row in rows:
        line: dict[str, Any] = {}
        for name, value in row.items():
            if name.startswith("ci95"):
                line |= {f"{name}_low": value[0], f"{name}_high": value[1]}
            elif isinstance(value, dict):
                line |= {f"{name}_{key}": entry for key, entry in value.items()}
            else:
                line[name] = value
        flat.append(line)
    columns = list(dict.fromkeys(name for line in flat for name in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(flat)
    try:
        replace_file(path, text.getvalue().encode())
    except OSError as error:
        raise of_file(error, f"{path} cannot be written") from error


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list | tuple) else value
