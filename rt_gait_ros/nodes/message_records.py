"""Messages read straight from the bytes in which they travel, as records with the same fields.

To make a message, rclpy calls the constructor of every message within it, which first makes the default of each of its
fields. For what is said of people at every image that takes four times as long as reading the bytes.

A record is a tuple with the names of the message's fields. Arrays and sequences of numbers are read-only arrays of
NumPy over the bytes themselves.
"""

import importlib
import struct
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import count, groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

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
# Layouts of a message that are kept, the newest: those of people who are seen and not, who walk and do not.
_LAYOUTS = 8
_SHORT = 48  # bytes of a text that is likely to come again
# Of each basic type as IDL calls it, what struct calls it.
CODES = {
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
    make = _record(kind)._make  # type: ignore[attr-defined]
    if all(isinstance(slot, BasicType) for slot in kind.SLOT_TYPES):
        return _record_of_numbers(_codes(kind.SLOT_TYPES), make)
    if all(isinstance(slot, PLAIN) for slot in fields_of(kind.SLOT_TYPES)):
        return _at_once(kind)
    steps = _steps(kind.SLOT_TYPES)

    def read(data: bytes, place: int, found: list[Any]) -> int:
        fields: list[Any] = []
        for step in steps:
            place = step(data, place, fields)
        found.append(make(fields))
        return place

    return read


class Numbers(NamedTuple):
    """An array of numbers as a field, or a sequence of them, of which the size is None."""

    dtype: "np.dtype[Any]"
    size: int | None


# Types of fields that have one layout while texts and sequences are of one length.
PLAIN = BasicType | AbstractString | Numbers


class _Layout(NamedTuple):
    """Where everything in a message is while its texts and sequences are as long as they are.

    unpack: of struct. size: bytes. counts: picks their lengths out of what is unpacked. lengths: of them. arrays: where
    numbers begin, their type, and how many there are.
    """

    unpack: Callable[[bytes, int], tuple[Any, ...]]
    size: int
    counts: Callable[[tuple[Any, ...]], Any]
    lengths: Any
    arrays: list[tuple[int, "np.dtype[Any]", int]]


def _at_once(kind: Any) -> _Step:
    """A message without sequences of texts or messages: where it is laid out as one before it, it is read in one go."""
    fields = list(fields_of(kind.SLOT_TYPES))
    make = _maker(kind)
    known: list[list[_Layout]] = [[] for _ in range(8)]  # by the place, modulo eight, at which a message begins

    def read(data: bytes, place: int, found: list[Any]) -> int:
        layouts = known[place % 8]
        for layout in layouts:
            if place + layout.size <= len(data):
                values = layout.unpack(data, place)
                if layout.counts(values) == layout.lengths:
                    break
        else:
            layout = _laid_out(fields, data, place)
            values = layout.unpack(data, place)
            layouts[:] = [layout, *layouts[: _LAYOUTS - 1]]
        arrays = [
            np.frombuffer(data, dtype, count, place + offset) if count else np.empty(0, dtype)
            for offset, dtype, count in layout.arrays
        ]
        found.append(make(values, arrays))
        return place + layout.size

    return read


def _laid_out(fields: Iterable[Any], data: bytes, begin: int) -> _Layout:
    """How a message is laid out that begins there."""
    text, place, counts = "<", begin, []
    arrays: list[tuple[int, np.dtype[Any], int]] = []
    values = 0
    for field in fields:
        if isinstance(field, BasicType):
            code = CODES[field.typename]
            size = struct.calcsize(f"<{code}")
            pad = (_HEAD - place) % size
            text += f"{pad}x{code}"
            place, values = place + pad + size, values + 1
            continue
        number = field.size if isinstance(field, Numbers) else None
        if number is None:
            before = place
            place, number = _counted(data, place)
            text += f"{place - 4 - before}xI"
            counts.append(values)
            values += 1
        if isinstance(field, Numbers):
            pad = (_HEAD - place) % field.dtype.itemsize if number else 0
            arrays.append((place + pad - begin, field.dtype, number))
            size = pad + number * field.dtype.itemsize
            text += f"{size}x"
        else:
            size = number
            text += f"{size}s"
            values += 1
        place += size
        if place > len(data):
            raise ValueError(f"a field of {size} bytes ends at byte {place}")
    unpack = struct.Struct(text).unpack_from
    pick = itemgetter(*counts) if counts else lambda unpacked: ()
    return _Layout(unpack, place - begin, pick, pick(unpack(data, begin)), arrays)


def fields_of(slots: Iterable[Any]) -> Iterator[Any]:
    """The types of all fields that are no message, through all messages within these."""
    for slot in slots:
        if isinstance(slot, NamespacedType):
            yield from fields_of(class_of(slot).SLOT_TYPES)
        elif isinstance(slot, Array | AbstractSequence) and isinstance(slot.value_type, BasicType):
            size = slot.size if isinstance(slot, Array) else None
            yield Numbers(np.dtype(f"<{CODES[slot.value_type.typename]}"), size)
        else:
            yield slot


def _maker(kind: Any) -> Callable[[tuple[Any, ...], list[Any]], Any]:
    """What makes the record of what is unpacked, and the arrays.

    It is written as text, as `namedtuple` does it: to go through the fields one by one takes twice as long.
    """
    known: dict[str, Any] = {"_new": tuple.__new__, "_text": _text_of}
    values, arrays = count(), count()

    def written(within: Any) -> str:
        name = f"_kind{len(known)}"
        known[name] = _record(within)
        parts = []
        for slot in within.SLOT_TYPES:
            if isinstance(slot, NamespacedType):
                parts.append(written(class_of(slot)))
            elif isinstance(slot, BasicType):
                parts.append(f"_v[{next(values)}]")
            elif isinstance(slot, AbstractString):
                next(values)  # its length
                parts.append(f"_text(_v[{next(values)}])")
            else:
                if isinstance(slot, AbstractSequence):
                    next(values)
                parts.append(f"_a[{next(arrays)}]")
        return f"_new({name}, ({', '.join(parts)},))"

    make: Callable[[tuple[Any, ...], list[Any]], Any] = eval(f"lambda _v, _a: {written(kind)}", known)
    return make


@cache
def _record(kind: Any) -> type:
    return namedtuple(kind.__name__, kind.get_fields_and_field_types())


def class_of(slot: NamespacedType) -> Any:
    """The class of messages of a field."""
    return getattr(importlib.import_module(".".join(slot.namespaces)), slot.name)


def _text_of(data: bytes) -> str:
    """A string, as rclpy reads it: to the first zero byte, with a mark for what is no UTF-8."""
    return _short_text(data) if len(data) <= _SHORT else str(data.partition(b"\0")[0], "utf-8", "replace")


@lru_cache(maxsize=256)
def _short_text(data: bytes) -> str:
    """Of one that is likely to come again: the name of a camera, a body id."""
    return str(data.partition(b"\0")[0], "utf-8", "replace")


def _steps(types: Iterable[Any]) -> list[_Step]:
    """Numbers that follow each other are read at once."""
    steps: list[_Step] = []
    for single, group in groupby(types, lambda slot: isinstance(slot, BasicType)):
        slots = list(group)
        steps += [_numbers(_codes(slots))] if single else [_step(slot) for slot in slots]
    return steps


def _codes(types: Iterable[BasicType]) -> str:
    return "".join(CODES[slot.typename] for slot in types)


def _step(slot: Any) -> _Step:
    """One field that is no single number. Raises TypeError for what no message of this package has."""
    if isinstance(slot, NamespacedType):
        return _message(class_of(slot))
    if isinstance(slot, AbstractString):
        return _text
    if isinstance(slot, Array) and isinstance(slot.value_type, BasicType):
        return _array(CODES[slot.value_type.typename], slot.size)
    if isinstance(slot, AbstractSequence):
        if isinstance(slot.value_type, BasicType):
            return _array(CODES[slot.value_type.typename])
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
    """A string."""
    begin, length = _counted(data, place)
    end = begin + length
    if end > len(data):
        raise ValueError(f"a string of {length} bytes begins at byte {begin}")
    found.append(_text_of(data[begin:end]))
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
