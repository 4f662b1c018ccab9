"""How much is done in one image: how many windows are searched, and who is looked at."""

import math
from collections.abc import Mapping, Sequence

from rt_gait_ros.pose import looks
from rt_gait_ros.pose.budget import Budget
from rt_gait_ros.pose.follower import Follower

# Seconds in which every window has had its turn, however many there are, where the budget allows: people are to be
# found within a second, and the person network has to agree.
_ROUND = 0.8
# Share of the budget that searching may take while people are followed.
_SEARCH_SHARE = 0.35
# Windows a second that are searched, and looks a second at somebody who is seen there, however little time there is:
# nobody who comes is overlooked for good.
_LEAST_SEARCHES = 2.0
_ROUNDING = 1e-9  # of sums that come to a whole number


class Pacing:
    """What one pose pipeline has time for. Times are seconds, of the images' stamps."""

    def __init__(self, period: int, budget: Budget | None) -> None:
        """period: images from one search to the next, at most. budget: None: there is time for everything."""
        self._period, self._budget = period, budget
        self._windows_due = 0.0
        self._windows_saved = 0.0  # of those there is time for, where one takes more than its share of an image
        self._looks_due = 0.0  # that there are however little time is left
        self._searched_at = self._met_at = -math.inf

    def begin(self) -> None:
        """The next image comes."""
        if self._budget is not None:
            self._budget.begin()

    def charge(self, runs: Mapping[str, int]) -> None:
        """As Budget.charge."""
        if self._budget is not None:
            self._budget.charge(runs)

    def spent(self, runs: Mapping[str, int], seconds: float) -> None:
        """As Budget.spent."""
        if self._budget is not None:
            self._budget.spent(runs, seconds)

    def windows(self, count: int, time: float, step: float, *, first: bool, around: bool, followed: bool) -> int:
        """How many of `count` windows are searched in the image at `time`, which comes `step` after the one before.

        first: of all images: all of them, if there is time. around: at once, whatever the period says. followed:
        whether anybody is.
        """
        # as often as the period says, and every window once a round
        self._windows_due += max(1.0 / self._period, (count - 1) * step / _ROUND)
        if around or not followed:
            self._windows_due = max(self._windows_due, 1.0)
        number = count if first else min(int(self._windows_due + _ROUNDING), count)
        if self._budget is not None:
            number = self._affordable_windows(self._budget, number, time, step, around, followed)
        self._windows_due = min(max(self._windows_due - number, 0.0), float(count))
        return number

    def _affordable_windows(
        self, budget: Budget, number: int, time: float, step: float, around: bool, followed: bool
    ) -> int:
        """How many of `number` windows there is time for in this image; the others wait for the next ones."""
        affordable = budget.seconds * (_SEARCH_SHARE if followed else 1.0) / budget.cost("search")
        # one that costs more than its share of an image is saved up for
        saved_up = not around and (followed or budget.scarce)
        if saved_up:
            saved = self._windows_saved + max(affordable, _LEAST_SEARCHES * step)
            self._windows_saved = min(saved, max(affordable, 1.0))
            number = min(number, int(self._windows_saved + _ROUNDING))
        else:
            number = min(number, max(int(affordable), 1))
        if not _due(self._searched_at, time):
            number = budget.fitting("search", number)
        if saved_up:
            self._windows_saved -= number
        if number:
            self._searched_at = time
        return number

    def looks(self, followers: Sequence[Follower], windows: int, time: float, step: float) -> list[Follower]:
        """Whom to look at in the image at `time`, in which so many windows are searched.

        One person at least, unless there is no time for it and it is saved up for.
        """
        budget = self._budget
        if budget is None:
            return list(followers)
        searching = windows * budget.cost("search")
        number = min(int((budget.left - searching) / budget.cost("person") + _ROUNDING), len(followers))
        self._looks_due = min(self._looks_due + looks.least(len(followers), step), 1.0)
        if not budget.scarce or looks.newcomers(followers):
            number = max(number, 1)
        everybody = budget.fitting("person", number, searching) >= len(followers)
        pair = () if everybody else looks.doubtful(followers, time)
        if number == 1 and budget.may_borrow and looks.comes_first(pair, followers, 2, time):
            number = 2  # one alone would not tell; the next images make good for it
        number = max(budget.fitting("person", number, searching), int(self._looks_due + _ROUNDING))
        self._looks_due = max(self._looks_due - number, 0.0)
        return looks.choose(followers, number, time, pair)

    def newcomers(self, wanted: int, followers: Sequence[Follower], time: float) -> int:
        """At how many of so many newcomers there is time to look more closely in the image at `time`."""
        budget = self._budget
        if budget is None:
            return wanted
        cost, seen = budget.cost("person"), sum(follower.seen for follower in followers)
        # whoever comes is looked at though searching took the time: the next images make good for it
        left = max(budget.left, budget.seconds - seen * cost)
        number = budget.fitting("person", max(int(left / cost), 1))
        number = min(max(number, int(_due(self._met_at, time))), wanted)
        if number:
            self._met_at = time
        return number


def _due(last: float, time: float) -> bool:
    """Whether something comes at `time` that was done at `last`, however little time there is; also after stamps that
    jumped back."""
    return not 0.0 <= time - last < 1.0 / _LEAST_SEARCHES
