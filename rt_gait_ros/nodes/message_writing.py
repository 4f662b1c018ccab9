"""Messages written straight into the bytes in which they travel; message_records reads such bytes.

rclpy makes a message of C of every message first, field by field, and compares the name of each class letter by letter.
For what is said of people at every image that takes twice as long.
"""

import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from rosidl_parser.definition import AbstractSequence, AbstractString, BasicType, NamespacedType

from rt_gait_ros.nodes.message_records import CODES, PLAIN, Numbers, class_of, fields_of

# Appends one or more fields of a message, or a text, as they are at a place, and returns the place behind them. Places
# count from behind the head: a field is padded to a multiple of its own size there.
_Step: TypeAlias = Callable[[Any, int, list[bytes]], int]

# What goes before plain CDR, first version, in this machine's order of bytes (DDS-XTypes 1.3, 7.6.3.1.2).
_HEAD = b"\0\1\0\0" if sys.byteorder == "little" else b"\0\0\0\0"
_COUNT = struct.Struct("=I")
_LAYOUTS = 256  # that are kept of a message, for texts and sequences of different lengths


class Unwritten(Exception):
    """A field has a value that its type cannot hold."""


def bytes_of_message(message: Any) -> bytes:
    """What the middleware publishes of a message. Its arrays are contiguous. Raises Unwritten."""
    parts = [_HEAD]
    kind: Any = type(message)
    try:
        _message(kind)(message, 0, parts)
    except (struct.error, OverflowError) as error:
        raise Unwritten(f"a {kind.__name__} cannot be written: {error}") from None
    return b"".join(parts)


@cache
def _message(kind: Any) -> _Step:
    """All fields of a message: those at once that follow each other and are no texts or messages in any number."""
    fields = zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True)
    steps: list[_Step] = []
    for plain, group in groupby(fields, lambda field: all(isinstance(slot, PLAIN) for slot in fields_of([field[1]]))):
        named = [(_attribute(kind, name), slot) for name, slot in group]
        steps += [_at_once(named)] if plain else [_sequence(attribute, slot) for attribute, slot in named]

    def write(message: Any, place: int, parts: list[bytes]) -> int:
        for step in steps:
            place = step(message, place, parts)
        return place

    return write


def _attribute(kind: Any, name: str) -> str:
    """Where a message has a field: the value itself, where that is known."""
    return f"_{name}" if f"_{name}" in kind.__slots__ else name


def _at_once(named: Sequence[tuple[str, Any]]) -> _Step:
    """Fields that have one layout while texts and sequences are of one length."""
    fields = list(fields_of(slot for _, slot in named))
    values_of, counted = _unfolded(named)
    counts_of = itemgetter(*counted) if counted else lambda values: ()
    known: list[dict[Any, struct.Struct]] = [{} for _ in range(8)]  # by the place, modulo eight, at which they begin

    def write(message: Any, place: int, parts: list[bytes]) -> int:
        values = values_of(message)
        layouts, counts = known[place % 8], counts_of(values)
        layout = layouts.get(counts)
        if layout is None:
            if len(layouts) >= _LAYOUTS:
                layouts.clear()
            layout = layouts[counts] = _layout(fields, [values[position] for position in counted], place)
        parts.append(layout.pack(*values))
        return place + layout.size

    return write


def _unfolded(named: Sequence[tuple[str, Any]]) -> tuple[Callable[[Any], tuple[Any, ...]], list[int]]:
    """What gives the values of fields one after the other as struct takes them, and which of them are counts.

    It is written as text, as `namedtuple` does it: to go through the fields one by one takes twice as long.
    """
    values: list[str] = []
    counted: list[int] = []

    def unfold(path: str, slot: Any) -> None:
        if isinstance(slot, NamespacedType):
            kind = class_of(slot)
            for name, within in zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True):
                unfold(f"{path}.{_attribute(kind, name)}", within)
        elif isinstance(slot, BasicType):
            values.append(path)
        else:
            held = f"_{len(values)}"
            (field,) = fields_of([slot])
            if not isinstance(field, Numbers):
                counted.append(len(values))
                values.extend([f"len({held} := _text({path}))", held])
            elif field.size is not None:
                values.append(f"_numbers({path}, {field.dtype.itemsize}, {field.size})")
            else:
                counted.append(len(values))
                values.extend([f"len({held} := {path})", f"_numbers({held}, {field.dtype.itemsize})"])

    for attribute, slot in named:
        unfold(f"_message.{attribute}", slot)
    known: dict[str, Any] = {"_text": _text, "_numbers": _numbers}
    return eval(f"lambda _message: ({', '.join(values)},)", known), counted


def _layout(fields: Iterable[Any], counts: Iterable[int], place: int) -> struct.Struct:
    """How fields are laid out that begin at a place."""
    text, left = "=", iter(counts)
    for field in fields:
        if isinstance(field, BasicType):
            code = CODES[field.typename]
            item, number = struct.calcsize(f"={code}"), 1
        else:
            item, size = (field.dtype.itemsize, field.size) if isinstance(field, Numbers) else (1, None)
            if size is None:
                text += f"{-place % 4}xI"
                place += -place % 4 + 4
            number = next(left) if size is None else size
            code = f"{number * item}s"
        pad = -place % item if number else 0
        text += f"{pad}x{code}"
        place += pad + number * item
    return struct.Struct(text)


@lru_cache(maxsize=256)
def _text(text: str) -> bytes:
    """A string, as rclpy writes it: to the first zero byte."""
    return text.encode().partition(b"\0")[0] + b"\0"


def _numbers(values: Any, item: int, size: int | None = None) -> bytes:
    """The memory of numbers of so many bytes each."""
    if values.itemsize != item or len(values) != (len(values) if size is None else size):
        raise struct.error(f"{len(values)} numbers of {values.itemsize} bytes, where {size or 'some'} of {item} belong")
    return bytes(values)


def _sequence(attribute: str, slot: Any) -> _Step:
    """The count of texts or messages, and they. Raises TypeError for what no message of this package has."""
    inner = slot.value_type if isinstance(slot, AbstractSequence) else slot
    if not isinstance(inner, NamespacedType | AbstractString):
        raise TypeError(f"fields of the type {slot} cannot be written")
    step = _write_text if isinstance(inner, AbstractString) else _message(class_of(inner))

    def write(message: Any, place: int, parts: list[bytes]) -> int:
        items, pad = getattr(message, attribute), -place % 4
        parts.append(bytes(pad) + _COUNT.pack(len(items)))
        place += pad + 4
        for item in items:
            place = step(item, place, parts)
        return place

    return write


def _write_text(text: str, place: int, parts: list[bytes]) -> int:
    data, pad = _text(text), -place % 4
    parts.append(bytes(pad) + _COUNT.pack(len(data)) + data)
    return place + pad + 4 + len(data)
