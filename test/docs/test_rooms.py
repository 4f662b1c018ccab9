"""The directive that makes the reference: docstrings as reStructuredText, and names whose extras are not installed."""

import importlib.util
import types
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx", reason="the extra [docs] is not installed")
FILE = Path(__file__).resolve().parents[2] / "docs" / "_extensions" / "rooms.py"


@pytest.fixture(scope="module")
def rooms() -> Any:
    specification = importlib.util.spec_from_file_location("rooms", FILE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_names_of_an_extra_that_is_missing_are_said_with_the_reason(rooms: Any) -> None:
    class Package(types.ModuleType):
        def __dir__(self) -> list[str]:
            return ["Network", "_hidden"]

        def __getattr__(self, name: str) -> Any:
            raise ImportError("torch is not installed: pip install 'rt-gait-ros[train]'")

    found, missing = rooms.public_names(Package("rt_gait_ros.networks"))
    assert found == {}
    assert missing == {"Network": "torch is not installed: pip install 'rt-gait-ros[train]'"}


@pytest.mark.parametrize(
    ("docstring", "lines"),
    [
        ("Gives `x` and *y_.", [r"Gives ``x`` and \*y\_."]),
        (
            "low: the least.\nhigh: the most,\n    itself allowed.",
            ["* low: the least.", "* high: the most, itself allowed."],
        ),
        ("- one\n- two,\n  longer", ["* one", "* two, longer"]),
        ("As in\n\n    a = 1", ["As in", "::", "    a = 1"]),
    ],
)
def test_docstrings_become_restructured_text(rooms: Any, docstring: str, lines: list[str]) -> None:
    assert [line for line in rooms.restructured(docstring) if line] == lines
