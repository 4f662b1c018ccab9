"""Every `rt-gait` command that a page shows: the command is there, and takes what it is given."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_gait_ros.cli import main
from rt_gait_ros.resources import share_directory

ROOT = share_directory()
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("README.md")])
# Variables, and programs that start another one.
BEFORE = re.compile(r"\w+=|(sudo|chrt|nice|time|ros2|run)$|-|\d+$|rt-gait$|rt_gait_ros$")
# What ends a command of a shell.
ENDS = {"|", ">", ">>", "<", "<<<", "&&", "||", ";", "&", "2>&1"}


def code_lines(text: str) -> Iterator[str]:
    """Lines of code, indented or fenced, each with its continuation."""
    fenced, begun = False, ""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if not (fenced or line.startswith("    ")):
            begun = ""
        elif line.endswith("\\"):
            begun += line[:-1]
        else:
            yield begun + line
            begun = ""


def is_program(words: list[str], place: int) -> bool:
    """Whether a word is our program, and not its name as a user's or a folder's."""
    return bool(re.fullmatch(r"([^\s=]*/)?rt-gait", words[place])) and words[place - 1 : place] != ["-u"]


def commands(page: Path) -> Iterator[list[str]]:
    """The words behind `rt-gait` of each line that begins with it, or with variables or programs that go before it."""
    for line in code_lines(page.read_text(encoding="utf-8")):
        for part in line.split("&&"):
            try:
                words = shlex.split(part.strip().removeprefix("$ "), comments=True)
            except ValueError:  # no line of a shell
                continue
            at = next((place for place in range(len(words)) if is_program(words, place)), None)
            if at in (None, len(words) - 1) or not all(BEFORE.match(word) for word in words[:at]):
                continue
            end = next((place for place, word in enumerate(words) if word in ENDS or word[:1] == "["), len(words))
            yield words[at + 1 : end]  # what may be left out stands in brackets, and is not looked at


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_and_its_options_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(page):
        name = next((word for word in words if not word.startswith("-")), "")
        assert name in main.COMMANDS, words
        try:
            parsed, rest = main._parser(name).parse_known_args(words)
        except SystemExit as ended:
            assert not ended.code, f"{' '.join(words)}: {capsys.readouterr().err}"  # noqa: PT017 - --help ends well
            continue
        except ModuleNotFoundError as missing:
            pytest.skip(f"{missing.name} is not installed")
        assert not rest or parsed.hands_on, f"{' '.join(words)}: what is {rest}?"
