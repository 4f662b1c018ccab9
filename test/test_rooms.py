"""Imports between the rooms of the package run one way; they are read from the sources, those in functions too."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import rt_gait_ros

PACKAGE = Path(rt_gait_ros.__file__).parent
GENERATED = {"msg", "srv", "action"}  # the messages' modules, which are beside the package's own once it is installed

# Imports between rooms that may close a ring, as (importing file, imported room), each with its reason. None is needed.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def imported(source: str, package: str) -> Iterator[str]:
    """Full names of all that a module of `package` imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def sources() -> list[Path]:
    """The package's own modules."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in GENERATED]


def room_imports() -> dict[str, dict[str, list[str]]]:
    """Room to room that it imports to the files that do; a module beside the rooms is a room of its own."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sources():
        file = path.relative_to(PACKAGE)
        if file.name == "__init__.py" and len(file.parts) == 1:
            continue  # the public names of the whole package
        package = ".".join([PACKAGE.name, *file.parts[:-1]])
        for name in imported(path.read_text(encoding="utf-8"), package):
            parts = name.split(".")
            if parts[0] == PACKAGE.name and len(parts) > 1 and (str(file), parts[1]) not in EXCEPTIONS:
                found[file.parts[0].removesuffix(".py")][parts[1]].append(str(file))
    return found


def module_imports() -> dict[str, list[str]]:
    """Module to the modules that it imports, in functions and for types alone as well."""
    modules = {}
    for path in sources():
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found = {}
    for module, path in modules.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        names = imported(path.read_text(encoding="utf-8"), package)
        others = {name if name in modules else name.rpartition(".")[0] for name in names}
        found[module] = sorted((others & modules.keys()) - {module})
    return found


def a_ring(graph: dict[str, list[str]]) -> list[str]:
    """Rooms of which each imports the next, and the last the first; empty where there is none."""
    done: set[str] = set()

    def search(room: str, path: list[str]) -> list[str]:
        if room in path:
            return path[path.index(room) :]
        if room in done:
            return []
        for other in graph.get(room, []):
            if ring := search(other, [*path, room]):
                return ring
        done.add(room)
        return []

    return next((ring for room in graph if (ring := search(room, []))), [])


def test_no_room_imports_one_that_imports_it():
    imports = room_imports()
    ring = a_ring({room: [other for other in others if other != room] for room, others in imports.items()})
    steps = [
        f"{room} imports {other} in {', '.join(sorted(set(imports[room][other])))}"
        for room, other in zip(ring, [*ring[1:], *ring[:1]], strict=True)
    ]
    assert not ring, "; ".join(steps)


def test_no_module_imports_one_that_imports_it():
    assert not a_ring(module_imports())


def test_nodes_alone_import_ros():
    """The rest of the package is a library for those who have none."""
    ros = re.compile(r"(rclpy|rosidl\w*|ament\w*|launch\w*|tf2\w*|\w+_(msgs|interfaces))\.")
    found = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sources()
        if PACKAGE / "nodes" not in path.parents
        for name in imported(path.read_text(encoding="utf-8"), "rt_gait_ros")
        if ros.match(f"{name}.")
    ]
    assert not found


def test_every_exception_is_needed():
    there = {str(path.relative_to(PACKAGE)) for path in sources()}
    assert {file for file, _ in EXCEPTIONS} <= there


@pytest.mark.parametrize(
    ("graph", "ring"),
    [
        ({"a": ["b"], "b": ["a"]}, ["a", "b"]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c"]),
        ({"a": ["b", "c"], "b": ["c"]}, []),
    ],
)
def test_rings_are_found(graph, ring):
    assert a_ring(graph) == ring


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def f():\n    from rt_gait_ros.pose import paf", "rt_gait_ros.pose.paf"),
        ("from ..pose.paf import PafParser", "rt_gait_ros.pose.paf.PafParser"),
        ("from . import paf", "rt_gait_ros.gait.paf"),
        ("import rclpy.node", "rclpy.node"),
    ],
)
def test_imports_are_found(source, name):
    assert list(imported(source, "rt_gait_ros.gait")) == [name]
