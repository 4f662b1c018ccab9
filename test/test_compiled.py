import logging
from pathlib import Path
from typing import Any

import numba
import pytest

from rt_gait_ros import compiled as module

PACKAGE = Path(module.__file__).parent


def test_compiled_loops_run(monkeypatch: pytest.MonkeyPatch) -> None:
    @module.compiled(fastmath=True)
    def total(count: int) -> int:
        found = 0
        for number in range(count):
            found += number
        return found

    assert total(5) == 10


def test_without_room_for_a_cache_they_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(*words: Any, cache: bool = False, **options: Any) -> Any:
        if cache:  # what numba raises on a read-only installation of a user without a home
            raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", no_room)
    monkeypatch.setattr(module, "_told", False)
    with caplog.at_level(logging.WARNING):
        functions = [module.compiled()(lambda: 7) for _ in range(3)]
    assert [function() for function in functions] == [7, 7, 7]
    (line,) = caplog.messages
    assert "set NUMBA_CACHE_DIR" in line


def test_all_loops_are_compiled_here() -> None:
    elsewhere = [path for path in PACKAGE.rglob("*.py") if "njit(" in path.read_text(encoding="utf-8")]
    assert elsewhere == [Path(module.__file__)]
