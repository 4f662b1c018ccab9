"""Where something fits in a file, beside the plain way of looking at every byte."""

import numpy as np
import pytest

from rt_gait_ros.gallery.extent_file import FIRST, Extent, _Room


def used_bytes(extents, size):
    used = np.zeros(size, bool)
    for extent in extents:
        used[extent.offset - FIRST : extent.end - FIRST] = True
    return used


def runs(free):
    """(offset, length) of what is free."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(int), [0]])))
    return [(FIRST + int(start), int(stop - start)) for start, stop in edges.reshape(-1, 2)]


@pytest.mark.parametrize("seed", range(20))
def test_gaps_and_places_are_those_of_the_bytes(seed):
    random = np.random.default_rng(seed)
    extents, position = [], FIRST
    for _ in range(int(random.integers(0, 30))):
        position += int(random.choice([0, 0, 1, 5, 40]))
        length = int(random.integers(1, 50))
        extents.append(Extent(position, length, ""))
        position += length
    random.shuffle(extents)
    room = _Room(extents, 0)
    for length in random.integers(1, 60, 12).tolist():
        size = max([FIRST, *(extent.end for extent in extents)]) - FIRST
        gaps = runs(~used_bytes(extents, size))
        assert room.gaps(FIRST + size) == gaps
        fitting = [start for start, free in gaps if free >= length]
        assert room.end_with_gap(length) == FIRST + size + (0 if fitting else length)
        place = room.take(length, "")
        assert place == Extent(fitting[0] if fitting else FIRST + size, length, "")
        extents.append(place)


def test_what_is_free_within_an_extent():
    room = _Room([Extent(FIRST + 10, 10, ""), Extent(FIRST + 40, 5, "")], 0)
    assert room.overlaps([Extent(FIRST, 15, ""), Extent(FIRST + 30, 30, "")]) == [
        (FIRST, 10),
        (FIRST + 30, 10),
        (FIRST + 45, 15),
    ]


def test_an_empty_file_has_its_first_place_at_the_beginning():
    room = _Room([], 0)
    assert room.gaps(FIRST) == []
    assert room.take(7, "d") == Extent(FIRST, 7, "d")
