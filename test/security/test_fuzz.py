"""Some seconds of `rt-gait fuzz`, and that it finds what is there to be found."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.cli import fuzz, fuzz_targets
from rt_gait_ros.errors import GaitError, UsageError


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    fuzz.add_arguments(parser)
    return fuzz.run(parser.parse_args(words))


def test_nothing_gives_way(capsys: pytest.CaptureFixture[str]) -> None:
    code = call("--cases", "25", "--minutes", "60", "--seed", "7", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["findings"] == []
    assert code == 0
    assert {name.split()[0] for name in report["cases"]} == {"topic", "services", "requests", "sealed", "file"}
    assert all(count > 0 for count in report["cases"].values())


@pytest.mark.slow
def test_nothing_gives_way_in_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    code = call("--minutes", "1", "--seed", "8", "--json")
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert code == 0


def test_what_is_not_broken_is_taken(tmp_path: Path) -> None:
    known = fuzz_targets.targets(tmp_path)
    try:
        for target in known:
            target.once.good()
    finally:
        fuzz_targets.close(known)


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (ValueError("x"), "ValueError"),
        (GaitError("one line"), ""),
        (fuzz.Stuck(), "no answer"),
        (None, ""),
    ],
)
def test_what_counts_as_a_finding(outcome: Exception | None, line: str) -> None:
    def once(random: np.random.Generator) -> None:
        if outcome is not None:
            raise outcome

    told = fuzz._try(once, np.random.default_rng(0))
    assert (line in told) if line else told == ""


def test_the_same_seed_breaks_the_same() -> None:
    data = bytes(range(200))
    first, again, other = (fuzz_targets.corrupted(data, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again != other


def test_a_case_needs_its_target() -> None:
    with pytest.raises(UsageError, match="--target"):
        call("--case", "3")
