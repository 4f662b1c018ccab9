"""CASIA-B on disk (Yu, Tan and Tan, ICPR 2006): 124 people, 10 sequences each, 11 views.

PERSON/SEQUENCE/VIEW holds pictures (.png), as the set is given away, or one pickle (.pkl) as OpenGait keeps it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rt_gait_ros.datasets.folders import files_of, read_numbers
from rt_gait_ros.errors import UsageError

PEOPLE = 124
VIEWS = ("000", "018", "036", "054", "072", "090", "108", "126", "144", "162", "180")
SEQUENCES = ("nm-01", "nm-02", "nm-03", "nm-04", "nm-05", "nm-06", "bg-01", "bg-02", "cl-01", "cl-02")

_LAYOUT = "folders like 001/nm-01/090 with pictures (.png) or pickles (.pkl) are expected in it"


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the set. sequences: files by "nm-01/090", only of those that are there."""

    name: str
    sequences: dict[str, tuple[Path, ...]]

    @property
    def missing(self) -> int:
        """How many of the 110 sequences of a person are not there."""
        return len(SEQUENCES) * len(VIEWS) - len(self.sequences)

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(file for files in self.sequences.values() for file in files)


def read_people(text: str) -> tuple[int, ...]:
    """Numbers of people from "1-74" or "1-10,12,20-24", in order. Raises UsageError for what the set cannot have."""
    return read_numbers(text, "CASIA-B", PEOPLE)


def find(folder: Path, numbers: Collection[int]) -> tuple[Person, ...]:
    """Those of the people with these numbers that the folder has, by number. Nobody else's folder is looked into.

    Raises UsageError for a folder of another layout, or without any of them.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder, and so not CASIA-B: {_LAYOUT}")
    people = [path for number in sorted(numbers) if (path := folder / f"{number:03d}").is_dir()]
    if not people:
        others = any(re.fullmatch(r"\d{3}", path.name) for path in folder.iterdir())
        advice = "it has none of the people asked for" if others else _LAYOUT
        raise UsageError(f"{folder} is not CASIA-B, or not all of it: {advice}")
    found = tuple(Person(path.name, _sequences(path)) for path in people)
    if not any(person.sequences for person in found):
        raise UsageError(f"{folder} is not CASIA-B: {_LAYOUT}")
    return found


def _sequences(person: Path) -> dict[str, tuple[Path, ...]]:
    """Files of each sequence: the pictures, or else the pickles."""
    found = {}
    for sequence in SEQUENCES:
        for view in VIEWS:
            folder = person / sequence / view
            if folder.is_dir():
                found[f"{sequence}/{view}"] = files_of(folder)
    return found
