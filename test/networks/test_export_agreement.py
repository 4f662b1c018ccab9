import numpy as np
import pytest

from rt_gait_ros.networks.export import Agreement

ONES = np.ones((2, 3), np.float32)


def test_the_greatest_difference_and_magnitude_of_all_pairs():
    found = Agreement.of([(ONES, ONES), (2 * ONES, 2 * ONES + 0.5)])
    assert (found.difference, found.scale) == (0.5, 2.0)
    assert not found.holds
    assert Agreement.of([(ONES, ONES + 5e-5)]).holds


@pytest.mark.parametrize(("expected", "value"), [(ONES, np.nan), (np.nan * ONES, np.nan), (np.inf * ONES, np.inf)])
def test_what_is_no_number_agrees_with_nothing(expected, value):
    assert not Agreement.of([(expected, np.full_like(ONES, value))]).holds
