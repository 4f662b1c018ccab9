"""Whom to look at in this image, and whom only to expect where they were going, when there is no time for everybody."""

from collections.abc import Sequence

from rt_gait_ros.pose.follower import Follower

# Looks that come first: the tracker believes in somebody who was seen in three images.
_FIRST_LOOKS = 4
_FIRST_WEIGHT = 6.0
# Gait frames that the gait node asks for before it names somebody: a window of thirty, and some looks of five more
# each. Whoever has given fewer is taken as not yet named, and comes before those who have.
NAMED_AFTER = 60
_UNNAMED_WEIGHT = 2.0
# Pixels of body height from which on somebody counts fully; half as much counts half as often.
_NEAR = 96.0
_FAR_WEIGHT = 0.5
# Nobody waits longer than this for a look, seconds, as long as one look an image is enough for that.
_LONGEST_WAIT = 0.4


def newcomers(followers: Sequence[Follower]) -> bool:
    """Whether somebody is to have their first looks: one in each image that did not wait, however scarce time is."""
    return any(follower.looks < _FIRST_LOOKS for follower in followers)


def least(people: int, step: float) -> float:
    """Looks in an image `step` seconds after the one before, of so many people, that nobody waits too long; at most
    one."""
    return min(people * step / _LONGEST_WAIT, 1.0)


def choose(followers: Sequence[Follower], count: int, time: float) -> list[Follower]:
    """The `count` followers to look at, by need and by the time since the last look; in their own order.

    A follower's turn grows with the time since its last look, so that everybody has one: weights only say how often.
    """
    if count >= len(followers):
        return list(followers)
    ordered = sorted(range(len(followers)), key=lambda number: -_urgency(followers[number], time))
    return [followers[number] for number in sorted(ordered[: max(count, 0)])]


def _urgency(follower: Follower, time: float) -> float:
    waited = follower.unseen_for(time)
    if waited > _LONGEST_WAIT:
        return 1e3 * waited
    if follower.looks < _FIRST_LOOKS:
        weight = _FIRST_WEIGHT
    else:
        weight = _UNNAMED_WEIGHT if follower.good_frames < NAMED_AFTER else 1.0
    return waited * weight * min(max(follower.height / _NEAR, _FAR_WEIGHT), 1.0)
