import pickle

import numpy as np
import pytest

from rt_gait_ros.datasets import casia_b
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.silhouette_spread import BANDS, FEWEST, Spread, generated_widths, real_widths
from rt_gait_ros.synthesis.walks import Nuisances


def drawn(between: float, within: float, people: int = 120, walks: int = 6) -> np.ndarray:
    random = np.random.default_rng(0)
    own = 20.0 + between * random.standard_normal((people, 1, 2, 64))
    return own + within * random.standard_normal((people, walks, 2, 64))


def test_deviations_are_those_that_widths_were_drawn_with():
    spread = Spread.of(drawn(1.2, 0.4))
    assert list(spread.between) == list(spread.within) == list(BANDS)
    assert list(spread.between.values()) == pytest.approx([1.2] * len(BANDS), rel=0.15)
    assert list(spread.within.values()) == pytest.approx([0.4] * len(BANDS), rel=0.15)


def test_people_who_are_the_same_do_not_differ_by_their_walks():
    spread = Spread.of(drawn(0.0, 1.0))
    assert max(spread.between.values()) < 0.3


def test_a_few_people_with_holes_count_little_and_walks_may_be_missing():
    widths = drawn(1.0, 0.3)
    widths[:15, :, :, 14:22] -= 12.0
    widths[20:60, 3:] = np.nan
    spread = Spread.of(widths)
    assert spread.between["chest"] < 1.5
    assert spread.within["chest"] == pytest.approx(0.3, rel=0.15)


def test_too_few_are_refused():
    with pytest.raises(UsageError, match="1 people of 6 walks"):
        Spread.of(drawn(1.0, 1.0, people=1))
    with pytest.raises(UsageError, match="5 people of 1 walks"):
        Spread.of(drawn(1.0, 1.0, people=5, walks=1))


def test_widths_of_real_people_are_read(tmp_path):
    frames = np.zeros((FEWEST, 64, 64), np.uint8)
    frames[:, 10:20, 30:37] = 255
    for name, seen in (("090", frames), ("000", frames[:3])):
        path = tmp_path / "001" / "nm-02" / name / f"{name}.pkl"
        path.parent.mkdir(parents=True)
        path.write_bytes(pickle.dumps(seen))
    widths = real_widths(casia_b.find(tmp_path, [1]), ("000", "090"))
    assert widths.shape == (1, 6, 2, 64)
    assert widths[0, 1, 1].tolist() == [7.0 * (10 <= row < 20) for row in range(64)]
    assert np.isfinite(widths).sum() == 64  # the other walks are not there, or too short


def test_generated_people_are_the_same_whenever_they_walk():
    first, again = (
        generated_widths(1.0, 1.0, Nuisances(clothes=0.1, noise=0.0), 2, 2, ("090",), lambda line: None)
        for _ in range(2)
    )
    assert first.shape == (2, 2, 1, 64)
    np.testing.assert_array_equal(first, again)
    assert np.nanmax(np.abs(first[0] - first[1])) > 0.5
