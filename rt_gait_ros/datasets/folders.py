"""Walks of people as OpenGait lays out any data set: PERSON/SEQUENCE/VIEW with pictures (.png) or pickles (.pkl).

CASIA-B is one such set. What persons, sequences and views are called does not matter, but that equal names of views are
equal views.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rt_gait_ros.datasets.silhouettes import PICKLE, PICTURE
from rt_gait_ros.errors import UsageError

LARGEST = 1_000_000  # number of a person


@dataclass(frozen=True, slots=True)
class SequenceFiles:
    """One walk seen from one view, with the files of it."""

    person: str
    sequence: str
    view: str
    files: tuple[Path, ...]


def read_numbers(text: str, what: str, most: int = LARGEST) -> tuple[int, ...]:
    """Numbers of people from "1-74" or "1-10,12,20-24", in order, 1 to `most`.

    what: the set or folder, for people to read. Raises UsageError for what it cannot have.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,7})(?:\s*-\s*(\d{1,7}))?\s*", part, re.ASCII)
        if match is None:
            raise UsageError(f"people '{text}': write numbers and ranges of them, as 1-74 or 1-10,12,20-24")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= most:
            raise UsageError(f"people '{part.strip()}': {what} has 1 to {most}, in ranges from low to high")
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


def number_of(person: str) -> int | None:
    """The number that a person's folder is named by, or None: 7 of "007" and of "p007"."""
    match = re.fullmatch(r"[A-Za-z]*(\d{1,7})", person, re.ASCII)
    return int(match[1]) if match else None


def files_of(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder, or else the pickles, by name."""
    names = sorted(folder.iterdir())
    pictures = tuple(path for path in names if path.suffix.lower() == PICTURE)
    return pictures or tuple(path for path in names if path.suffix.lower() == PICKLE)


def people_of(folder: Path, numbers: Collection[int] | None = None) -> list[Path]:
    """Folders of the people in a folder, by name. numbers: only of those who are named by one of them."""
    people = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    return people if numbers is None else [path for path in people if number_of(path.name) in numbers]


def absent(numbers: Collection[int], people: Collection[str], folder: Path) -> str:
    """How many of the people asked for are not among those of a folder, in one line for people; "" where all are."""
    lacking = set(numbers) - {number_of(person) for person in people}
    return f"{len(lacking)} of the {len(numbers)} people asked for are not in {folder}" if lacking else ""


def has_views(people: Collection[Path]) -> bool:
    """Whether these people's folders hold SEQUENCE/VIEW, and not walks themselves."""
    return any(
        view.is_dir()
        for person in people
        for sequence in person.iterdir()
        if sequence.is_dir()
        for view in sequence.iterdir()
    )


def sequences_of(people: Collection[Path]) -> list[SequenceFiles]:
    """Every walk of these people's folders, by name; folders without silhouettes are none."""
    found = []
    for person in people:
        for sequence in sorted(path for path in person.iterdir() if path.is_dir()):
            for view in sorted(path for path in sequence.iterdir() if path.is_dir()):
                if files := files_of(view):
                    found.append(SequenceFiles(person.name, sequence.name, view.name, files))
    return found
