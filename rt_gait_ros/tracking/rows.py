"""Struct of arrays: many tracks as the rows of a few arrays, so that one numpy call serves all of them."""

from dataclasses import fields
from typing import TypeVar

import numpy as np

RowsT = TypeVar("RowsT", bound="Rows")


class Rows:
    """Base of dataclasses whose every field is an array with one row per track, or again such a dataclass."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]

    def take(self: RowsT, index: np.ndarray) -> RowsT:
        """Copy of the rows that `index` (integers or a boolean mask) selects."""
        values = {}
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            values[item.name] = value.take(index) if isinstance(value, Rows) else value[index]
        return type(self)(**values)

    def put(self: RowsT, index: np.ndarray, rows: RowsT) -> None:
        """Overwrite the rows at `index` with `rows`."""
        for item in fields(self):  # type: ignore[arg-type]
            value, new = getattr(self, item.name), getattr(rows, item.name)
            if isinstance(value, Rows):
                value.put(index, new)
            else:
                value[index] = new

    def extend(self: RowsT, rows: RowsT) -> None:
        """Append `rows` at the end."""
        for item in fields(self):  # type: ignore[arg-type]
            value, new = getattr(self, item.name), getattr(rows, item.name)
            if isinstance(value, Rows):
                value.extend(new)
            else:
                setattr(self, item.name, np.concatenate((value, new)))

    def keep(self, mask: np.ndarray) -> None:
        """Drop every row where `mask` (N,) bool is False."""
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, Rows):
                value.keep(mask)
            else:
                setattr(self, item.name, value[mask])
