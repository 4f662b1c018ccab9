from dataclasses import dataclass

import numpy as np
import pytest

from rt_gait_ros.tracking.rows import Rows


@dataclass
class Inner(Rows):
    a: np.ndarray


@dataclass
class Outer(Rows):
    b: np.ndarray
    inner: Inner


@pytest.fixture
def rows():
    return Outer(np.arange(3), Inner(np.arange(6).reshape(3, 2)))


def test_taken_rows_are_copies(rows):
    taken = rows.take(np.array([2, 0]))
    taken.inner.a[:] = -1
    assert len(taken) == 2
    assert rows.inner.a.min() == 0


def test_rows_are_dropped_appended_and_overwritten_in_every_column(rows):
    rows.keep(np.array([True, False, True]))
    rows.extend(Outer(np.array([9]), Inner(np.array([[8, 8]]))))
    rows.put(np.array([0]), Outer(np.array([7]), Inner(np.array([[6, 6]]))))
    assert rows.b.tolist() == [7, 2, 9]
    assert rows.inner.a.tolist() == [[6, 6], [4, 5], [8, 8]]
