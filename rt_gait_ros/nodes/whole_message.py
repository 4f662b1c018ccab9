"""Messages that are made of all their fields at once, or empty.

A generated constructor makes the default of each field first, with everything within it, throws it away for what it is
given, and copies arrays; since Jazzy, each assignment copies them once more. At every image that costs more than
filling the message in.
"""

import array
from collections.abc import Callable
from copy import deepcopy
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Bytes: TypeAlias = "memoryview | array.array[int]"


@cache
def maker(kind: Any) -> Callable[..., Any]:
    """The function of all fields of a class, by their names and of their very types, that makes a message.

    Arrays are handed over as they are. It raises TypeError where a field is left out.
    """
    slots = _insides(kind).slots
    return _compiled(kind, f"*, {', '.join(slots)}" if slots else "", {slot: name for name, slot in slots.items()}, {})


@cache
def empty_maker(kind: Any) -> Callable[[], Any]:
    """The function that makes what a class's constructor makes without arguments. No two messages share a part."""
    made = kind()
    values: dict[str, str] = {}
    known: dict[str, Any] = {}
    for name, slot in _insides(kind).slots.items():
        default = getattr(made, name)
        changeable = not isinstance(default, bool | int | float | str | bytes)
        values[slot] = f"_{name}()" if changeable else f"_{name}"
        known[f"_{name}"] = _afresh(default) if changeable else default
    return _compiled(kind, "", values, known)


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
    slots = {name: f"_{name}" for name in names}
    beside = tuple((slot, getattr(made, slot)) for slot in kind.__slots__ if slot not in slots.values())
    unchecked = set(slots.values()) <= set(kind.__slots__) and getattr(made, "_check_fields", True) is False
    return _Insides(slots if unchecked else {name: name for name in names}, beside, unchecked)


def _compiled(kind: Any, arguments: str, values: dict[str, str], known: dict[str, Any]) -> Callable[..., Any]:
    """A function that makes a message. values: for what is to be assigned, the text of its value, of names in `known`.

    It is written as text, as `namedtuple` does it: assigning fields by their names takes several times as long.
    """
    beside = {slot: f"__beside_{slot}" for slot, _ in _insides(kind).beside}
    known = known | {beside[slot]: value for slot, value in _insides(kind).beside}
    lines = [f" __made.{slot} = {value}" for slot, value in (beside | values).items()]  # checks ask what is beside
    text = "\n".join([f"def __make({arguments}):", " __made = __new(__kind)", *lines, " return __made"])
    known |= {"__kind": kind, "__new": kind.__new__}
    exec(text, known)
    make: Callable[..., Any] = known["__make"]
    return make


def _afresh(default: Any) -> Callable[[], Any]:
    """What makes a value equal to the default of a field that is no number and no text."""
    if isinstance(default, np.ndarray):
        return default.copy
    if isinstance(default, array.array):
        return default.__copy__
    if isinstance(default, list):
        return partial(deepcopy, default)
    kind: Any = type(default)
    return empty_maker(kind)
