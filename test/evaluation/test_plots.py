import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.open_set import det_curve
from rt_gait_ros.evaluation.plots import MARGIN, beside, count_plot, det_plot, matrix_plot, save_image


def test_a_worse_model_has_a_higher_curve(tmp_path):
    random = np.random.default_rng(1)
    heights = []
    for apart in (1.0, 3.0):
        curve = det_curve(random.normal(0, 1, 500), random.normal(apart, 1, 500))
        image = det_plot({"curve": curve}, "test")
        rows, _ = np.nonzero((image == (180, 90, 20)).all(axis=2))
        heights.append(rows.mean())
    assert heights[0] < heights[1]
    save_image(tmp_path / "det.png", image)
    with pytest.raises(GaitError, match="nowhere"):
        save_image(tmp_path / "nowhere" / "det.png", image)


def test_a_matrix_shows_shares_as_colours_and_what_is_unknown_as_white():
    shares = np.array([[1.0, 0.0], [np.nan, 0.5]])
    image = matrix_plot(shares, ["a", "b"], ["a", "b"], "test")
    corners = [tuple(image[MARGIN + y, MARGIN + x]) for y, x in ((2, 2), (2, 46), (46, 2), (46, 46))]
    assert len(set(corners)) == 4
    assert corners[2] == (255, 255, 255)


def test_more_of_a_share_is_higher():
    image = count_plot({"low": {1: 0.1, 30: 0.2}, "high": {1: 0.8, 30: 0.9}}, "frames", "test")
    rows = [np.nonzero((image == colour).all(axis=2))[0] for colour in ((180, 90, 20), (40, 120, 220))]
    assert np.median(rows[0]) > np.median(rows[1])
    assert count_plot({"one": {7: 0.5}}, "frames", "test").shape == image.shape
    assert beside(image, image[:100]).shape == (image.shape[0], 2 * image.shape[1], 3)
