"""Person masks -> the silhouettes that GaitSet and its successors were trained on (Chao et al., AAAI 2019)."""

import sys
from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from rt_gait_ros.silhouette.mask_kernels import GREY, centred, survey

Rectangle: TypeAlias = Sequence[int]  # left, top, width, height, as OpenCV has it

SIZE = 64  # rows and columns of a silhouette; networks read columns 10:54 of it

# GaitSet drops a frame whose mask, 0 or 255 per pixel, sums to no more than this: some forty pixels of person.
LEAST_PIXEL_SUM = 10_000

# A loose piece of the mask is kept beside the largest one when it has at least this share of its area: a foot that the
# thin ankle of a small person no longer holds is 2 to 3 % of a body; specks of background are far less.
LEAST_PIECE = 0.01
# ... and lies no farther from its box than this share of its height.
LARGEST_GAP = 0.05


def silhouette_from_mask(mask: np.ndarray, around: Rectangle | None = None) -> np.ndarray | None:
    """One GaitSet silhouette of a mask, or None where there is too little person in it.

    mask: (H, W) uint8, 0 and 255 (values between count as part of the person, as the mass of their brightness).
    around: the smallest rectangle outside which all is 0, where it is known.
    Returns (64, 64) uint8: the non-empty rows scaled to 64 (bicubic), centred on the column that halves the mass.
    Edges are soft (0..255), because GaitSet's own pre-processing leaves them so and its weights have seen nothing else.
    """
    left, top, width, height = around or cv2.boundingRect(mask)
    if width == 0 or cv2.sumElems(mask[top : top + height, left : left + width])[0] <= LEAST_PIXEL_SUM:
        return None
    body = mask[top : top + height]
    width = int(SIZE * body.shape[1] / body.shape[0])
    if width < 1:
        return None
    return centred(cv2.resize(body, (width, SIZE), interpolation=cv2.INTER_CUBIC))


def person_mask(mask: np.ndarray) -> np.ndarray:
    """Binary mask of one person from what a network gives: the largest piece and what hangs closely on it.

    mask: (H, W), above 0 where the person is, as a mask or its logits are. Returns (H, W) uint8, 0 and 255; all 0 where
    nobody is. It cannot be written to, for it may be the same memory.
    """
    return framed_mask(mask)[0]


def framed_mask(mask: np.ndarray) -> tuple[np.ndarray, Rectangle]:
    """As `person_mask`, with the smallest rectangle that holds the person; it has no size where nobody is."""
    whole = mask if mask.dtype == np.uint8 else _black_and_white(mask)
    around: Rectangle
    pieces, around = survey(_words(whole))
    if pieces == GREY:
        whole = _black_and_white(mask)
        pieces, around = survey(_words(whole))
    if pieces not in (0, 1):
        whole, around = _largest_pieces(whole)
    whole = whole.view()
    whole.flags.writeable = False
    return whole, around


def _black_and_white(mask: np.ndarray) -> np.ndarray:
    return (mask > 0).view(np.uint8) * np.uint8(255)


def _words(mask: np.ndarray) -> np.ndarray:
    """Eight pixels of each row in one, with 0 where there are fewer; always the kind of array that is compiled for."""
    rest = -mask.shape[1] % 8
    if rest:
        mask = np.pad(mask, ((0, 0), (0, rest)))
    words = np.require(mask, requirements="C").view(np.uint64)
    if sys.byteorder == "big":
        words = words.byteswap()
    elif not words.flags.aligned:
        words = words.copy()
    words.flags.writeable = False
    return words


def _largest_pieces(mask: np.ndarray) -> tuple[np.ndarray, Rectangle]:
    """Of a mask of several pieces, the largest and what hangs closely on it, and the rectangle around them."""
    around = left, top, width, height = cv2.boundingRect(mask)
    inside = mask[top : top + height, left : left + width]  # to search less
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    if count <= 2:
        return mask, around
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    body = int(areas.argmax())
    values = np.zeros(count, np.uint8)
    for piece in range(1, count):
        if piece == body or _belongs(statistics[piece], statistics[body]):
            values[piece] = 255
    whole = np.zeros_like(mask)
    whole[top : top + height, left : left + width] = values[labels]
    return whole, cv2.boundingRect(whole)


def _belongs(piece: np.ndarray, body: np.ndarray) -> bool:
    """Whether a loose piece is large enough and near enough to be a limb of the body."""
    if piece[cv2.CC_STAT_AREA] < LEAST_PIECE * body[cv2.CC_STAT_AREA]:
        return False
    gaps = [
        max(piece[start] - body[start] - body[size], body[start] - piece[start] - piece[size], 0)
        for start, size in ((cv2.CC_STAT_LEFT, cv2.CC_STAT_WIDTH), (cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT))
    ]
    return bool(max(gaps) <= LARGEST_GAP * body[cv2.CC_STAT_HEIGHT])
