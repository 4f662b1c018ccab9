import numpy as np
import pytest

from rt_gait_ros.gait.fusion import Strangers, fuse


def test_models_of_different_units_count_alike():
    random = np.random.default_rng(1)
    one, other = random.normal(5, 2, 400), random.normal(0.3, 0.01, 400)
    strangers = [Strangers.of(one), Strangers.of(other)]
    assert (strangers[0].centre, strangers[0].spread) == (pytest.approx(5, abs=0.3), pytest.approx(2, rel=0.15))
    both = fuse([np.array([1.0, 5.0]), np.array([0.28, 0.30])], strangers)
    assert both == pytest.approx([-2.0, 0.0], abs=0.3)
    again = fuse([np.array([1.0, 5.0]) * 9, np.array([0.28, 0.30])], [Strangers.of(one * 9), strangers[1]])
    assert again == pytest.approx(both)


def test_a_few_comparisons_of_one_person_do_not_count():
    strangers = np.random.default_rng(1).normal(5, 2, 400)
    mixed = Strangers.of(np.concatenate([strangers, np.full(40, -50.0)]))
    assert mixed.centre == pytest.approx(Strangers.of(strangers).centre, abs=0.4)
    assert mixed.spread == pytest.approx(Strangers.of(strangers).spread, rel=0.2)


@pytest.mark.parametrize("distances", [np.ones(5), np.array([1.0, np.nan, 2.0])])
def test_distances_that_say_nothing_are_refused(distances):
    with pytest.raises(ValueError, match="no spread"):
        Strangers.of(distances)
