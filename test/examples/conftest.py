"""Examples are run as users run them: as programs, on generated people."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Examples that end by themselves, one after the other in one process: to start one takes seconds.
IN_TURN = """
import contextlib, io, json, runpy, sys
for path, *words in json.loads(sys.argv[1]):
    sys.argv = [path, *words]
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            runpy.run_path(path, run_name="__main__")
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
    print(json.dumps([code, out.getvalue(), error.getvalue()]), flush=True)
"""
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(NAME, ARGUMENT...): the example in an empty folder, with an empty gallery of its own."""

    def example(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return _python(tmp_path, str(EXAMPLES / f"{name}.py"), *map(str, arguments))

    return example


@pytest.fixture
def in_turn(tmp_path: Path) -> Callable[..., list["subprocess.CompletedProcess[str]"]]:
    """in_turn((NAME, ARGUMENT...), ...): what each of these examples did, which say something and end."""

    def examples(*commands: tuple[str, ...]) -> list["subprocess.CompletedProcess[str]"]:
        words = json.dumps([[str(EXAMPLES / f"{name}.py"), *arguments] for name, *arguments in commands])
        done = _python(tmp_path, "-c", IN_TURN, words)
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(commands)
        return [
            subprocess.CompletedProcess(command, *answer) for command, answer in zip(commands, answers, strict=True)
        ]

    return examples


def _python(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, with a gallery there."""
    environment = dict(os.environ, RT_GAIT_GALLERY=str(folder / "people.gallery"))
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
