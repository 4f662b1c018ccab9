"""Every `rt-gait` command that a page shows: the command is there, and takes what it is given."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_gait_ros.cli import main
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import share_directory

ROOT = share_directory()
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("README.md")])
# Variables, and programs that start another one.
BEFORE = re.compile(r"\w+=|(sudo|chrt|nice|time|ros2|run)$|-|\d+$|rt-gait$|rt_gait_ros$")
# A command within a sentence, and an option within a word: [--name, --name=VALUE.
INLINE = re.compile(r"(?<!`)`rt-gait ([a-z][^`]*)`(?!`)")
OPTION = re.compile(r"^[\[(]*(--[a-z][a-z0-9-]*)")
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
            end = next((place for place, word in enumerate(words) if word in ENDS), len(words))
            yield words[at + 1 : end]


def mentions(page: Path) -> Iterator[list[str]]:
    """The words behind `rt-gait` of what stands in backticks within a sentence: often no whole command."""
    for span in INLINE.findall(page.read_text(encoding="utf-8")):
        yield span.split()


def parsers(name: str) -> Iterator[argparse.ArgumentParser]:
    """Those of a command and of its own commands. ModuleNotFoundError where what it needs is not installed."""
    waiting = [main._parser(name)]
    while waiting:
        parser = waiting.pop()
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()


def unknown_options(words: list[str]) -> list[str]:
    """Options of a command, in brackets or not, that it does not have. Nothing where it hands words on."""
    known = list(parsers(words[0]))
    if any(parser.get_default("hands_on") for parser in known):
        return []
    options = {option for parser in known for option in parser._option_string_actions}
    return [found for word in words for found in OPTION.findall(word) if found not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_and_its_options_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(page):
        name = next((word for word in words if not word.startswith("-")), "")
        assert name in main.COMMANDS, words
        left_out = next((place for place, word in enumerate(words) if word[:1] == "["), len(words))
        try:
            main._parser(name).parse_known_args(words[:left_out])
            unknown = [] if left_out == len(words) else unknown_options(words[words.index(name) :])
        except SystemExit as ended:
            assert not ended.code, f"{' '.join(words)}: {capsys.readouterr().err}"  # noqa: PT017 - --help ends well
            continue
        except UsageError:  # of a folder of the reader's, which is not there
            unknown = unknown_options(words[words.index(name) :])
        except ModuleNotFoundError:  # what only this command needs is not installed
            continue
        assert not unknown, f"{' '.join(words)}: what is {unknown}?"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_sentence_mentions_exists(page: Path) -> None:
    for words in mentions(page):
        if words[0] not in main.COMMANDS:
            assert words[0] == "test", words  # of the clone's own script
            continue
        try:
            unknown = unknown_options(words)
        except ModuleNotFoundError:
            continue
        assert not unknown, f"{' '.join(words)}: what is {unknown}?"


def test_there_are_commands_to_look_at() -> None:
    """Not that nothing is found because a page is read wrongly."""
    if not PAGES:
        pytest.skip("the documentation is not installed")
    found = {page.name: (len(list(commands(page))), len(list(mentions(page)))) for page in PAGES}
    assert all(found["README.md"]), found
    assert all(found["bags.md"]), found
    assert unknown_options(["scene", "list", "[--gallery", "--nonsense=1]"]) == ["--nonsense"]
