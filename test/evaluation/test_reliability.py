import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.pairs import Pairs
from rt_gait_ros.evaluation.plots import reliability_plot
from rt_gait_ros.evaluation.reliability import BINS, held_out_reliability, reliability, stated_reliability
from rt_gait_ros.gait.calibration import fit


def test_figures_of_a_small_case():
    found = reliability(np.array([0.05, 0.75, 0.75, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]), np.full(4, 0.25))
    assert np.flatnonzero(found.weight).tolist() == [0, 7, BINS - 1]
    np.testing.assert_allclose(found.stated[[0, 7, 9]], [0.05, 0.75, 1.0])
    np.testing.assert_allclose(found.observed[[0, 7, 9]], [0.0, 0.5, 1.0])
    assert found.error == pytest.approx(0.25 * 0.05 + 0.5 * 0.25)


def test_a_curve_of_the_right_kind_is_reliable_and_one_of_another_kind_is_less():
    random = np.random.default_rng(3)
    # two Gaussians of one width: their odds are a logistic curve of the distance
    fits = held_out_reliability(Pairs(random.normal(1, 0.5, 2000), random.normal(2, 0.5, 6000)))
    twofold = np.concatenate([random.normal(0.0, 0.1, 1200), random.normal(2.2, 0.1, 800)])
    misfits = held_out_reliability(Pairs(twofold, random.normal(2, 0.5, 6000)))
    assert fits.error < 0.02
    assert misfits.error > 3 * fits.error
    assert fits.weight.sum() == pytest.approx(1.0)


def test_a_calibration_is_judged_on_other_pairs():
    """Right where they are as those it was fitted on, too sure of itself where people look more alike."""
    random = np.random.default_rng(5)
    fitted = fit(random.normal(1, 0.5, 2000), random.normal(2, 0.5, 4000), model="", false_accept_rate=0.1, source="")
    same = stated_reliability(fitted, random.normal(1, 0.5, 3000), random.normal(2, 0.5, 3000))
    harder = stated_reliability(fitted, random.normal(1, 0.5, 3000), random.normal(1.2, 0.5, 3000))
    assert same.error < 0.03
    assert harder.error > 0.15
    assert same.weight.sum() == pytest.approx(1.0)


def test_too_few_pairs_are_refused():
    with pytest.raises(UsageError, match="too few"):
        held_out_reliability(Pairs(np.arange(11.0), np.arange(40.0)))


def test_the_diagram_shows_a_step_where_there_are_pairs():
    random = np.random.default_rng(3)
    image = reliability_plot(held_out_reliability(Pairs(random.normal(1, 0.5, 500), random.normal(2, 0.5, 500))), "m")
    assert (image == (180, 90, 20)).all(axis=2).any()
