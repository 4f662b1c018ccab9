import numpy as np
import pytest

from rt_gait_ros.tracking.box_noise import HIGHEST, LOWEST, BoxNoise

CONFIGURED, PREDICTED = np.full((1, 4), 100.0), 25.0
WHOLE = np.ones((1, 4), dtype=bool)


def taught(deviation, whole=WHOLE):
    """After 2000 boxes whose error has `deviation`, of tracks known with variance PREDICTED."""
    random, noise = np.random.default_rng(0), BoxNoise()
    for residual in random.normal(0, np.sqrt(np.square(deviation) + PREDICTED), (2000, 1, 4)):
        noise.learn(residual, np.full((1, 4), PREDICTED), CONFIGURED, whole)
    return noise.scale


@pytest.mark.parametrize("deviation", [5.0, 10.0, 15.0])
def test_it_finds_the_detectors_deviation(deviation):
    np.testing.assert_allclose(10 * np.sqrt(taught(deviation)), deviation, rtol=0.15)


def test_each_coordinate_is_learned_by_itself():
    scale = taught(np.array([5.0, 10.0, 5.0, 10.0]))
    assert scale[[0, 2]].max() < 0.5 < scale[[1, 3]].min()


def test_it_stays_within_its_range():
    smallest, largest = taught(0.01), taught(100.0)
    assert smallest.min() >= LOWEST
    assert smallest.max() < 1.2 * LOWEST
    assert largest.max() <= HIGHEST
    assert largest.min() > 0.8 * HIGHEST


def test_what_the_border_cuts_teaches_nothing():
    scale = taught(15.0, whole=np.array([[False, True, False, True]]))
    np.testing.assert_array_equal(scale[[0, 2]], 1)
    assert (scale[[1, 3]] > 1.5).all()


def test_a_single_slip_changes_little():
    noise = BoxNoise()
    noise.learn(np.full((1, 4), 1e6), np.full((1, 4), 25.0), CONFIGURED, WHOLE)
    assert (noise.scale < 1.3).all()
