"""Examples are run as users run them: as programs, on generated people."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(NAME, ARGUMENT...): the example in an empty folder, with an empty gallery of its own."""

    def example(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = dict(os.environ, RT_GAIT_GALLERY=str(tmp_path / "people.gallery"))
        return subprocess.run(
            [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return example
