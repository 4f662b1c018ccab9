"""What distances by directions (gait.company) mean, from people whose walks are labelled by person, day and view.

Households are drawn by chance: a few are enrolled with a look at one day from one view, and are seen on other days from
one view together, some of them, with strangers. All are there at once, by one look each. Who comes late, who leaves
early and who goes another way is not among them, though there the middle of a group says least.
"""

from collections.abc import Iterator

import numpy as np

from rt_gait_ros.evaluation.day_pairs import Looks
from rt_gait_ros.evaluation.pairs import Pairs, joined
from rt_gait_ros.gait.household import Household, weight_of

MEMBERS = 4  # of a household
HOUSEHOLDS = 40  # for each pair of an enrolled view and a view of those in view
# Of members and strangers those who are in view at once: how many of either.
COMPANIES = ((4, 0), (4, 1), (3, 1), (2, 0), (1, 0), (0, 1), (0, 4))


def company_pairs(looks: Looks, seed: int = 0) -> Pairs:
    """Distances of people in view to a household: of members to their own template, and of anybody to others'.

    Pairs of views that too few people were seen from on two days are left out; no pair at all is no error here.
    """
    random = np.random.default_rng(seed)
    scenes = np.unique(looks.scenes)
    return joined(_of_views(looks, enrolled, seen, random) for enrolled in scenes for seen in scenes)


def _of_views(looks: Looks, enrolled: str, seen: str, random: np.random.Generator) -> Pairs:
    """The pairs of households that are enrolled from one view and seen from one."""
    usable: dict[str, list[tuple[int, int]]] = {}
    for person in np.unique(looks.persons):
        first, second = (
            np.flatnonzero((looks.persons == person) & (looks.scenes == view)) for view in (enrolled, seen)
        )
        days = [(int(a), int(b)) for a in first for b in second if looks.days[a] != looks.days[b]]
        if days:
            usable[str(person)] = days
    if len(usable) < 2 * MEMBERS:
        return Pairs(np.zeros(0), np.zeros(0))
    return joined(pairs for _ in range(HOUSEHOLDS) for pairs in _household(looks, usable, random))


def _household(looks: Looks, usable: dict[str, list[tuple[int, int]]], random: np.random.Generator) -> Iterator[Pairs]:
    """The pairs of one household and of as many strangers."""
    drawn = random.permutation(sorted(usable))[: 2 * MEMBERS]
    walks = np.array([usable[who][random.integers(len(usable[who]))] for who in drawn])
    household = Household.of(looks.embeddings[walks[:MEMBERS, 0]], np.arange(MEMBERS))
    flat = looks.embeddings[walks[:, 1]].reshape(len(walks), -1)
    for inside, outside in COMPANIES:
        places = np.append(random.permutation(MEMBERS)[:inside], MEMBERS + np.arange(outside))
        queries = flat[places]
        found = household.distances(queries, queries.mean(axis=0), weight_of(len(queries)))
        own = places[:, None] == np.arange(MEMBERS)
        yield Pairs(found[own], found[~own])
