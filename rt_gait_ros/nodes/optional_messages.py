"""Messages of packages that need not be installed."""

import importlib
from collections.abc import Iterable
from typing import Any

from rclpy.type_support import check_for_type_support

from rt_gait_ros.errors import UsageError
from rt_gait_ros.lines import one_line


def find_message(package: str, name: str, fields: Iterable[str], wanted_by: str) -> Any:
    """A message class of a package that need not be there, in a version that has these fields.

    wanted_by: the parameter that asks for it. Raises UsageError where it is not installed, of another version, or
    without libraries that can be loaded.
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
    try:
        check_for_type_support(kind)
    except Exception as error:  # of whatever kind: of rosidl's that its library is not on the path, or another build's
        reason = one_line(str(error.__context__ or error))
        raise UsageError(
            f"{wanted_by} needs {package}, whose libraries cannot be loaded ({reason}): source the setup file of the "
            "workspace it is in, and of no other that has it"
        ) from None
    return kind
