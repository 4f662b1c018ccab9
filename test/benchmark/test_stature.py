import argparse

import numpy as np
import pytest
import stature

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.measures import STATURE


def test_a_stature_comes_out_of_generated_walks_by_depth_and_by_the_floor():
    random = np.random.default_rng(0)
    who = stature.person(900_000, shape=1.0, manner=1.0)
    seen, shapes = stature._walk(who, random)
    assert shapes.shape[1:] == (64, 64)
    found = [stature.measured(seen, random, half)[STATURE] for half in (stature.HALF_TRUNK, None)]
    assert found[0].value == pytest.approx(who.stature, abs=0.12)  # with hair and heels
    assert found[1].deviation > found[0].deviation


def test_too_few_people_are_refused():
    with pytest.raises(UsageError, match="4 or more"):
        stature.measure(argparse.Namespace(people=2, model="gaitset_small_v5_stream"), print)
