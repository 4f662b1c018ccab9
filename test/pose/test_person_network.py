import math

import cv2
import numpy as np
import pytest
from paf_reference import FIGURE

from rt_gait_ros.pose.person_network import CROP, Region, cut, read, region_from_keypoints


def test_the_crop_shows_the_region_in_rgb_and_black_outside():
    image = np.zeros((100, 100, 3), np.uint8)
    image[..., 0] = 200  # blue
    crop = cut(image, Region(0.0, 50.0, 100.0))
    assert crop.shape == (CROP, CROP, 3)
    assert crop[128, 200].tolist() == [0, 0, 200]
    assert crop[128, 50].tolist() == [0, 0, 0]


def test_a_mark_is_found_where_it_was_cut():
    image = np.zeros((240, 320, 3), np.uint8)
    cv2.circle(image, (200, 100), 3, (255, 255, 255), -1)
    crop = cut(image, Region(190.0, 110.0, 80.0))[..., 0].astype(float)
    y, x = (np.mgrid[0:CROP, 0:CROP] + 0.5) * crop
    place = np.array([190.0, 110.0]) + (np.array([x.sum(), y.sum()]) / crop.sum() - CROP / 2) * 80.0 / CROP
    np.testing.assert_allclose(place, [200.5, 100.5], atol=0.1)


def test_whoever_is_cut_off_by_the_border_is_where_they_are():
    image = np.zeros((240, 320, 3), np.uint8)
    cv2.circle(image, (5, 230), 3, (255, 255, 255), -1)
    region = Region(12.4, 221.7, 93.3).in_pixels
    crop = cut(image, region)[..., 0].astype(float)
    y, x = (np.mgrid[0:CROP, 0:CROP] + 0.5) * crop
    place = np.array([region.x, region.y]) + (np.array([x.sum(), y.sum()]) / crop.sum() - CROP / 2) / region.scale
    np.testing.assert_allclose(place, [5.5, 230.5], atol=0.2)


def test_a_region_in_pixels_is_the_nearest_that_begins_and_ends_at_whole_ones():
    region = Region(100.3, 50.9, 33.4).in_pixels
    assert (region.x - region.side / 2, region.y - region.side / 2, region.side) == (84.0, 34.0, 33.0)
    assert Region(10.0, 10.0, 0.2).in_pixels.side == 1.0


@pytest.mark.parametrize("side", [1.0, 3.0, 40.0, 120.0, 237.0, 255.0, 256.0, 257.0, 300.0, 511.0, 513.0])
@pytest.mark.parametrize("centre", [(300, 250), (5, 250), (590, 20)])
def test_a_crop_is_what_opencv_makes_of_it(side, centre):
    image = np.random.default_rng(int(side)).integers(0, 256, (500, 600, 3), np.uint8)
    image[:, :300] = cv2.GaussianBlur(image[:, :300], (0, 0), 2.0)
    region = Region(*map(float, centre), side).in_pixels
    left, top = round(region.x - side / 2), round(region.y - side / 2)
    scale = CROP / side
    part = image[max(top, 0) : top + int(side), max(left, 0) : left + int(side), ::-1]
    begin, first = round(-min(top, 0) * scale), round(-min(left, 0) * scale)
    end, last = begin + round(part.shape[0] * scale), first + round(part.shape[1] * scale)
    expected = np.zeros((CROP, CROP, 3), np.uint8)
    expected[begin:end, first:last] = cv2.resize(np.ascontiguousarray(part), (last - first, end - begin))
    np.testing.assert_array_equal(cut(image, region), expected)
    np.testing.assert_array_equal(cut(np.pad(image, ((0, 0), (0, 3), (0, 0)))[:, :-3], region), expected)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("damaged", [math.nan, math.inf, -math.inf, 1e9])
def test_of_a_damaged_region_nothing_is_seen(damaged, place):
    region = Region(*np.where(np.arange(3) == place, damaged, 50.0).tolist())
    assert not cut(np.full((100, 100, 3), 9, np.uint8), region.in_pixels).any()


def test_landmarks_are_read_in_source_pixels_with_their_confidence():
    landmarks = np.zeros((1, 39, 5), np.float32)
    landmarks[0, :, :2] = 128.0
    landmarks[0, :, 3:] = 9.0
    landmarks[0, 27, 3] = -9.0  # left ankle hidden
    landmarks[0, 34, :2] = 128.0, 28.0
    outputs = {"landmarks": landmarks, "presence": np.ones((1, 1)), "mask": np.zeros((1, 256, 256, 1), np.float32)}
    (reading,) = read(outputs, [Region(300.0, 200.0, 512.0)])
    np.testing.assert_allclose(reading.keypoints[:, :2], np.tile([300.0, 200.0], (18, 1)))
    assert reading.keypoints[15, 2] < 0.01 < 0.99 < reading.keypoints[16, 2]
    assert reading.next_region == Region(300.0, 200.0, pytest.approx(500.0))


@pytest.mark.parametrize("missing", [[], [15], [15, 16], [13, 14, 15, 16], [0, 1, 2, 3, 4]])
def test_lost_limbs_hardly_change_the_region(missing):
    keypoints = np.column_stack([FIGURE * 200 + (300, 240), np.ones(18)])
    keypoints[missing] = np.nan, np.nan, 0
    region = region_from_keypoints(keypoints)
    assert abs(region.x - 300) < 10
    assert abs(region.y - 240) < 10
    assert 220 <= region.side <= 340


def test_too_little_of_a_person_is_no_region():
    keypoints = np.full((18, 3), np.nan)
    keypoints[3] = 10, 10, 1
    assert region_from_keypoints(keypoints) is None
