import numpy as np

from rt_gait_ros.evaluation import pairs
from rt_gait_ros.evaluation.pairs import matrix_pairs


def test_pairs_of_a_table_are_by_person_and_only_what_is_known():
    between = np.array([[1.0, 2.0, np.nan], [3.0, np.inf, 5.0]])
    found = matrix_pairs(between, np.array(["ada", "ben"]), np.array(["ada", "ben", "ada"]))
    assert found.genuine.tolist() == [1.0]
    assert found.impostor.tolist() == [2.0, 3.0, 5.0]


def test_of_many_pairs_evenly_chosen_ones_are_kept(monkeypatch):
    monkeypatch.setattr(pairs, "MOST", 10)
    found = matrix_pairs(np.arange(100.0).reshape(10, 10), np.zeros(10), np.ones(10))
    assert found.impostor.tolist() == [float(n) for n in range(0, 100, 10)]
