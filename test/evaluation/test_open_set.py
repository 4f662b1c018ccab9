import numpy as np
import pytest
from scipy.stats import norm

from rt_gait_ros.evaluation.open_set import Comparison, det_curve, equal_error_rate, fnir_at_fpir, searches


@pytest.mark.parametrize(
    ("genuine", "impostor", "rate"),
    [([1, 2], [3, 4], 0.0), ([3, 4], [1, 2], 1.0), ([1, 2, 3, 4], [1, 2, 3, 4], 0.5), ([1, 3], [2, 4], 0.5)],
)
def test_equal_error_rate_of_small_sets(genuine, impostor, rate):
    assert equal_error_rate(np.array(genuine), np.array(impostor)) == pytest.approx(rate)


def test_equal_error_rate_of_two_normal_distributions():
    random = np.random.default_rng(1)
    rate = equal_error_rate(random.normal(0, 1, 20000), random.normal(2, 1, 20000))
    assert rate == pytest.approx(norm.cdf(-1), abs=0.005)


def test_det_curve_runs_from_nothing_to_everything_accepted():
    curve = det_curve(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
    np.testing.assert_array_equal(curve.thresholds, [-np.inf, 1.0, 1.5, 2.0])
    np.testing.assert_array_equal(curve.false_match, [0, 0, 0.5, 1])
    np.testing.assert_array_equal(curve.false_non_match, [1, 0.5, 0.5, 0])


def test_each_probe_is_searched_with_and_without_its_person():
    found = searches(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), np.array([0, 2]))
    np.testing.assert_array_equal(found.right, [True, False])
    np.testing.assert_array_equal(found.mated, [1.0, 1.0])
    np.testing.assert_array_equal(found.non_mated, [2.0, 1.0])


def test_fnir_is_taken_at_the_line_that_strangers_pass_at_the_wanted_rate():
    own = np.arange(100) * 0.01  # 0 .. 0.99
    others = 0.505 + np.arange(100) * 0.01
    found = searches(np.stack([own, others], axis=1), np.zeros(100))
    miss, line = fnir_at_fpir(found, 0.01)
    assert (found.non_mated <= line).sum() == 1
    assert miss == pytest.approx((own > line).mean())
    strict, line = fnir_at_fpir(found, 0.001)  # too few searches to show such a rate: nobody may pass
    assert (found.non_mated <= line).sum() == 0
    assert strict >= miss


def test_comparisons_split_own_from_others_and_join():
    first = Comparison.of(np.array([[1.0, 5.0, 6.0], [2.0, 7.0, 8.0]]), np.array([0, 1]))
    np.testing.assert_array_equal(first.genuine, [1, 7])
    np.testing.assert_array_equal(first.impostor, [5, 6, 2, 8])
    other = Comparison.of(np.array([[9.0, 3.0]]), np.array([1]))
    both = Comparison.joined([first, other])
    np.testing.assert_array_equal(both.genuine, [1, 7, 3])
    np.testing.assert_array_equal(both.found.right, [True, False, True])
    figures = both.figures()
    assert figures["eer"] == equal_error_rate(both.genuine, both.impostor)
    assert (figures["fnir_at_fpir_1"], figures["threshold"]) == fnir_at_fpir(both.found, 0.01)
