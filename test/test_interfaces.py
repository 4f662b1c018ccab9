"""The generated messages are those of the sources beside this test."""

import importlib
import re
from pathlib import Path

import pytest
from rclpy.serialization import deserialize_message, serialize_message

ROOT = Path(__file__).resolve().parent.parent
INTERFACES = sorted(file for kind in ("msg", "srv", "action") for file in (ROOT / kind).iterdir())
FIELD = re.compile(r"^[\w/<>=\[\]]+\s+([a-z]\w*)\s*(#|$)")


def parts_of(interface: Path) -> list[type]:
    """The message types of one file: itself, or the parts of a service or action."""
    module = importlib.import_module(f"rt_gait_ros.{interface.parent.name}")
    generated = getattr(module, interface.stem)
    names = {"msg": (), "srv": ("Request", "Response"), "action": ("Goal", "Result", "Feedback")}[interface.parent.name]
    return [getattr(generated, name) for name in names] or [generated]


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda file: file.name)
def test_generated_fields_are_those_of_the_source(interface: Path) -> None:
    for section, part in zip(interface.read_text().split("\n---\n"), parts_of(interface), strict=True):
        written = [
            match[1] for line in section.splitlines() if (match := FIELD.match(line)) and "=" not in line.split("#")[0]
        ]
        generated = [
            name for name in part.get_fields_and_field_types() if name != "structure_needs_at_least_one_member"
        ]
        assert generated == written


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda file: file.name)
def test_every_part_goes_through_the_middleware(interface: Path) -> None:
    for part in parts_of(interface):
        assert deserialize_message(serialize_message(part()), part) == part()
