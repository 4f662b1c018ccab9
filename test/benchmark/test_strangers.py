"""Strangers near somebody known, on a few seeds."""

import argparse
import json
from pathlib import Path

import pytest
import strangers

from rt_gait_ros.cli.main import main
from rt_gait_ros.errors import UsageError


def arguments(**changes) -> argparse.Namespace:
    return argparse.Namespace(**{"seeds": 1, "kinds": ["entering"], "workers": 1, "log": None} | changes)


@pytest.mark.parametrize("kind", list(strangers.KINDS))
def test_both_people_of_a_scene_are_seen(kind: str) -> None:
    views = strangers.KINDS[kind](3)
    seen = {int(number) for view in views for number in view.who}
    assert seen >= {strangers.KNOWN, strangers.STRANGER}


def test_the_stranger_enters_when_the_known_one_has_left() -> None:
    views = strangers.entering(3)
    last = max(number for number, view in enumerate(views) if strangers.KNOWN in view.who)
    first = min(number for number, view in enumerate(views) if strangers.STRANGER in view.who)
    assert first - last > 0


def test_the_known_one_is_named_and_what_was_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    rows = strangers.measure(arguments(log=log), lambda line: None)
    values = {row.name: row.value for row in rows}
    assert values == {"entering/inherited": 0.0, "entering/look_alikes": 0.0, "entering/named": 100.0}
    monkeypatch.setattr(strangers, "play", lambda *_: pytest.fail("it was done before"))
    assert strangers.measure(arguments(log=log), lambda line: None) == rows


def test_several_processes_find_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """By the command, which loads the benchmark under a name that its processes do not know."""
    found = []
    for workers in ("1", "2"):
        assert main(["bench", "strangers", "--seeds", "2", "--kinds", "entering", "--workers", workers, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        found.append([(row["name"], row["value"]) for row in rows])
    assert found[0] == found[1]


def test_a_name_that_passes_over_is_told() -> None:
    outcome = strangers.Outcome("entering", 7, named=9, wrong=2, close=0.0, alike=False, kept=True)
    assert outcome.inherited
    assert not strangers.Outcome("entering", 7, named=9, wrong=2, close=0.1, alike=True, kept=True).inherited
    rows = strangers._rows("entering", [outcome])
    assert [row.value for row in rows] == [1.0, 0.0, 100.0]


@pytest.mark.parametrize("content", ["{", '{"kind": "entering"}', "[]"])
def test_a_log_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "log").write_text(content)
    with pytest.raises(UsageError, match="cannot be gone on from"):
        strangers.measure(arguments(log=tmp_path / "log"), lambda line: None)


def test_no_seeds_are_refused() -> None:
    with pytest.raises(UsageError, match="1 or more"):
        strangers.measure(arguments(seeds=0), lambda line: None)


def test_who_comes_in_where_the_known_one_left_does_not_go_on_with_the_name() -> None:
    """Seed 183: the tracker takes the stranger for the one who left half a second ago."""
    outcome = strangers._play_there(("entering", 183))
    assert outcome.kept
    assert outcome.named > 0
    assert outcome.wrong == 0
