import numpy as np

from rt_gait_ros.evaluation.cross_view import CrossView, Searched


def test_who_is_enrolled_from_one_view_alone_hides_nobody_elses_probes():
    """Persons 0 and 1 are enrolled from two views, person 2 from one; everybody is seen from both."""
    owners, enrolled_from = np.array([0, 0, 1, 1, 2]), np.array(["000", "090", "000", "090", "000"])
    truth, seen_from = np.array([0, 0, 1, 1, 2, 2]), np.array(["000", "090"] * 3)
    between = np.where(truth[:, None] == owners, 1.0, 5.0)
    between[2, 1] = 0.5  # person 1, seen from 000, is mistaken for person 0 from 090
    searched = Searched(between, truth, seen_from, owners, enrolled_from, np.array(["nm-01"] * 5))
    found = CrossView.of(searched, ("000", "090"))
    # person 2 from 000 has no other view to be found in
    assert len(found.comparison.genuine) == 5
    assert found.rank1 == 0.8
    assert np.isfinite(found.comparison.impostor).all()
    assert len(found.comparison.impostor) == 2 * 1 + 3 * 2
