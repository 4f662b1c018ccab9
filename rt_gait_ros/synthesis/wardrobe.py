"""What one person wears from walk to walk, of capsules (`people`) or with a surface (`clothes`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

C = TypeVar("C", bound="Clothes")


class Clothes(Protocol):
    """Clothes of one day."""

    def with_bag(self: C, random: np.random.Generator) -> C:
        """The same clothes and some bag."""
        ...

    def with_hair_of(self: C, other: C) -> C:
        """The same clothes on the hair that goes with others."""
        ...


@dataclass(frozen=True, slots=True)
class Wardrobe(Generic[C]):
    """What one person wears from walk to walk: one outfit more often than others, and always the same hair.

    People are met again on the same day more often than on others. Were every walk in new clothes, a network would
    learn to overlook them, and with them much of what tells people apart who did not change (CASIA-B: 8 of 10 walks).
    usual: share of walks in the usual outfit. bag: share in it with a bag. Both 0: all walks in clothes of their own.
    draw_other: gives some clothes of a variety.
    """

    outfit: C
    usual: float
    bag: float
    draw_other: Callable[[np.random.Generator, float], C]

    def draw(self, random: np.random.Generator, variety: float) -> C:
        """Clothes of one walk."""
        chance = random.random()
        if chance < self.usual:
            return self.outfit
        if chance < self.usual + self.bag:
            return self.outfit.with_bag(random)
        other = self.draw_other(random, variety)
        return other if self.usual + self.bag == 0.0 else other.with_hair_of(self.outfit)
