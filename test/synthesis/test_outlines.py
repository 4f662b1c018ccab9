import numpy as np
import pytest

from rt_gait_ros.synthesis.outlines import Outline, draw_mask, losable_triangles, signed_field

SQUARE = np.array([[10, 10], [30, 10], [30, 30], [10, 30]], np.float32)
TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def test_a_mask_is_what_triangles_and_pieces_cover():
    mask = draw_mask(SQUARE, [], TRIANGLES, (40, 60))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask > 0).sum() == pytest.approx(400, rel=0.12)
    assert mask[20, 20]
    assert not mask[5, 5]
    piece = np.array([[40, 10], [50, 10], [50, 30], [40, 30], [45, 20]], np.float32)
    both = draw_mask(SQUARE, [piece], TRIANGLES, (40, 60))
    assert both[20, 45]
    assert (both > 0).sum() == pytest.approx(600, rel=0.15)


def test_the_far_side_of_a_surface_is_not_drawn_twice():
    assert not draw_mask(SQUARE, [], TRIANGLES[:, ::-1].copy(), (40, 60)).any()


def test_the_field_is_the_distance_to_the_edge():
    field = signed_field(draw_mask(SQUARE, [], TRIANGLES, (40, 60)))
    assert field.dtype == np.float32
    assert field[20, 20] == pytest.approx(-10, abs=1.5)
    assert field[20, 40] == pytest.approx(10, abs=1.5)


def test_a_walker_fills_the_rows():
    outline = Outline(np.stack([SQUARE, SQUARE * 3]), [np.stack([SQUARE - 5, SQUARE * 3 - 5])])
    for image in range(2):
        vertices, pieces, width = outline.fitted(image, 100, 10)
        points = np.concatenate([vertices, *pieces])
        assert points[:, 1].min() == pytest.approx(10)
        assert points[:, 1].max() == pytest.approx(110)
        assert points[:, 0].max() <= width


def test_hands_feet_and_heads_can_be_lost():
    parts = losable_triangles()
    assert all(0 < part.sum() < part.size / 2 for part in parts)
