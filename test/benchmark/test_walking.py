"""The rows of people who are looked at seldom, of the benchmark of who walks."""

import argparse

import numpy as np
import pytest
import walking
import walking_seldom

from rt_gait_ros.errors import UsageError


@pytest.mark.parametrize(("text", "every"), [("1,3, 10", (1, 3, 10)), ("", ()), ("25", (25,))])
def test_how_seldom_is_a_list_of_images(text, every):
    assert walking_seldom.read_every(text) == every


@pytest.mark.parametrize("text", ["0", "1,26", "-1", "2.5", "a", "1;3", "nan"])
def test_what_is_no_list_of_images_is_said_in_one_line(text):
    with pytest.raises(UsageError, match=r"give whole numbers of images from 1 to 25, as 1,3,6,10$"):
        walking_seldom.read_every(text)


def test_somebody_is_looked_at_in_every_third_image_and_has_a_box_in_all():
    seen = walking_seldom._seen("walks", 90.0, False, 3, np.random.default_rng(1))
    looked_at = np.isfinite(seen.keypoints[..., 0]).any(axis=1)
    assert np.flatnonzero(looked_at).tolist() == list(range(0, len(seen.stamps), 3))
    assert np.isfinite(seen.boxes).all()


def test_walkers_from_each_side_and_all_who_do_not_walk_have_a_row():
    said = []
    words = argparse.Namespace(every="3", only_every=True, people=4, seed=1)
    rows = {row.name: row.value for row in walking.measure(words, said.append)}
    assert list(rows) == [f"{name}_every_3" for name in ("side", "oblique", "away", "away_followed", "others")]
    assert len(said) == 1
    assert rows["side_every_3"] > 90.0
    assert rows["others_every_3"] < 10.0
