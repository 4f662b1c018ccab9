"""Messages of packages that need not be installed."""

import importlib
from collections.abc import Iterable
from typing import Any

from rt_gait_ros.errors import UsageError


def find_message(package: str, name: str, fields: Iterable[str], wanted_by: str) -> Any:
    """A message class of a package that need not be there, in a version that has these fields.

    wanted_by: the parameter that asks for it. Raises UsageError where it is not installed, or of another version.
    """
    try:
        kind = getattr(importlib.import_module(f"{package}.msg"), name)
    except ImportError:
        debian = f"ros-$ROS_DISTRO-{package.replace('_', '-')}"
        raise UsageError(
            f"{wanted_by} needs the package {package}, which is not installed: install {debian}, or set it to false"
        ) from None
    except AttributeError:
        raise UsageError(f"{wanted_by} needs {package}/{name}: the {package} that is installed has none") from None
    known = kind.get_fields_and_field_types()
    missing = [field for field in fields if field not in known]
    if missing:
        raise UsageError(
            f"{wanted_by} needs {package}/{name} with the field {missing[0]}: the {package} that is installed is of "
            "another version"
        )
    return kind
