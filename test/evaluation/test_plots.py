import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.open_set import det_curve
from rt_gait_ros.evaluation.plots import det_plot, save_image


def test_a_worse_model_has_a_higher_curve(tmp_path):
    random = np.random.default_rng(1)
    heights = []
    for apart in (1.0, 3.0):
        curve = det_curve(random.normal(0, 1, 500), random.normal(apart, 1, 500))
        image = det_plot(curve, "test")
        rows, _ = np.nonzero((image == (180, 90, 20)).all(axis=2))
        heights.append(rows.mean())
    assert heights[0] < heights[1]
    save_image(tmp_path / "det.png", image)
    with pytest.raises(GaitError, match="nowhere"):
        save_image(tmp_path / "nowhere" / "det.png", image)
