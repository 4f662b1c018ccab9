import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.pose.assignment import assign


@pytest.mark.parametrize("integers", [False, True], ids=["real", "ties"])
def test_assignments_cost_no_more_than_scipys(integers):
    random = np.random.default_rng(5)
    for _ in range(500):
        rows = int(random.integers(1, 12))
        columns = int(random.integers(rows, 16))
        cost = random.normal(size=(rows, columns))
        if integers:
            cost = np.round(2 * cost)
        match = np.empty(rows, np.int32)
        assign(cost, rows, columns, match)
        assert len(set(match)) == rows
        best = cost[linear_sum_assignment(cost)].sum()
        assert cost[np.arange(rows), match].sum() == pytest.approx(best)
