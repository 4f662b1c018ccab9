"""Households of CASIA-B: a few people enrolled with one short walk each, and then seen together, with strangers too.

That is what a home has. The names are given by the recogniser itself (gait.recognizer), so the accept line, the margin
and the joint assignment of people in view count as they do on a robot, and not only who is nearest.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rt_gait_ros.datasets.casia_b import VIEWS
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.casia_b import CONDITIONS
from rt_gait_ros.evaluation.embedding_jobs import Arrays, count
from rt_gait_ros.evaluation.household_clips import KIND, LooksClient, Naming, name_clip, settings
from rt_gait_ros.evaluation.looks import Pace
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template

ENROLLED = "nm-01"
SEEN = {condition: sequences[0] for condition, sequences in CONDITIONS.items()}  # one sequence of each
SEQUENCES = (ENROLLED, *SEEN.values())

# Who is in view at once, of N members and strangers in their order: how many members, how many strangers.
GROUPS: dict[str, Callable[[int], tuple[int, int]]] = {
    "all members": lambda n: (n, 0),
    "all members, one stranger": lambda n: (n, 1),
    "one is a stranger": lambda n: (n - 1, 1),
    "one member": lambda n: (1, 0),
    "one stranger": lambda n: (0, 1),
    "strangers": lambda n: (0, n),
}


# What those in view do not share, where all members and a stranger are: every second one walks the opposite way, which
# 90 degrees has not; the first member is in a coat; the first member comes after 0.8 s and leaves after 1.6 s of looks.
OTHER_WAY, IN_A_COAT, COMES_AND_GOES = "half the other way", "one in a coat", "one comes and goes"
BRIEF, THROUGHOUT = (4, 12), (0, 1_000_000)  # looks
PACE = Pace()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one track. truth: the name of a member; "" for a stranger. nearest: that of the nearest member.

    condition: NM, BG or CL. view: of the clip, degrees. group: key of GROUPS, or one of those who do not share all.
    """

    condition: str
    view: int
    group: str
    truth: str
    nearest: str
    naming: Naming

    @property
    def wrong(self) -> bool:
        """Whether it had, at any time, the name of somebody else."""
        return bool(self.naming.said - {self.truth})

    @property
    def right(self) -> bool:
        """Whether it has its own name at the end, and never had another."""
        return self.naming.status is IdentityStatus.IDENTIFIED and self.naming.name == self.truth and not self.wrong


@dataclass(frozen=True, slots=True)
class Table:
    """Outcomes in words: shares 0..1 of members' tracks, and of strangers'; NaN where there are none.

    names: that tracks, members' or strangers', have at the end. mean_confidence: of these names. accuracy: the share of
    them that is right; the two are equal where confidences are calibrated.
    """

    members: int
    right: float
    wrong: float
    ambiguous: float
    unknown: float
    nearest: float
    strangers: int
    named: float
    names: int
    mean_confidence: float
    accuracy: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Table":
        """Of these tracks."""
        members = [each for each in outcomes if each.truth]
        strangers = [each for each in outcomes if not each.truth]
        names = [each for each in outcomes if each.naming.status is IdentityStatus.IDENTIFIED]
        rest = Counter(each.naming.status for each in members if not (each.right or each.wrong))
        return cls(
            len(members),
            _share(sum(each.right for each in members), members),
            _share(sum(each.wrong for each in members), members),
            _share(rest[IdentityStatus.AMBIGUOUS], members),
            _share(rest[IdentityStatus.UNKNOWN], members),
            _share(sum(each.nearest == each.truth for each in members), members),
            len(strangers),
            _share(sum(each.wrong for each in strangers), strangers),
            len(names),
            float(np.mean([each.naming.confidence for each in names])) if names else math.nan,
            _share(sum(each.naming.name == each.truth for each in names), names),
        )

    def to_json(self) -> dict[str, float | int | None]:
        """The fields; None for NaN."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: None if value != value else value for name, value in values.items()}


def _share(number: int, of: Sequence[Outcome]) -> float:
    return number / len(of) if of else float("nan")


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol. outcomes: of all tracks. lost: sequences that are too short for a look, or not there.

    left_out: clips of a group, by its name, that there are not because too few have such a walk.
    """

    model: str
    members: int
    households: int
    enrolled_views: Sequence[str]
    people: int
    outcomes: tuple[Outcome, ...]
    lost: int
    left_out: Mapping[str, int]
    damaged: int
    refused: tuple[str, ...]
    protocol: str = field(default="households", init=False)

    @property
    def everything(self) -> Table:
        """All tracks."""
        return Table.of(self.outcomes)

    def by(self, *keys: str) -> dict[tuple[Any, ...], Table]:
        """Tables by values of these fields of Outcome, in the order in which they come."""
        parts: dict[tuple[Any, ...], list[Outcome]] = {}
        for each in self.outcomes:
            parts.setdefault(tuple(getattr(each, key) for key in keys), []).append(each)
        return {key: Table.of(part) for key, part in parts.items()}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each condition, view and group."""
        keys = ("condition", "view", "group")
        return [dict(zip(keys, key, strict=True)) | table.to_json() for key, table in self.by(*keys).items()]

    def to_json(self) -> dict[str, Any]:
        """The figures, shares 0..1."""
        return {
            "protocol": self.protocol,
            "model": self.model,
            "members": self.members,
            "households": self.households,
            "enrolled_views": list(self.enrolled_views),
            "people": self.people,
            "summary": self.everything.to_json(),
            "rows": self.rows,
            "lost": self.lost,
            "left_out": dict(self.left_out),
            "damaged": self.damaged,
            "refused": len(self.refused),
        }


class _Walks:
    """The looks at all sequences. looks: (L, P, C) float16, of everybody. numbers: of those at a walk of a person."""

    def __init__(self, embedded: Mapping[str, Arrays]) -> None:
        self.numbers: dict[tuple[str, str, str], range] = {}
        parts: list[np.ndarray] = []
        total = 0
        for person, arrays in embedded.items():
            for key, looks in arrays.items():
                if "/" in key:
                    sequence, view = key.split("/")
                    self.numbers[person, sequence, view] = range(total, total + len(looks))
                    parts.append(looks)
                    total += len(looks)
        if not parts:
            raise UsageError("no sequence has silhouettes for a look: there is nothing to compare")
        self.looks = np.concatenate(parts)

    def templates(self, person: str, views: Sequence[str]) -> dict[str, int]:
        """The look that somebody is enrolled with from each view: the middle one of those that stand on a whole window.

        None at all where a view has none.
        """
        looks = {view: self.numbers.get((person, ENROLLED, view), range(0))[PACE.whole :] for view in views}
        return {view: mine[len(mine) // 2] for view, mine in looks.items()} if all(looks.values()) else {}


def evaluate(
    embedded: Mapping[str, Arrays],
    model: str,
    calibration: Calibration,
    *,
    members: int,
    households: int,
    enrolled_views: Sequence[str] = VIEWS[:1],
    views: Sequence[str] = VIEWS,
    mixed: bool = False,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _line: None,
) -> Result:
    """The protocol on what the jobs made (looks.EmbedLooks).

    members: of a household, at least 2. households: drawn by chance, with as many strangers. views: of the clips.
    mixed: also groups that do not share view, condition and time (OTHER_WAY and the like). A group for which too few
    have a walk is left out, and counted. Raises UsageError for too few people.
    """
    walks = _Walks(embedded)
    people = sorted({who for who, _, _ in walks.numbers})
    templates = {who: mine for who in people if (mine := walks.templates(who, enrolled_views))}
    usable = list(templates)
    if len(usable) < 2 * members:
        wanted = " and ".join(enrolled_views)
        raise UsageError(
            f"{len(usable)} people have a walk {ENROLLED} of {PACE.window} frames from {wanted} degrees: "
            f"a household of {members} and as many strangers need {2 * members}"
        )
    client, random = LooksClient(walks.looks, model), np.random.default_rng(seed)
    outcomes: list[Outcome] = []
    left_out: Counter[str] = Counter()
    for number in range(households):
        drawn = [usable[place] for place in random.permutation(len(usable))[: 2 * members]]
        home = drawn[:members]
        there = []
        for clip in _clips(walks, home, drawn[members:], views, mixed):
            if walks.numbers.keys() >= set(clip.walks):
                there.append(clip)
            else:
                left_out[clip.group] += 1
        outcomes += _household(walks, client, calibration, {who: templates[who] for who in home}, there)
        progress(f"{number + 1}/{households} households")
    found = sum(1 for _, _, view in walks.numbers if view in views)
    return Result(
        model,
        members,
        households,
        enrolled_views,
        len(embedded),
        tuple(outcomes),
        len(embedded) * len(SEQUENCES) * len(views) - found,
        left_out,
        count(embedded, "damaged"),
        tuple(str(line) for arrays in embedded.values() for line in arrays["refused"]),
    )


@dataclass(frozen=True, slots=True)
class _Clip:
    """Who is seen together. walks: keys of _Walks.numbers. present: who is there when, as name_clip has it."""

    condition: str
    view: str
    group: str
    walks: Sequence[tuple[str, str, str]]
    present: Sequence[tuple[int, int]] = ()


def _household(
    walks: _Walks,
    client: LooksClient,
    calibration: Calibration,
    home: Mapping[str, Mapping[str, int]],
    clips: Iterable[_Clip],
) -> Iterator[Outcome]:
    """Everything that is seen of one household and of as many strangers. home: members' templates, by view."""
    members = list(home)
    config = settings(calibration.model, calibration)
    templates = {who: walks.looks[list(mine.values())] for who, mine in home.items()}
    with TemporaryDirectory() as folder:
        gallery = Gallery(Path(folder) / "people.gallery")
        for who, mine in home.items():
            seen = [Template(walks.looks[look], 30, view=float(view)) for view, look in mine.items()]
            gallery.add(who, seen, model=calibration.model, gait_frame_kind=KIND)
        for clip in clips:
            numbers = [walks.numbers[walk] for walk in clip.walks]
            views = [float(view) for _, _, view in clip.walks]
            namings = name_clip(client, gallery, config, numbers, clip.present, views)
            for (who, _, _), looks, naming in zip(clip.walks, numbers, namings, strict=True):
                apart = [distances(walks.looks[looks], templates[member], np.float32) for member in members]
                nearest = np.argmin([each.min(axis=1).mean() for each in apart])
                truth = who if who in members else ""
                yield Outcome(clip.condition, int(clip.view), clip.group, truth, members[int(nearest)], naming)


def _clips(
    walks: _Walks, members: Sequence[str], strangers: Sequence[str], views: Sequence[str], mixed: bool
) -> Iterator[_Clip]:
    """Of one household, those included for which somebody has no walk: who has one goes before who has none."""
    for condition, sequence in SEEN.items():
        for view in views:
            known, others = (
                sorted(group, key=lambda who: (who, sequence, view) not in walks.numbers)
                for group in (members, strangers)
            )
            for group, size in GROUPS.items():
                inside, outside = size(len(members))
                seen = [(who, sequence, view) for who in known[:inside] + others[:outside]]
                yield _Clip(condition, view, group, seen)
            if mixed:
                yield from _mixed(members, strangers[0], condition, view)


def _mixed(members: Sequence[str], stranger: str, condition: str, view: str) -> Iterator[_Clip]:
    """The groups that do not share all."""
    people, sequence, opposite = [*members, stranger], SEEN[condition], f"{180 - int(view):03}"
    if opposite != view:
        turned = [(who, sequence, opposite if place % 2 else view) for place, who in enumerate(people)]
        yield _Clip(condition, view, OTHER_WAY, turned)
    alike = [(who, sequence, view) for who in people]
    if condition != "CL":
        yield _Clip(condition, view, IN_A_COAT, [(people[0], SEEN["CL"], view), *alike[1:]])
    yield _Clip(condition, view, COMES_AND_GOES, alike, (BRIEF, *[THROUGHOUT] * len(alike[1:])))
