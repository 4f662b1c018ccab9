"""Whether the stamps of what comes in can be gone by, and what to go by where they cannot."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

SHORT, STUCK = 6, 3  # of so many items in a row that many without a time of their own: the stamps are not gone by
LONG = 30  # items in a row that must have times of their own again; also the memory for the rest: a second at 30 Hz
SEVERAL = 3  # jumps back, or changes of the frame, among LONG items that are no accident
# Times the mean step: two clocks are further apart, and messages of one that came in another order are nearer.
APART = 3


class Stamps:
    """Watches the stamps of one topic. Not for several threads at once.

    problem: what is wrong with them, in one line, or "".
    """

    def __init__(self, topic: str = "the topic") -> None:
        """topic: for the lines, as ROS resolves it."""
        self.problem = ""
        self._topic = topic
        self._last: int | None = None
        self._given = 0  # the last time that was given out for a stamp that could not be used
        self._stuck: deque[str] = deque(maxlen=LONG)
        self._steps: deque[int] = deque(maxlen=LONG)
        self._frames: deque[str] = deque(maxlen=LONG)
        self._by_arrival = ""  # why, or ""
        self._calm = 0  # items in a row with nothing amiss

    @property
    def by_arrival(self) -> bool:
        """Whether times of arrival are used now."""
        return bool(self._by_arrival)

    def foresee(self, items: Sequence[tuple[int, int, str]]) -> None:
        """Look at the first items of a recording, as they will be given to `settle`, before any of them is settled.

        Where they cannot be gone by, none of them is: between a stamp that is 0 and a time of arrival lie decades.
        """
        trial = Stamps(self._topic)
        for item in items:
            trial.settle(*item)
        self._by_arrival = trial._by_arrival

    def settle(self, stamp: int, arrived: int, frame_id: str = "") -> int:
        """The time to go by for an item: its own stamp, or its arrival while the stamps do not tell times apart.

        stamp, arrived: nanoseconds, of the sender's clock and of ours. frame_id: of its header.
        """
        step = 0 if self._last is None else stamp - self._last
        stuck = "is 0" if stamp <= 0 else "does not advance" if step == 0 and self._last is not None else ""
        changed = bool(self._frames) and frame_id != self._frames[-1]
        self._calm = 0 if stuck or step < 0 or changed else self._calm + 1
        self._stuck.append(stuck)
        self._steps.append(step)
        self._frames.append(frame_id)
        self._last = stamp
        if self._calm < LONG:
            self._decide()
            self.problem = self._complaint()
        else:  # nothing that is remembered speaks against it
            self._by_arrival = self.problem = ""
        if not self._by_arrival:
            return stamp
        self._given = max(arrived, self._given + 1)
        return self._given

    def _decide(self) -> None:
        newest = list(self._stuck)
        reasons = [reason for reason in newest[-SHORT:] if reason]
        if len(reasons) >= STUCK:
            self._by_arrival = reasons[-1]
        elif len(newest) == LONG and not any(newest):
            self._by_arrival = ""

    def _complaint(self) -> str:
        if self._by_arrival:
            return (
                f"header.stamp on {self._topic} {self._by_arrival}: the time of arrival is used instead, which is less "
                "exact. Have the sender stamp each message with the time of its image"
            )
        back = [-step for step in self._steps if step < 0]
        forth = [step for step in self._steps if back and step > median(back) / 2]
        step = sum(self._steps) / max(1, len(self._steps))
        if len(back) >= SEVERAL and len(forth) >= SEVERAL and median(back) > APART * step:
            return (
                f"stamps on {self._topic} jump back and forth by {median(back) / 1e9:.3g} s: two senders with clocks "
                "apart share it. Give each camera a topic and a pipeline of its own"
            )
        frames = list(self._frames)
        changes = sum(a != b for a, b in pairwise(frames))
        if changes >= SEVERAL:
            names = " and ".join(f"'{name}'" for name in dict.fromkeys(frames))
            return (
                f"messages of the frames {names} alternate on {self._topic}: two senders share it. Give each camera a "
                "topic and a pipeline of its own"
            )
        return ""
