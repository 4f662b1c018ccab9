import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rt_gait_ros.tracking.ellipsoid import ellipsoid


def test_as_many_draws_lie_in_the_ellipsoid_as_its_probability_says():
    turned = Rotation.from_euler("xyz", (0.4, -0.9, 1.2)).as_matrix()
    covariance = turned @ np.diag([0.01, 0.04, 0.5]) @ turned.T
    diameters, quaternion = ellipsoid(covariance, 0.95)
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(3), covariance, 20_000)
    along = draws @ Rotation.from_quat(quaternion).as_matrix()
    within = ((2 * along / diameters) ** 2).sum(axis=1) <= 1.0
    assert within.mean() == pytest.approx(0.95, abs=0.01)


def test_what_is_no_covariance_is_not_drawn():
    assert ellipsoid(np.zeros((3, 3))) is None
    assert ellipsoid(np.diag([1.0, np.nan, 1.0])) is None
    assert ellipsoid(np.diag([1.0, -1.0, 1.0])) is None
