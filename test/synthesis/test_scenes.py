from itertools import pairwise

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.synthesis.motion import INDEX
from rt_gait_ros.synthesis.scenes import KINDS, Crowd, crowd, follow
from rt_gait_ros.synthesis.sight import sight


def present(scene: Crowd, every: int = 10) -> np.ndarray:
    """(T / every, P) bool: who is in the picture."""
    numbers = range(0, len(scene), every)
    return np.array([[surface is not None for surface in sight(scene, n).surfaces] for n in numbers])


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_is_seen_and_nobody_walks_into_the_camera(kind: str):
    scene = crowd(kind, people=3, seed=1, seconds=15.0, fps=10.0)
    assert len(scene) == 150
    assert [actor.identity for actor in scene.actors] == [1, 2, 3]
    assert present(scene).any(axis=0).all()
    assert min(actor.walk.depth.min() for actor in scene.actors) > 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_its_seeds(kind: str):
    first, again, other = (crowd(kind, seed=seed, seconds=1.0) for seed in (4, 4, 5))
    for one, same, another in zip(first.actors, again.actors, other.actors, strict=True):
        np.testing.assert_array_equal(one.walk.capsules, same.walk.capsules)
        assert one.who.stature != another.who.stature


def test_on_another_day_the_same_people_walk_otherwise():
    days = [crowd("crossing", people=2, seconds=1.0, seed=4, day=day) for day in (0, 1, 2, 1)]
    for first, second, third, again in zip(*(scene.actors for scene in days), strict=True):
        assert first.who.style == second.who.style == third.who.style
        assert first.who.stature == second.who.stature
        walks = [actor.walk.joints - actor.walk.joints[:1, :1] for actor in (first, second, third)]
        assert all(np.abs(one - other).max() > 0.02 for one, other in pairwise(walks))
        np.testing.assert_array_equal(second.walk.joints, again.walk.joints)


def test_people_who_cross_walk_against_each_other_and_pass():
    one, two = (actor.walk.joints[:, INDEX["pelvis"], 1] for actor in crowd("crossing", seconds=5.0).actors)
    assert np.sign(one[0]) != np.sign(two[0])
    gap = one - two
    assert gap.min() < 0 < gap.max()


def test_people_who_follow_keep_their_order():
    scene = crowd("following", people=3, seconds=4.0)
    places = np.stack([actor.walk.joints[:, INDEX["pelvis"], 1] for actor in scene.actors])
    start = places[:, 0]
    assert (np.diff(start) > 1.0).all()
    assert (np.diff(places, axis=1) <= 0.05).all()  # all walk to the right


def test_who_returns_was_away_for_seconds():
    scene = crowd("returning", people=1, seconds=25.0, fps=10.0)
    there = present(scene, every=1)[:, 0]
    runs = np.flatnonzero(np.diff(there.astype(int)))
    gaps = [end - start for start, end in pairwise(runs) if not there[start + 1]]
    assert gaps
    assert max(gaps) > 30  # images at 10 a second


def test_who_approaches_grows():
    scene = crowd("approaching", people=4, seconds=20.0, fps=10.0)
    depth = np.stack([actor.walk.depth.mean(axis=(1, 2)) for actor in scene.actors])
    assert ((depth[:, 0] > 18.5) & (depth[:, 0] < 20.5)).all()
    assert depth.min(axis=1).max() < 3.5


def test_a_stander_stays_and_keeps_the_knees_straight():
    body = crowd("standing", seconds=5.0).actors[0].walk.joints
    assert np.ptp(body[:, INDEX["pelvis"], :2], axis=0).max() < 0.05
    hip, knee, ankle = (body[:, INDEX[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    leg = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
    assert (np.linalg.norm(hip - ankle, axis=1) > 0.99 * leg).all()


def test_a_way_is_followed_over_and_over_with_wide_turns():
    times = np.arange(1000) / 25.0
    positions, headings = follow([(4.0, 3.0), (4.0, -3.0)], 1.5, times)
    np.testing.assert_allclose(np.hypot(*np.diff(positions, axis=0).T) * 25.0, 1.5)
    assert positions[:, 1].min() < -2.0
    assert (np.diff(np.sign(positions[:, 1])) != 0).sum() >= 6
    assert np.degrees(np.abs(np.diff(headings)).max()) * 25.0 < 131.0


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"kind": "dancing"}, "known are crossing, following, returning, approaching, standing"),
        ({"people": 0}, "people 0 is outside 1 to 12"),
        ({"seconds": 1e6}, "seconds 1e+06 is outside"),
        ({"fps": 0.0}, "fps 0 is outside"),
        ({"height": 9.0}, "height 9 is outside"),
        ({"size": (8, 8)}, "8x8"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(wrong: dict[str, object], line: str):
    with pytest.raises(UsageError) as error:
        crowd(**{"kind": "crossing", **wrong})  # type: ignore[arg-type]
    assert line in str(error.value)
    assert "\n" not in str(error.value)
