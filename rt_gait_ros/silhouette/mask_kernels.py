"""The compiled steps of reading a mask (numba, one thread)."""

import numpy as np

from rt_gait_ros.compiled import compiled

# What `survey` says in place of a number of pieces: values other than 0 and 255, or more pieces than it counts.
GREY, MANY = -1, -2
# Beginnings of pieces that it counts, among them those that turn out to be one piece further down.
_MOST = 512

_NONE, _FULL = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE, _ONES, _BYTE = np.uint64(1), np.uint64(0x0101010101010101), np.uint64(255)
_EIGHT, _LAST = np.uint64(8), np.uint64(56)


@compiled()
def _root(parents: np.ndarray, piece: int) -> int:
    """The piece that this one has turned out to be part of."""
    while parents[piece] != piece:
        parents[piece] = parents[parents[piece]]
        piece = parents[piece]
    return piece


@compiled(inline="always")
def _runs(words: np.ndarray, y: int, begins: np.ndarray, ends: np.ndarray, own: int) -> int:
    """Where the person begins and ends in row y, into the row `own` of those; returns how often, or GREY.

    Rows are not handed over as arrays of their own: numba would count references to each.
    """
    count, begin = 0, -1
    row = words[y]
    for k in range(len(row)):
        word = row[k]
        if word == (_NONE if begin < 0 else _FULL):
            continue
        ones = word & _ONES
        if ones * _BYTE != word:
            return GREY
        full = np.int64((ones * _ONES) >> _LAST)
        # most words with an edge have no other
        if begin < 0 and word == _FULL << np.uint64(64 - 8 * full):
            begin = 8 * k + 8 - full
        elif begin >= 0 and word == (_FULL >> np.uint64(64 - 8 * full) if full else _NONE):
            begins[own, count], ends[own, count] = begin, 8 * k + full
            count, begin = count + 1, -1
        else:
            for x in range(8 * k, 8 * k + 8):
                inside = word & _ONE
                word >>= _EIGHT
                if inside and begin < 0:
                    begin = x
                elif not inside and begin >= 0:
                    begins[own, count], ends[own, count] = begin, x
                    count, begin = count + 1, -1
    if begin >= 0:
        begins[own, count], ends[own, count] = begin, 8 * words.shape[1]
        count += 1
    return count


@compiled(inline="always")
def _joined(parents: np.ndarray, pieces: np.ndarray, row: int, first: int, last: int) -> tuple[int, int]:
    """The one piece that the runs `first` to `last` of a row are from now on, -1 of none, and how many fewer it
    makes."""
    piece, fewer = -1, 0
    for run in range(first, last):
        root = _root(parents, pieces[row, run])
        if piece >= 0 and root != piece:
            parents[root] = piece
            fewer += 1
        else:
            piece = root
    return piece, fewer


@compiled()
def survey(words: np.ndarray) -> tuple[int, tuple[int, int, int, int]]:
    """How many pieces a mask has, whose corners may touch, and left, top, width, height of what holds them all.

    words: (H, W / 8) uint64, eight pixels of 0 or 255 in each, the first in the lowest byte. Most are alike.
    """
    height, width = words.shape
    parents = np.empty(_MOST, np.int32)
    # Of a row, and of the one above it: where each run begins and ends, and of which piece it is.
    most = 4 * width + 1
    begins, ends, pieces = np.empty((2, most), np.int32), np.empty((2, most), np.int32), np.empty((2, most), np.int32)
    above, made, fewer = 0, 0, 0
    left, top, right, bottom = 8 * width, height, 0, 0
    for y in range(height):
        old, new = (y + 1) % 2, y % 2
        count = _runs(words, y, begins, ends, new)
        if count == GREY:
            return GREY, (0, 0, 0, 0)
        first = 0
        for run in range(count):
            while first < above and ends[old, first] < begins[new, run]:
                first += 1
            last = first
            while last < above and begins[old, last] <= ends[new, run]:
                last += 1
            piece, less = _joined(parents, pieces, old, first, last)
            fewer += less
            if piece < 0:
                if made == _MOST:
                    return MANY, (0, 0, 0, 0)
                piece, parents[made] = made, made
                made += 1
            pieces[new, run] = piece
        if count:
            left, right = min(left, begins[new, 0]), max(right, ends[new, count - 1])
            top, bottom = min(top, y), y + 1
        above = count
    if made == 0:
        return 0, (0, 0, 0, 0)
    return made - fewer, (left, top, right - left, bottom - top)


@compiled()
def cut_off(mask: np.ndarray, left: int, top: int, right: int, bottom: int, share: float) -> bool:
    """Whether more of a mask lies along a border of the part that an image covers than this share of its rows.

    left, top, right, bottom: that part, the last two exclusive; where it ends with the mask there is no border.
    """
    rows, columns = mask.shape
    most = 0
    for column, inner in ((left, left > 0), (right - 1, right < columns)):
        if inner:
            most = max(most, int(np.count_nonzero(mask[:, column])))
    for row, inner in ((top, top > 0), (bottom - 1, bottom < rows)):
        if inner:
            most = max(most, int(np.count_nonzero(mask[row])))
    if most == 0:
        return False
    occupied = 0
    for row in range(rows):
        found = np.uint8(0)
        for column in range(columns):  # to the end: without a way out of it, it takes many pixels at once
            found |= mask[row, column]
        occupied += found != 0
    return most > share * occupied


@compiled()
def centred(body: np.ndarray) -> np.ndarray:
    """(H, H) of a body (H, W) uint8: the column that halves its mass is in the middle."""
    size, width = body.shape
    mass = np.zeros(width, np.int64)
    for row in range(size):
        for column in range(width):
            mass[column] += body[row, column]
    half, left, centre = mass.sum() / 2, 0, 0
    while centre < width - 1 and left + mass[centre] <= half:
        left += mass[centre]
        centre += 1
    result = np.zeros((size, size), np.uint8)
    begin = centre - size // 2
    first, last = max(begin, 0), min(begin + size, width)
    for row in range(size):
        for column in range(first, last):
            result[row, column - begin] = body[row, column]
    return result


@compiled()
def held(mask: np.ndarray, points: np.ndarray, reach: int) -> int:
    """How many of the points (P, 2), x and y, are on the mask, or have it within so many pixels of their own."""
    rows, columns = mask.shape
    count = 0
    for point in range(len(points)):
        x, y = points[point]
        if 0.0 <= x < columns and 0.0 <= y < rows:  # not NaN
            count += _is_near(mask, int(y), int(x), reach)
    return count


@compiled()
def _is_near(mask: np.ndarray, row: int, column: int, reach: int) -> bool:
    if mask[row, column]:  # as most are
        return True
    for i in range(max(row - reach, 0), min(row + reach + 1, mask.shape[0])):
        for j in range(max(column - reach, 0), min(column + reach + 1, mask.shape[1])):
            if mask[i, j]:
                return True
    return False
