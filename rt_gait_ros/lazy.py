"""Public names of a package that are imported when they are first asked for, so that importing the package is cheap."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rt_gait_ros.errors import MissingPackage
from rt_gait_ros.pip_packages import advice


def exports(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` (PEP 562) of a package's `__init__`.

    names: public name to the module that holds it, relative to the package (".gallery", "." for the package's own
    subpackage of that name). A name whose module needs a package that is not installed raises MissingPackage, which is
    an ImportError as well.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            found = getattr(importlib.import_module(names[name], package), name)
        except ModuleNotFoundError as error:
            if line := advice(error):
                raise MissingPackage(line, name=error.name) from error
            raise
        setattr(sys.modules[package], name, found)  # the next look finds it without this function
        return found

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names})

    return find, listing
