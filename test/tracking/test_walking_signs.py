import numpy as np
import pytest

from rt_gait_ros.tracking.walking_signs import MOMENTS, WINDOW, Weights, evenly, weights


def test_values_are_interpolated_at_even_times_of_the_window():
    times = np.array([[-1e6, -1.0, -0.5, -0.1, 0.0]])
    values = np.stack([2.0 * times, np.full(times.shape, 7.0)], axis=-1)
    values[0, 0] = np.nan  # nothing is there
    even = evenly(times, values)
    assert even.shape == (1, MOMENTS, 2)
    np.testing.assert_allclose(even[0, :, 0], 2.0 * np.linspace(-WINDOW, 0.0, MOMENTS))
    np.testing.assert_allclose(even[0, :, 1], 7.0)


def test_signs_that_are_not_known_leave_the_probability():
    network = weights()
    usual = network.mean.copy()
    unknown = np.where(np.arange(len(usual)) < 20, np.nan, usual)
    np.testing.assert_allclose(network.probability(usual[None]), network.probability(unknown[None]))


@pytest.mark.parametrize("far", [-1e9, 1e9])
def test_probabilities_stay_numbers(far):
    network = Weights(np.zeros(2), np.ones(2), np.ones((2, 3)), np.zeros(3), np.full(3, 50.0), 0.0)
    assert network.probability(np.array([[far, far]]))[0] in (pytest.approx(0.0), pytest.approx(1.0))
