"""Struct of arrays: many tracks as the rows of a few arrays, so that one numpy call serves all of them."""

from typing import Any, ClassVar, TypeVar

import numpy as np

RowsT = TypeVar("RowsT", bound="Rows")


class Rows:
    """Base of dataclasses whose every field is an array with one row per track, or again such a dataclass."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]  # asking dataclasses.fields costs more than the work on the rows

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.__dataclass_fields__))))

    def take(self: RowsT, index: np.ndarray) -> RowsT:
        """Copy of the rows that `index` (integers or a boolean mask) selects."""
        values = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            values[name] = value.take(index) if isinstance(value, Rows) else value[index]
        return type(self)(**values)

    def put(self: RowsT, index: np.ndarray, rows: RowsT) -> None:
        """Overwrite the rows at `index` with `rows`."""
        for name in self.__dataclass_fields__:
            value, new = getattr(self, name), getattr(rows, name)
            if isinstance(value, Rows):
                value.put(index, new)
            else:
                value[index] = new

    def extend(self: RowsT, rows: RowsT) -> None:
        """Append `rows` at the end."""
        for name in self.__dataclass_fields__:
            value, new = getattr(self, name), getattr(rows, name)
            if isinstance(value, Rows):
                value.extend(new)
            else:
                setattr(self, name, np.concatenate((value, new)))

    def keep(self, mask: np.ndarray) -> None:
        """Drop every row where `mask` (N,) bool is False."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, Rows):
                value.keep(mask)
            else:
                setattr(self, name, value[mask])
