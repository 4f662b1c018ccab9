"""The compiled steps say what OpenCV and NumPy say."""

import cv2
import numpy as np
import pytest

from rt_gait_ros.silhouette.gaitset import framed_mask
from rt_gait_ros.silhouette.mask_kernels import GREY, MANY, cut_off, survey

SEEDS = range(30)


def drawn(seed, shape=(256, 256)):
    """Some ellipses, filled or not, and a few loose pixels."""
    random = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    for _ in range(random.integers(1, 7)):
        centre, size = random.integers(0, shape[0], 2), random.integers(1, 70, 2)
        thickness = int(random.choice([-1, 1, 2]))
        cv2.ellipse(mask, centre.tolist(), size.tolist(), float(random.integers(180)), 0, 360, 255, thickness)
    mask[tuple(random.integers(0, shape[0], (2, random.integers(0, 20))))] = 255
    return mask


@pytest.mark.parametrize("seed", SEEDS)
def test_pieces_and_the_rectangle_around_them_are_those_of_opencv(seed):
    mask = drawn(seed)
    pieces = cv2.connectedComponents(mask, connectivity=8)[0] - 1
    assert survey(mask.view(np.uint64)) == (pieces, cv2.boundingRect(mask))


def test_runs_that_meet_further_down_are_one_piece():
    mask = np.zeros((8, 64), np.uint8)
    mask[:7, ::4] = 255
    assert survey(mask.view(np.uint64)) == (16, (0, 0, 61, 7))
    mask[7] = 255
    assert survey(mask.view(np.uint64)) == (1, (0, 0, 64, 8))


def test_nobody_has_no_piece_and_other_values_or_too_many_pieces_are_said():
    mask = np.zeros((256, 256), np.uint8)
    assert survey(mask.view(np.uint64)) == (0, (0, 0, 0, 0))
    mask[::2, ::2] = 255
    assert survey(mask.view(np.uint64))[0] == MANY
    mask[7, 7] = 254
    assert survey(mask.view(np.uint64))[0] == GREY


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("width", [256, 250, 3])
def test_a_mask_is_the_same_however_it_is_given(seed, width):
    mask = drawn(seed)[:, :width]
    person, around = framed_mask(np.where(mask > 0, 0.5, -3.0))
    assert around == cv2.boundingRect(person)
    grey = np.where(mask > 0, np.uint8(1 + seed), np.uint8(0))
    unaligned = np.frombuffer(b"x" + mask.tobytes(), np.uint8, offset=1).reshape(mask.shape)
    for other in (mask, grey, mask > 0, unaligned):
        again, still = framed_mask(other)
        np.testing.assert_array_equal(again, person)
        assert still == around
        assert not again.flags.writeable


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mask_is_cut_off_where_much_of_it_lies_along_a_border_of_the_image(seed):
    mask = drawn(seed)
    left, top, right, bottom = *np.random.default_rng(seed).permutation([0, 100]).tolist(), 180, 256
    sides = [mask[:, left]] * (left > 0) + [mask[top]] * (top > 0) + [mask[:, right - 1]]
    share = max(np.count_nonzero(side) for side in sides) / max(mask.any(axis=1).sum(), 1)
    assert cut_off(mask, left, top, right, bottom, share - 0.001) == (share > 0)
    assert not cut_off(mask, left, top, right, bottom, share + 0.001)
