"""The compiled steps of scaling a crop as cv2.resize does with INTER_LINEAR, to the last bit (numba, one thread).

OpenCV goes through the columns of three interleaved channels one by one. Of a picture on its side they are rows, of
which many pixels are taken at once. Numbers are those of OpenCV: weights of 11 bits, 4 bits less in between, 22 in all.
"""

import numpy as np

from rt_gait_ros.compiled import compiled

# Of 32 bits: among wider ones fewer are taken at once.
_WHOLE, _HALF = np.float32(2048.0), np.int32(2)
_LESS, _MORE, _REST = np.int32(4), np.int32(7), np.int32(16)


@compiled()
def _place(number: int, scale: float) -> tuple[int, np.float32]:
    """The pixel before the one that this number of the result is from, and how far behind it that is, 0 to 1."""
    place = np.float32((number + 0.5) * scale - 0.5)
    before = int(np.floor(place))
    return before, np.float32(place - np.float32(before))


@compiled()
def scale_columns(columns: np.ndarray, scaled: np.ndarray) -> None:
    """Scale in width a BGR picture that lies on its side, into an RGB one that does.

    columns: (3 W, H) uint8, the channels of a column one after the other. scaled: (3 W', H) int16, of 15 bits.
    """
    width, height = len(columns) // 3, columns.shape[1]
    for number in range(len(scaled) // 3):
        before, part = _place(number, width / (len(scaled) // 3))
        if before < 0 or before >= width - 1:
            before, part = min(max(before, 0), width - 1), np.float32(0.0)
        behind, weight = min(before + 1, width - 1), np.int32(np.rint(part * _WHOLE))
        for channel in range(3):
            first, second = columns[3 * before + 2 - channel], columns[3 * behind + 2 - channel]
            line = scaled[3 * number + channel]
            for row in range(height):
                value = np.int32(first[row])
                step = np.int32(weight * np.int32(np.int32(second[row]) - value))
                line[row] = np.int16(np.int32(value << _MORE) + np.int32(step >> _LESS))


@compiled()
def scale_rows(rows: np.ndarray, crop: np.ndarray, top: int, height: int, left: int) -> None:
    """Scale in height what `scale_columns` gave, upright again, into a part of a crop.

    rows: (H, 3 W') int16. crop: (CROP, 3 CROP) uint8. top, height: rows of the part. left: where it begins in a row.
    """
    last, width = len(rows) - 1, rows.shape[1]
    for number in range(height):
        before, part = _place(number, (last + 1) / height)
        first, second = rows[min(max(before, 0), last)], rows[min(max(before + 1, 0), last)]
        near, far = np.int32(np.rint((np.float32(1.0) - part) * _WHOLE)), np.int32(np.rint(part * _WHOLE))
        line = crop[top + number, left : left + width]
        for column in range(width):
            one = np.int16(np.int32(near * np.int32(first[column])) >> _REST)
            other = np.int16(np.int32(far * np.int32(second[column])) >> _REST)
            line[column] = np.uint8(np.int16(np.int16(one + other) + _HALF) >> _HALF)
