"""Whom to look at in this image, and whom only to expect where they were going, when there is no time for everybody."""

from collections.abc import Collection, Sequence

import numpy as np

from rt_gait_ros.pose.follower import Follower

# Looks that come first: the tracker believes in somebody who was seen in three images. So does the next look at
# somebody whom the last one did not show.
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
# Two followers who are expected nearer to each other than this, in body heights, may be on one person: about twice as
# far as follower.SAME_PERSON, for the places are only expected. Looks at both in one image tell, and that holds for so
# many seconds. Within 0.5 people walk side by side.
_MAY_BE_ONE, _TOLD_APART = 0.15, 0.5


def newcomers(followers: Sequence[Follower]) -> bool:
    """Whether somebody is to have their first looks: one in each image that did not wait, however scarce time is."""
    return any(follower.looks < _FIRST_LOOKS for follower in followers)


def least(people: int, step: float) -> float:
    """Looks in an image `step` seconds after the one before, of so many people, that nobody waits too long; at most
    one."""
    return min(people * step / _LONGEST_WAIT, 1.0)


def doubtful(followers: Sequence[Follower], time: float) -> tuple[Follower, ...]:
    """Two followers who may be on one person and were not looked at in one image lately; () where there are none.

    Of several such pairs, the one that waits longest for it.
    """
    if len(followers) < 2:
        return ()
    places = [follower.expected(time) for follower in followers]
    x, y, height = np.array([(place.x, place.y, place.height) for place in places]).T
    near = np.hypot(x[:, None] - x, y[:, None] - y) < _MAY_BE_ONE * np.minimum(height[:, None], height)
    if np.count_nonzero(near) <= near.trace():  # as most often: nobody is but to themselves
        return ()
    longest, found = _TOLD_APART, (-1, -1)
    for first, second in np.argwhere(np.triu(near, 1)).tolist():
        waits = time - followers[first].last_look_with(followers[second])
        if waits > longest:
            longest, found = waits, (first, second)
    return tuple(followers[number] for number in found if number >= 0)


def comes_first(pair: Collection[Follower], followers: Sequence[Follower], count: int, time: float) -> bool:
    """Whether `choose` looks at the two of `pair` among `count`: where that leaves nobody else waiting too long."""
    overdue = sum(follower.unseen_for(time) > _LONGEST_WAIT for follower in followers if follower not in pair)
    return 0 < len(pair) <= count - overdue


def choose(followers: Sequence[Follower], count: int, time: float, pair: Collection[Follower] = ()) -> list[Follower]:
    """The `count` followers to look at, by need and by the time since the last look; in their own order.

    A follower's turn grows with the time since its last look, so that everybody has one: weights only say how often.
    pair: two of them who are to be looked at together; they come before the others where nobody has to wait too long
    for it.
    """
    if count >= len(followers):
        return list(followers)
    first = pair if comes_first(pair, followers, count, time) else ()
    ordered = sorted(
        range(len(followers)), key=lambda number: (followers[number] not in first, -_urgency(followers[number], time))
    )
    return [followers[number] for number in sorted(ordered[: max(count, 0)])]


def _urgency(follower: Follower, time: float) -> float:
    waited = follower.unseen_for(time)
    if waited > _LONGEST_WAIT:
        return 1e3 * waited
    if follower.looks < _FIRST_LOOKS or follower.doubted:
        weight = _FIRST_WEIGHT
    else:
        weight = _UNNAMED_WEIGHT if follower.good_frames < NAMED_AFTER else 1.0
    return waited * weight * min(max(follower.height / _NEAR, _FAR_WEIGHT), 1.0)
