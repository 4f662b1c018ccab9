"""What viewers of the page have asked for, and what came of it; everybody who looks sees all of it."""

from dataclasses import dataclass, field
from typing import Any

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gallery.names import MAX_NAME
from rt_gait_ros.lines import one_line

# What each kind of request has.
_FIELDS: dict[str, dict[str, type]] = {
    "enrol": {"body_id": str, "name": str, "extend": bool},
    "forget": {"person_id": str, "name": str},
    "cancel": {"number": int},
}
KEPT = 60.0  # seconds for which an outcome is shown
MOST = 20  # at a time; enrolling is a matter of a few people


@dataclass
class Activity:
    """One request. kind: enrol or forget. who: the name to give, or of the person. target: body id or person id.

    done: seconds of the board's clock at which it ended; None while it goes on. cancel: a viewer wants it to end.
    """

    number: int
    kind: str
    who: str
    target: str = ""
    extend: bool = False
    message: str = ""
    well: bool = True
    gathered: int = 0
    wanted: int = 0
    sides: list[str] = field(default_factory=list)
    advice: str = ""
    done: float | None = None
    cancel: bool = False

    def record(self) -> dict[str, Any]:
        """For the page."""
        return {
            "number": self.number,
            "kind": self.kind,
            "who": one_line(self.who[:MAX_NAME]),
            "body_id": one_line(self.target) if self.kind == "enrol" else "",
            "message": one_line(self.message, 600),
            "well": self.well,
            "gathered": self.gathered,
            "wanted": self.wanted,
            "sides": [one_line(side) for side in self.sides],
            "advice": one_line(self.advice),
            "done": self.done is not None,
        }


def read_request(kind: str, fields: Any) -> dict[str, Any]:
    """The fields of a request as a page sends them, checked. Raises UsageError."""
    if not isinstance(fields, dict):
        raise UsageError("a request is a JSON object")
    wanted = _FIELDS[kind]
    for name, kind_of in wanted.items():
        if not isinstance(fields.get(name), kind_of):
            raise UsageError(f"{name} of a request to {kind} is missing, or no {kind_of.__name__}")
    if set(fields) != set(wanted):
        raise UsageError(f"a request to {kind} has other fields than {', '.join(wanted)}")
    texts = [value for value in fields.values() if isinstance(value, str)]
    if any(len(text) > MAX_NAME or not _is_text(text) for text in texts):
        raise UsageError(f"a name has at most {MAX_NAME} characters, and no halves of letters")
    if kind == "enrol" and not fields["name"].strip():
        raise UsageError("give a name")
    if kind == "forget" and not fields["person_id"]:
        raise UsageError("say whom")
    return dict(fields)


def _is_text(text: str) -> bool:
    """Whether it can be sent in a message: a lone half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
