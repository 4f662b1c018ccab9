import cv2
import numpy as np
import pytest

from rt_gait_ros.silhouette.gaitset import framed_mask, person_mask, silhouette_from_mask


def figure(height=160, width=60, left=40, top=20, shape=(256, 256)):
    mask = np.zeros(shape, np.uint8)
    mask[top : top + height, left : left + width] = 255
    return mask


def by_gaitset_rules(mask):
    """GaitSet's pre-processing, step by step as FACTS and the paper's code base describe it."""
    if mask.sum() <= 10000:
        return None
    rows = np.flatnonzero(mask.sum(axis=1))
    body = mask[rows[0] : rows[-1] + 1]
    body = cv2.resize(body, (int(64 * body.shape[1] / body.shape[0]), 64), interpolation=cv2.INTER_CUBIC)
    half, mass = body.sum() / 2, body.sum(axis=0).cumsum()
    centre = next(i for i in range(len(mass)) if mass[i] > half)
    padded = np.pad(body, ((0, 0), (64, 64)))
    return padded[:, centre + 32 : centre + 96]


@pytest.mark.parametrize("seed", range(20))
def test_follows_gaitsets_rules(seed):
    random = np.random.default_rng(seed)
    mask = np.zeros((256, 256), np.uint8)
    for _ in range(6):
        centre = tuple(int(v) for v in random.integers(60, 200, 2))
        cv2.ellipse(mask, centre, (int(random.integers(8, 30)), int(random.integers(8, 60))), 0, 0, 360, 255, -1)
    silhouette = silhouette_from_mask(mask)
    assert silhouette.shape == (64, 64)
    assert silhouette.dtype == np.uint8
    np.testing.assert_array_equal(silhouette, by_gaitset_rules(mask))


@pytest.mark.parametrize(("pixels", "kept"), [(39, False), (40, True)])
def test_a_frame_of_ten_thousand_or_less_is_dropped(pixels, kept):
    mask = np.zeros((100, 100), np.uint8)
    mask[10 : 10 + pixels, 50] = 255
    assert (silhouette_from_mask(mask) is not None) == kept


def test_nobody_is_none():
    assert silhouette_from_mask(np.zeros((256, 256), np.uint8)) is None


@pytest.mark.parametrize("left", [0, 98, 196])
def test_the_place_in_the_mask_does_not_matter(left):
    np.testing.assert_array_equal(silhouette_from_mask(figure(left=left)), silhouette_from_mask(figure(left=40)))


def test_a_loose_foot_stays_and_a_stranger_goes():
    logits = np.where(figure() > 0, 5.0, -5.0)
    logits[182:190, 50:70] = 5.0  # a foot, two rows below
    logits[40:60, 180:200] = 5.0  # a piece of somebody else
    logits[10:12, 60:62] = 5.0  # a speck above
    mask = person_mask(logits)
    assert mask[185, 60] == 255
    assert mask[50, 190] == 0
    assert mask[10, 60] == 0
    assert set(np.unique(mask)) == {0, 255}


def test_the_rectangle_around_a_person_leaves_out_what_goes():
    logits = np.where(figure() > 0, 5.0, -5.0)
    mask, around = framed_mask(logits)
    assert tuple(around) == cv2.boundingRect(figure())
    logits[10:12, 240:242] = 5.0  # a speck
    again, still = framed_mask(logits)
    np.testing.assert_array_equal(again, mask)
    assert still == around
    np.testing.assert_array_equal(silhouette_from_mask(mask, around), silhouette_from_mask(mask))
    nobody, nowhere = framed_mask(np.full((64, 64), -5.0))
    assert nowhere[2] == 0
    assert silhouette_from_mask(nobody, nowhere) is None


def test_holes_stay_and_a_speck_within_one_goes():
    """Between the legs, or between an arm and the body."""
    logits = np.where(figure() > 0, 5.0, -5.0)
    logits[100:160, 55:85] = -5.0
    mask = person_mask(logits)
    np.testing.assert_array_equal(mask, np.where(logits > 0, 255, 0))
    logits[130:133, 70:73] = 5.0
    np.testing.assert_array_equal(person_mask(logits), mask)
