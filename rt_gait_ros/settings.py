"""Settings of a stage: each with its range, meaning and source, checked where they are made.

A field of a frozen dataclass is `setting(default, description, low, high)`, and its `__post_init__` calls `check`. The
nodes' parameters of the same names have these ranges and descriptions: `tools/write_parameters.py` writes
config/parameters.yaml, config/gait.yaml and the tables of docs/parameters.md from them.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any

from rt_gait_ros.errors import UsageError

_KEY = "setting"


@dataclass(frozen=True, slots=True)
class Setting:
    """What one setting may be.

    default: its type is that of the setting. low, high: of a number, both allowed; above: less than which no number may
    be, itself not allowed. choices: all that a text may be; empty: anything. live: may be changed while the stage runs.
    elsewhere: a number may be NaN, and is then taken from where the description says. source: of the default, a paper
    or a measurement.
    """

    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False
    elsewhere: bool = False
    source: str = ""

    def complaint(self, value: Any) -> str:
        """What `value` has to be instead, to follow "set it to"; empty when it will do."""
        if isinstance(self.default, bool):
            return "" if isinstance(value, bool) else "true or false"
        if isinstance(self.default, str):
            if not isinstance(value, str):
                return "a text"
            return f"one of {', '.join(map(repr, self.choices))}" if self.choices and value not in self.choices else ""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"a number{self._bounds}"
        if self.elsewhere and math.isnan(value):
            return ""
        if not math.isfinite(value) or not self._is_within(value):
            return f"a number{self._bounds}"
        return "a whole number" if isinstance(self.default, int) and value != int(value) else ""

    def _is_within(self, value: float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
        )

    @property
    def _bounds(self) -> str:
        if self.above is not None:
            return f" above {self.above:g}" + ("" if self.high is None else f" and up to {self.high:g}")
        if self.low is None:
            return ""
        return f" from {self.low:g} on" if self.high is None else f" from {self.low:g} to {self.high:g}"


def setting(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    choices: Collection[str] = (),
    live: bool = False,
    elsewhere: bool = False,
    source: str = "",
) -> Any:
    """A field of a dataclass that `check` looks at; the arguments are Setting's."""
    found = Setting(default, description, low, high, above, tuple(choices), live, elsewhere, source)
    return field(default=default, metadata={_KEY: found})


def share(default: float, description: str, *, live: bool = False, source: str = "") -> Any:
    """A setting from 0 to 1: a share, a confidence, or a probability."""
    return setting(default, description, 0.0, 1.0, live=live, source=source)


def settings_of(config: Any) -> dict[str, Setting]:
    """The settings of a dataclass or of one of its objects, by name, in the order of its fields."""
    return {each.name: each.metadata[_KEY] for each in fields(config) if _KEY in each.metadata}


def check(config: Any, what: str, error: type[UsageError] = UsageError) -> None:
    """Raise `error` for the first setting of `config` that is of another type than its default, or out of its range.

    what: whose settings they are, for people to read.
    """
    for name, known in settings_of(config).items():
        value = getattr(config, name)
        if wanted := known.complaint(value):
            raise error(f"{what}: {name} is {value!r}; set it to {wanted}")
