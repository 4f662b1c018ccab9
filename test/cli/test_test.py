import contextlib
from pathlib import Path

import pytest

from rt_gait_ros.cli import main as cli


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "conftest.py").touch()
    monkeypatch.setenv("RT_GAIT_CLONE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "words", [[], ["-q", "test/pose", "-k", "paf and not slow", "--maxfail=3"], ["test/pose", "-x"]]
)
def test_arguments_reach_pytest_as_they_are(words: list[str], clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    class Tests(contextlib.AbstractContextManager):
        def __init__(self, command: list[object], cwd: Path) -> None:
            called.append((command[1:], cwd))

        def __exit__(self, *_: object) -> None:
            return None

        def wait(self) -> int:
            return 5

    monkeypatch.setattr("rt_gait_ros.cli.test.subprocess.Popen", Tests)
    assert cli.main(["test", *words]) == 5
    assert called == [(words, clone)]


def test_outside_a_clone_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RT_GAIT_CLONE", str(tmp_path))
    assert cli.main(["test"]) == 2
    assert "run ./rt-gait test in a clone" in capsys.readouterr().err


def test_other_commands_refuse_what_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err
