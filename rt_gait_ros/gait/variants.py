"""Which of several served gait networks carries the people in view: a decision with hysteresis, and nothing else."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PATIENCE = 2.0  # seconds that too much is asked before a lighter network is taken: a track may be a shadow
CALM = 10.0  # seconds that a heavier network would carry everybody before it is taken again
SLACK = 0.2  # share of its capacity that must stay free for that
REMEMBERED = 300.0  # seconds for which it counts that a network answered too late with fewer than it should carry


@dataclass(frozen=True, slots=True)
class Variant:
    """A gait network. capacity: looks a second, of all people together, that it answers in time on this machine."""

    name: str
    capacity: float


class VariantChoice:
    """Chooses among variants by how many looks are asked, and by whether they are answered in time.

    The first variant is the preferred one. `current` is the one in use: whoever asks `choose` says with `moved` when
    another one really is. Not thread-safe.
    """

    def __init__(self, variants: Sequence[Variant], looks: float, clock: Callable[[], float] = time.monotonic) -> None:
        """variants: two or more, preferred ones first. looks: a second at each person, above 0. clock: seconds."""
        self.variants = tuple(variants)
        self.looks = looks
        self.current = self.variants[0].name
        self._clock = clock
        self._too_much_since: float | None = None
        self._calm_since: float | None = None
        self._failed: dict[str, tuple[float, float]] = {}  # looks a second at which it was late, and until when

    def choose(self, people: int, look_time: float | None = None) -> str:
        """The network to use with so many people in view: the current one until another is surely better.

        look_time: seconds within which 95 % of the newest looks were answered, None where that is not known.
        """
        now, asked = self._clock(), people * self.looks
        late = people > 0 and look_time is not None and look_time > 1.0 / self.looks
        if asked > self._carries(self.current, now) or late:
            self._calm_since = None
            if self._too_much_since is None:
                self._too_much_since = now
            if now - self._too_much_since < PATIENCE:
                return self.current
            if late:
                self._failed[self.current] = (asked, now + REMEMBERED)
            return self._lighter(asked, now)
        self._too_much_since = None
        better = self._better(asked, now)
        if better is None:
            self._calm_since = None
            return self.current
        if self._calm_since is None:
            self._calm_since = now
        return better if now - self._calm_since >= CALM else self.current

    def moved(self, name: str) -> None:
        """That network is in use now."""
        self.current = name
        self._too_much_since = self._calm_since = None

    def line(self, people: int) -> str:
        """What is asked of the current network, for people to read."""
        capacity = next(each.capacity for each in self.variants if each.name == self.current)
        return f"{people} people ask for {people * self.looks:.3g} looks/s of the {capacity:.3g} that it carries"

    def _carries(self, name: str, now: float) -> float:
        """Looks a second that a network carries, as far as is known now."""
        capacity = next(each.capacity for each in self.variants if each.name == name)
        failed, until = self._failed.get(name, (capacity, now))
        return min(capacity, failed) if now < until else capacity

    def _lighter(self, asked: float, now: float) -> str:
        """The first after the current one that carries it, else the one from the current one on that carries most."""
        number = [each.name for each in self.variants].index(self.current)
        for each in self.variants[number + 1 :]:
            if self._carries(each.name, now) >= asked:
                return each.name
        return max(self.variants[number:], key=lambda each: self._carries(each.name, now)).name

    def _better(self, asked: float, now: float) -> str | None:
        """The most preferred one before the current one that would carry it easily."""
        for each in self.variants:
            if each.name == self.current:
                return None
            if self._carries(each.name, now) * (1.0 - SLACK) >= asked:
                return each.name
        return None
