"""How many looks a second each network of a model repository answers on this machine: capacity.json beside them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from rt_gait_ros.errors import GaitError, of_file

FILE_NAME = "capacity.json"


def read_capacities(repository: Path) -> dict[str, float]:
    """Looks a second by network; none where the file is not there. Raises GaitError for one that is damaged."""
    path = repository / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        looks = {str(name): float(value) for name, value in content["looks_per_second"].items()}
        if any(not math.isfinite(value) or value <= 0.0 for value in looks.values()):
            raise ValueError("a capacity that is not above 0")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise of_file(error, f"{path} cannot be read") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GaitError(f"{path} is damaged ({error}): write it anew with `rt-gait select --output`") from None
    return looks


def write_capacities(folder: Path, looks: Mapping[str, float]) -> None:
    """looks: a second, by network. Raises OSError."""
    content = {"looks_per_second": dict(sorted(looks.items()))}
    (folder / FILE_NAME).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
