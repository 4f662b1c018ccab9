"""Messages that are made of all their fields at once.

A generated constructor makes the default of each field first, with everything within it, throws it away for what it is
given, and copies arrays; since Jazzy, each assignment copies them once more. At every image that costs more than
filling the message in.
"""

import array
import sys
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Bytes: TypeAlias = "memoryview | array.array[int]"


def whole_message(kind: Any, **fields: Any) -> Any:
    """A message of the class `kind`. fields: all that it has, of their very types; arrays are handed over as they are.

    One that is left out is an AttributeError when the message is published.
    """
    message = kind.__new__(kind)
    slots, beside, _ = _insides(kind)
    for name, value in beside:
        setattr(message, name, value)
    for name, value in fields.items():
        setattr(message, slots[name], value)
    return message


def bytes_of(kind: Any, values: np.ndarray) -> Bytes:
    """The memory of a contiguous array as what a field uint8[] of the class `kind` takes.

    It is no copy where assignments are not checked: rclpy publishes whatever has bytes. Where they are, as in Humble,
    it is the `array.array` that they ask for.
    """
    memory = values.data.cast("B")
    if _insides(kind).unchecked:
        return memory
    copied = array.array("B")
    copied.frombytes(memory)
    return copied


class _Insides(NamedTuple):
    """How messages of a class are filled in.

    slots: by a field's name, what to assign. beside: what messages have beside their fields. unchecked: whether
    assignments are not checked; as Humble does each and Jazzy those of whoever asks for it, they are.
    """

    slots: dict[str, str]
    beside: tuple[tuple[str, Any], ...]
    unchecked: bool


@cache
def _insides(kind: Any) -> _Insides:
    made = kind()
    names = kind.get_fields_and_field_types()
    slots = {name: sys.intern(f"_{name}") for name in names}
    beside = tuple((slot, getattr(made, slot)) for slot in kind.__slots__ if slot not in slots.values())
    unchecked = set(slots.values()) <= set(kind.__slots__) and getattr(made, "_check_fields", True) is False
    return _Insides(slots if unchecked else {name: name for name in names}, beside, unchecked)
