import math

import numpy as np
import pytest

from rt_gait_ros.evaluation.recognition import rank_rate, to_persons, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Newcombe (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_interval(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_rank_rates_of_a_table_read_by_eye():
    distances = np.array([[1, 2, 3], [1, 2, 3], [3, 2, 1], [5, 5, 9]])
    truth = np.array([0, 1, 0, 0])
    assert [rank_rate(distances, truth, k).hits for k in (1, 2, 3)] == [1, 3, 4]  # the tie is not a first place
    assert rank_rate(distances, truth).rate == 0.25
    assert math.isnan(rank_rate(np.zeros((0, 3)), np.zeros(0)).rate)


def test_the_nearest_template_of_each_person_counts():
    nearest = to_persons(np.array([[3.0, 1.0, 2.0]]), np.array([0, 0, 2]), 3)
    np.testing.assert_array_equal(nearest, [[1.0, np.inf, 2.0]])
