"""What the tracker learns of who walks."""

import numpy as np
import pytest

from rt_gait_ros.tracking.walking_signs import DATA
from rt_gait_ros.training.walking import examples, fit, write


@pytest.mark.parametrize("seldom", [False, True])
def test_walkers_are_told_from_others_of_whom_nothing_was_learned(seldom, tmp_path):
    learned, others = (examples(200, seed, seldom=seldom) for seed in (1, 2))
    weights = fit(learned)
    right = (weights.probability(others.signs) > 0.5) == others.walks
    assert right[others.walks].mean() > 0.85
    assert right[~others.walks].mean() > 0.85
    write(weights, tmp_path / "named_as_asked")
    shipped = DATA / ("walking_seldom.npz" if seldom else "walking.npz")
    with np.load(tmp_path / "named_as_asked") as new, np.load(shipped) as old:
        assert {name: new[name].shape for name in new} == {name: old[name].shape for name in old}
