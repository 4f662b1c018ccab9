"""What the trainings of `rt-gait train gait` have in common: whom they are trained on, and how they end."""

import argparse
import math
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from rt_gait_ros.cli.output import progress
from rt_gait_ros.datasets.folders import number_of, read_numbers
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder

if TYPE_CHECKING:
    from rt_gait_ros.training.epochs import Course
    from rt_gait_ros.training.own_flow import OwnFlow
    from rt_gait_ros.training.own_people import OwnPeople
    from rt_gait_ros.training.run_folder import RunFolder

_Found = TypeVar("_Found", "OwnPeople", "OwnFlow")


def asked_for(arguments: argparse.Namespace, training: "type[Course]") -> dict[str, Any]:
    """The fields of a training that the command line gives."""
    names = {field.name for field in fields(training)} - {"people"}
    asked = {name: getattr(arguments, name) for name in names} | {"people": arguments.people_of_batch}
    return {name: value for name, value in asked.items() if value is not None}


def check_people(arguments: argparse.Namespace, fewest_cohorts: int) -> None:
    """Refuse numbers and choices of people that cannot be. Raises UsageError."""
    virtual = {"cohorts": fewest_cohorts, "filmed": 0, "alike": 0, "filmed_alike": 0}
    for name, number in (virtual | {"workers": 1}).items():
        value, option = getattr(arguments, name), f"--{name.replace('_', '-')}"
        if value is not None and arguments.data and name in virtual:
            raise UsageError(f"{option} is of virtual persons: leave it out with --data")
        if value is not None and value < number:
            raise UsageError(f"{option} {value}: give {number} or more")
    if not arguments.data and (arguments.people or arguments.test_people):
        raise UsageError("--people and --test-people choose among those of a folder: name it with --data")


def chosen_people(arguments: argparse.Namespace) -> tuple[set[int] | None, set[int] | None]:
    """Numbers of the people to train on and of those to look at; None where all are meant. Raises UsageError."""
    folder = str(arguments.data)
    trained = set(read_numbers(arguments.people, folder)) if arguments.people else None
    tested = set(read_numbers(arguments.test_people, folder)) if arguments.test_people else None
    if trained and tested and (both := trained & tested):
        raise UsageError(f"--people and --test-people both have {min(both)}: who is trained on says nothing of others")
    return trained, tested


def found_in_folder(
    arguments: argparse.Namespace, read: Callable[..., _Found]
) -> tuple[_Found, set[int] | None, set[int] | None]:
    """What `read`, read_folder or read_flow, finds in --data; its notes are shown. And whom `chosen_people` names.

    Raises UsageError, and as `read`.
    """
    numbers, tested = chosen_people(arguments)
    # who is neither trained on nor looked at need not be read
    wanted = numbers | tested if numbers and tested else None
    repository = arguments.repository or resource("model_repository")
    found = read(arguments.data, repository, cache_folder() / "walks", arguments.workers, progress, wanted)
    for note in found.notes:
        progress(note)
    return found, numbers, tested


def held_back(names: list[str], trained: set[int] | None, tested: set[int] | None) -> list[str]:
    """Those who show what the network has learnt; too few to be compared are none. trained, tested: as asked for."""
    if tested is not None:
        kept = [name for name in names if number_of(name) in tested]
        if len(kept) < 2:
            raise UsageError(f"--test-people: {len(kept)} of them walk in the folder, and two at least can be compared")
        return kept
    if trained is not None:
        others = [name for name in names if number_of(name) not in trained]
        return others if len(others) >= 2 else []
    return names[3::4] if len(names) >= 8 else []


def trained(folder: "RunFolder", data: str, train: Callable[[], object]) -> dict[str, float]:
    """Train, and draw curve.png: how the accuracy rose. data: what is trained on, in words.

    Returns the last row of the log. An interruption says how to go on, and is raised again.
    """
    progress(f"training on {data}")
    try:
        train()
    except KeyboardInterrupt:
        progress(f"stopped: the same command continues after the last finished epoch in {folder.path}")
        raise
    from rt_gait_ros.evaluation.plots import count_plot, save_image

    names = {"rank1": "plain", "rank1_scene": "scene-centred"}
    rows = folder.rows()
    curves = {
        label: {int(row["epoch"]): row[name] for row in rows if not math.isnan(row[name])}
        for name, label in names.items()
        if name in rows[-1]
    }
    save_image(folder.path / "curve.png", count_plot(curves, "epoch", f"trained on {data}"))
    return rows[-1]
