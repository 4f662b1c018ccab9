"""What messages are made of: those of this package as they are now, and as they were when a bag was recorded."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from rt_gait_ros.resources import PACKAGE, resource

_STORE = Stores.ROS2_JAZZY  # of the messages of others that ours hold; they are the same in Humble and Kilted


@cache
def our_types() -> Any:
    """A typestore with the messages of ROS and of this package."""
    store = get_typestore(_STORE)
    store.register(_own_definitions())
    return store


def other_version(connection: Connection) -> str:
    """How a message of this package in a bag differs from ours, for people to read; "" where it does not.

    A bag of Humble in sqlite3 does not say what its messages are made of: "" as well.
    """
    kind = connection.msgtype
    if not kind.startswith(f"{PACKAGE}/"):
        return ""
    if kind not in our_types().fielddefs:
        return "this version has no such message"
    if connection.msgdef.format == MessageDefinitionFormat.NONE:
        theirs = connection.digest
        return "its fields are others" if theirs and theirs != our_types().hash_rihs01(kind) else ""
    text = connection.msgdef.data
    is_idl = connection.msgdef.format == MessageDefinitionFormat.IDL
    return _difference(get_types_from_idl(text) if is_idl else get_types_from_msg(text, kind))


def _own_definitions() -> dict[str, Any]:
    types: dict[str, Any] = {}
    for path in sorted(resource("msg").glob("*.msg")):
        types |= get_types_from_msg(path.read_text(encoding="utf-8"), f"{PACKAGE}/msg/{path.stem}")
    return types


def _difference(theirs: Mapping[str, Any]) -> str:
    """The first message of ours that differs, and its fields that do."""
    ours = _own_definitions()
    for kind in sorted(theirs.keys() & ours.keys()):
        then, now = dict(theirs[kind][1]), dict(ours[kind][1])
        if list(theirs[kind][1]) == list(ours[kind][1]):
            continue
        name = kind.rpartition("/")[2]
        others = [f"without {field}" for field in now if field not in then]
        others += [f"with {field}" for field in then if field not in now]
        others += [f"another {field}" for field in now if field in then and now[field] != then[field]]
        return f"{name} {', '.join(others) or 'in another order'}"
    return ""
