"""What docs/architecture.md calls public can be imported, and costs nothing until it is."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rt_gait_ros
from rt_gait_ros import errors, lazy
from rt_gait_ros.resources import share_directory

PACKAGE = Path(rt_gait_ros.__file__).parent
PAGE = share_directory() / "docs" / "architecture.md"
EXTRA_ROOMS = {"networks": "torch", "training": "torch", "bags": "rosbags"}  # and what their extra brings


def listed() -> list[tuple[str, str]]:
    """(module, public name) of every row of the table of rooms."""
    if not PAGE.is_file():
        return []
    found = []
    for row in re.findall(r"^\| (`.+`) \| .* \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        rooms = [name.removesuffix(".py").rstrip("/") for name in re.findall(r"`([\w./]+)`", row[0])]
        for name in re.findall(r"`(\w+)`", row[1]):
            found.append((" ".join(rooms), name))
    return found


def modules(rooms: str) -> list[str]:
    return ["rt_gait_ros" if room == "__init__" else f"rt_gait_ros.{room}" for room in rooms.split()]


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not installed")
def test_the_page_lists_names():
    assert len(listed()) > 50


@pytest.mark.parametrize(("rooms", "name"), listed())
def test_every_public_name_can_be_imported(rooms, name):
    if rooms in EXTRA_ROOMS:
        pytest.importorskip(EXTRA_ROOMS[rooms], reason="its extra is not installed")
    holders = [module for module in modules(rooms) if hasattr(importlib.import_module(module), name)]
    assert holders, f"{name} is in none of {rooms}"


def exported(path: Path) -> tuple[set[str], set[str]]:
    """Names that an `__init__` hands on when asked, and those that a type checker is told of."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "exports"]
    names = {key.value for call in calls for key in call.args[1].keys}
    told = {
        alias.asname
        for block in tree.body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    return names, told


@pytest.mark.parametrize(
    "path", [path for path in PACKAGE.glob("**/__init__.py") if "exports(" in path.read_text()], ids=str
)
def test_type_checkers_are_told_the_same(path):
    names, told = exported(path)
    assert names == told


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not installed")
@pytest.mark.parametrize("path", [path for path in PACKAGE.glob("*/__init__.py") if "exports(" in path.read_text()])
def test_every_exported_name_is_on_the_page(path):
    names, _ = exported(path)
    assert names == {name for rooms, name in listed() if rooms == path.parent.name}


def test_importing_the_package_or_a_room_loads_nothing_heavy():
    rooms = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py") if "exports(" in path.read_text())
    script = f"""
import sys, rt_gait_ros
for room in {rooms}:
    __import__("rt_gait_ros." + room)
print(*sorted({{"numpy", "cv2", "numba", "onnxruntime", "tritonclient", "rclpy", "torch", "av"}} & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == ""


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'GaitPipelin'"):
        _ = rt_gait_ros.GaitPipelin
    with pytest.raises(ImportError):
        from rt_gait_ros import nothing_of_that_name  # noqa: F401


def test_names_are_listed_before_they_are_loaded():
    assert {"GaitPipeline", "Tracker", "__version__"} <= set(dir(rt_gait_ros))


def test_a_missing_package_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # import says that it is not there
    monkeypatch.delitem(sys.modules, "rt_gait_ros.serving.backends", raising=False)
    find, _ = lazy.exports("rt_gait_ros.serving", {"open_client": ".backends"})
    with pytest.raises(errors.MissingPackage, match="onnxruntime is not installed") as missing:
        find("open_client")
    assert isinstance(missing.value, ImportError)
    assert isinstance(missing.value, errors.GaitError)
