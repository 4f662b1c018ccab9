import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.training.flow_windows import (
    FlowGeneration,
    FlowPeople,
    FlowWalk,
    earlier_and_later,
    generate_flow,
    virtual_walks,
)

SMALL = FlowGeneration(cohorts=1, people=2, scenes=2, windows=2, first=7)


def window(value):
    return np.full((25, 60, 60, 2), value, np.int16)


def test_generated_walkers_walk_past_from_the_side():
    """Both ways; a person is the same in every scene, and the windows of a walk are one walk."""
    made = generate_flow(SMALL, 0)
    assert (made.shape, made.dtype) == ((2, 2, 2, 25, 60, 60, 2), np.int16)
    assert np.array_equal(made, generate_flow(SMALL, 0))
    for walk in made.reshape(4, 2, 25, 60, 60, 2):
        across, down = (np.abs(walk[..., way].astype(int)).sum() for way in (0, 1))
        assert across > 2 * down > 0
        # the legs of somebody who walks are faster than the trunk, and the trunk of the middle frame is in the middle
        middle = np.abs(walk[0, 12, :, :, 0])
        assert 20 < np.average(np.arange(60), weights=middle.sum(axis=0)) < 40


def test_what_is_generated_once_is_read_again(tmp_path):
    lines = []
    first = virtual_walks(tmp_path, SMALL, 1, lines.append)
    assert lines == ["2/2 virtual people generated"]
    names = [walk.name for walk in first]
    assert names == [
        "N#1-4/00000-000/scene0",
        "N#5-6/00000-000/scene1",
        "N#1-4/00000-001/scene0",
        "N#5-6/00000-001/scene1",
    ]
    again = virtual_walks(tmp_path, SMALL, 1, lines.append)
    assert lines[1:] == []
    assert all(np.array_equal(a.windows, b.windows) for a, b in zip(first, again, strict=True))
    with pytest.raises(UsageError, match="holds virtual people of other settings"):
        virtual_walks(tmp_path, FlowGeneration(cohorts=1, people=3, first=7), 1, lines.append)


def test_a_batch_is_one_window_of_each_walk_of_each_person():
    walks = [FlowWalk(f"N#1-4/p{who}/{n}", [window(10 * who + n)] * 2) for who in range(1, 4) for n in range(2)]
    people = FlowPeople([*walks, FlowWalk("N#1-4/p9/0", [])])
    assert people.people == ("p1", "p2", "p3")
    windows, labels = people.draw(np.random.default_rng(0), 2, 2)
    assert windows.shape == (4, 25, 60, 60, 2)
    assert [int(labels[0]), int(labels[2])] == [int(labels[1]), int(labels[3])]
    assert labels[0] != labels[2]
    for value, label in zip(windows[:, 0, 0, 0, 0], labels, strict=True):
        assert value // 10 == label + 1
    assert len(set(windows[:, 0, 0, 0, 0].tolist())) == 4
    more, _ = people.draw(np.random.default_rng(0), 16, 5)
    assert len(more) == 15


def test_one_person_cannot_be_trained_on():
    with pytest.raises(UsageError, match="two persons who walk are the least to train on, and 1 are there"):
        FlowPeople([FlowWalk("N#1-4/p1/n01", [window(1)])])


def test_the_later_half_of_walks_asks_for_the_earlier():
    found = earlier_and_later({"ADA": {"c": [window(3)], "a": [window(1)], "b": [window(2)]}, "BEN": {"a": []}})
    assert [walk.name for walk in found] == ["N#1-4/ADA/a", "N#1-4/ADA/b", "N#5-6/ADA/c", "N#1-4/BEN/a"]
