"""Whom to look at in this image, and whom only to expect where they were going, when there is no time for everybody."""

from collections.abc import Collection, Sequence

import numpy as np

from rt_gait_ros.pose.follower import Follower

# Looks that come first: the tracker believes in somebody who was seen in three images. So does the next look at
# somebody whom the last one did not show.
_FIRST_LOOKS = 4
_FIRST_WEIGHT = 6.0
# Whoever has no name yet comes before those who have. Who has given so many gait frames without one is likely to be a
# stranger.
_UNNAMED_WEIGHT = 2.0
STRANGER_AFTER = 120
# Where the gait node does not say who has a name, whoever has given fewer gait frames is taken as not yet named: it
# asks for a window of thirty, and some looks of five more each.
NAMED_AFTER = 60
# Somebody who is told of is this near to the place that is told, in body heights.
_TOLD_OF = 0.3
# Pixels of body height from which on somebody counts fully; half as much counts half as often. Those who have no name
# by what the gait node says count fully from afar as well: the name of one often decides that of the next.
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


def tell(followers: Sequence[Follower], boxes: np.ndarray, named: Sequence[bool], time: float) -> None:
    """Take what the gait stage says of the people in boxes (N, 4), x, y, width, height in pixels at `time`: who of them
    has a name."""
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    for follower in followers if len(boxes) else ():
        place = follower.expected(time)
        apart = np.hypot(middles[:, 0] - place.x, middles[:, 1] - place.y)
        nearest = int(apart.argmin())
        if apart[nearest] < _TOLD_OF * follower.height:
            follower.tell(named[nearest], time)


def _urgency(follower: Follower, time: float) -> float:
    waited = follower.unseen_for(time)
    if waited > _LONGEST_WAIT:
        return 1e3 * waited
    named = follower.has_name(time)
    if named is None:
        unnamed, least = follower.good_frames < NAMED_AFTER, _FAR_WEIGHT
    else:
        unnamed = not named and follower.good_frames < STRANGER_AFTER
        least = 1.0 if unnamed else _FAR_WEIGHT
    weight = _UNNAMED_WEIGHT if unnamed else 1.0
    if follower.looks < _FIRST_LOOKS or follower.doubted:
        weight = _FIRST_WEIGHT
    return waited * weight * min(max(follower.height / _NEAR, least), 1.0)
