import numpy as np

from rt_gait_ros.evaluation.company_pairs import company_pairs
from rt_gait_ros.evaluation.day_pairs import Looks


def test_pairs_of_households_are_of_two_days():
    """Twelve people from two views that move everybody by far more than people differ."""
    random = np.random.default_rng(2)
    people, views = random.normal(0, 1, (12, 1, 1, 2, 16)), random.normal(0, 4, (1, 1, 2, 2, 16))
    names = np.array([(f"{p:02}", day, view) for p in range(12) for day in "ab" for view in ("000", "090")])
    looks = (people + views + random.normal(0, 0.2, (12, 2, 2, 2, 16))).reshape(-1, 2, 16).astype(np.float32)
    pairs = company_pairs(Looks(*names.T, looks))
    assert len(pairs.genuine) == 4 * 40 * (4 + 4 + 3 + 2 + 1)
    assert len(pairs.impostor) == 4 * 40 * (4 * (4 + 5 + 4 + 2 + 1 + 1 + 4)) - len(pairs.genuine)
    # the middle of those in view has four fifths of the way at the most: what is left of the views stays
    assert np.median(pairs.genuine) < np.percentile(pairs.impostor, 1)
    one_day = names[:, 1] == "a"
    alike = company_pairs(Looks(*names[one_day].T, looks[one_day]))
    assert (len(alike.genuine), len(alike.impostor)) == (0, 0)
