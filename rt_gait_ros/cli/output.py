"""How commands print what they found."""

import json
import sys
from pathlib import Path
from typing import Any

from rt_gait_ros.errors import GaitError


def write_json(value: Any, target: str) -> None:
    """Write `value` as JSON to the file `target`, or to standard output for "-". Raises GaitError."""
    text = json.dumps(value, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise GaitError(f"{target} cannot be written: {error.strerror}") from error
