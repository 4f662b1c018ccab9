"""Messages read straight from the bytes in which they travel, as records with the same fields.

To make a message, rclpy calls the constructor of every message within it, which first makes the default of each of its
fields. For what is said of people at every image that takes four times as long as reading the bytes.

A record is a tuple with the names of the message's fields. Arrays and sequences of numbers are read-only arrays of
NumPy over the bytes themselves.
"""

import importlib
import struct
from collections import namedtuple
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from rosidl_parser.definition import AbstractSequence, AbstractString, Array, BasicType, NamespacedType

from rt_gait_ros.errors import GaitError
from rt_gait_ros.nodes.message_bytes import from_bytes

# Reads one or more fields at a place of the bytes, appends them, and returns the place behind them.
_Step: TypeAlias = Callable[[bytes, int, list[Any]], int]

# What goes before plain CDR, little-endian, first version (DDS-XTypes 1.3, 7.6.3.1.2); two bytes of options follow.
# Places are multiples of a field's own size, counted from behind these four bytes.
_PLAIN = b"\x00\x01"
_HEAD = 4
_LENGTH = struct.Struct("<I")
# Of each basic type as IDL calls it, what struct calls it.
_CODES = {
    "boolean": "?",
    "octet": "B",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float": "f",
    "double": "d",
}


class BrokenBytes(GaitError):
    """Bytes are no message of the type that they are said to be."""


def record_of(data: bytes, kind: type) -> Any:
    """The record of a message of the class `kind`; of bytes that are in another order than here, the message itself.

    Raises BrokenBytes.
    """
    found: list[Any] = []
    try:
        if not data.startswith(_PLAIN):
            return from_bytes(data, kind)
        _message(kind)(data, _HEAD, found)
    except (struct.error, ValueError, RuntimeError) as error:
        raise BrokenBytes(f"{len(data)} bytes are no {kind.__name__}: {error}") from None
    return found[0]


@cache
def _message(kind: Any) -> _Step:
    """All fields of a message as one record."""
    make = namedtuple(kind.__name__, kind.get_fields_and_field_types())._make  # type: ignore[attr-defined]
    if all(isinstance(slot, BasicType) for slot in kind.SLOT_TYPES):
        return _record_of_numbers(_codes(kind.SLOT_TYPES), make)
    steps = _steps(kind.SLOT_TYPES)

    def read(data: bytes, place: int, found: list[Any]) -> int:
        fields: list[Any] = []
        for step in steps:
            place = step(data, place, fields)
        found.append(make(fields))
        return place

    return read


def _steps(types: Iterable[Any]) -> list[_Step]:
    """Numbers that follow each other are read at once."""
    steps: list[_Step] = []
    for single, group in groupby(types, lambda slot: isinstance(slot, BasicType)):
        slots = list(group)
        steps += [_numbers(_codes(slots))] if single else [_step(slot) for slot in slots]
    return steps


def _codes(types: Iterable[BasicType]) -> str:
    return "".join(_CODES[slot.typename] for slot in types)


def _step(slot: Any) -> _Step:
    """One field that is no single number. Raises TypeError for what no message of this package has."""
    if isinstance(slot, NamespacedType):
        return _message(getattr(importlib.import_module(".".join(slot.namespaces)), slot.name))
    if isinstance(slot, AbstractString):
        return _text
    if isinstance(slot, Array) and isinstance(slot.value_type, BasicType):
        return _array(_CODES[slot.value_type.typename], slot.size)
    if isinstance(slot, AbstractSequence):
        if isinstance(slot.value_type, BasicType):
            return _array(_CODES[slot.value_type.typename])
        return _sequence(_step(slot.value_type))
    raise TypeError(f"fields of the type {slot} cannot be read")


def _numbers(codes: str) -> _Step:
    """Single numbers."""
    layouts = _layouts(codes)

    def read(data: bytes, place: int, found: list[Any]) -> int:
        layout = layouts[place % 8]
        found += layout.unpack_from(data, place)
        return place + layout.size

    return read


def _record_of_numbers(codes: str, make: Callable[[Any], Any]) -> _Step:
    """A message that has nothing but single numbers."""
    layouts = _layouts(codes)

    def read(data: bytes, place: int, found: list[Any]) -> int:
        layout = layouts[place % 8]
        found.append(make(layout.unpack_from(data, place)))
        return place + layout.size

    return read


def _layouts(codes: str) -> list[struct.Struct]:
    """By the place, modulo eight, at which numbers begin: what pads them depends on it."""
    return [_padded(codes, (begin - _HEAD) % 8) for begin in range(8)]


def _padded(codes: str, begin: int) -> struct.Struct:
    layout, place = "<", begin
    for code in codes:
        size = struct.calcsize(f"<{code}")
        pad = -place % size
        layout += f"{pad}x{code}"
        place += pad + size
    return struct.Struct(layout)


def _text(data: bytes, place: int, found: list[Any]) -> int:
    """A string, as rclpy reads it: to the first zero byte, with a mark for what is no UTF-8."""
    begin, length = _counted(data, place)
    end = begin + length
    if end > len(data):
        raise ValueError(f"a string of {length} bytes begins at byte {begin}")
    stop = data.find(b"\0", begin, end)
    found.append(str(data[begin : end if stop < 0 else stop], "utf-8", "replace"))
    return end


def _array(code: str, size: int | None = None) -> _Step:
    """So many numbers, or as many as are said before them."""
    dtype: np.dtype[Any] = np.dtype(f"<{code}")
    item = dtype.itemsize

    def read(data: bytes, place: int, found: list[Any]) -> int:
        count = size
        if count is None:
            place, count = _counted(data, place)
        if not count:
            found.append(np.empty(0, dtype))
            return place
        place += (_HEAD - place) % item
        found.append(np.frombuffer(data, dtype, count, place))
        return place + count * item

    return read


def _sequence(step: _Step) -> _Step:
    """As many strings or messages as are said before them."""

    def read(data: bytes, place: int, found: list[Any]) -> int:
        place, count = _counted(data, place)
        items: list[Any] = []
        for _ in range(count):
            place = step(data, place, items)
        found.append(items)
        return place

    return read


def _counted(data: bytes, place: int) -> tuple[int, int]:
    """Where what is counted begins, and the count."""
    place += -place % 4
    (count,) = _LENGTH.unpack_from(data, place)
    return place + 4, count
