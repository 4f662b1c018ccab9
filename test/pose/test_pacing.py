from rt_gait_ros.pose.budget import Budget
from rt_gait_ros.pose.pacing import Pacing


def test_stamps_that_jump_back_take_nobody_the_search_and_the_look_that_are_due():
    """Images that waited too long have no time left; two searches and looks at newcomers a second come all the same."""
    budget = Budget()
    pacing = Pacing(period=1, budget=budget)
    done = []
    for time in (3600.0, 3600.1, 5.0, 5.1, 5.6):
        budget.taken(10.0, 9.0)
        pacing.begin()
        windows = pacing.windows(1, time, 0.1, first=False, around=True, followed=False)
        done.append((windows, pacing.newcomers(1, (), time)))
    assert done == [(1, 1), (0, 0), (1, 1), (0, 0), (1, 1)]
