import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rt_gait_ros.cli import main as cli

# pytest-xdist's arguments on two cores.
SHARED = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart", "1"]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test" / "pose").mkdir(parents=True)
    for name in ("conftest.py", "pose/test_paf.py", "pose/test_topology.py"):
        (tmp_path / "test" / name).touch()
    monkeypatch.setenv("RT_GAIT_CLONE", str(tmp_path))
    return tmp_path


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[object], Path, bool]]:
    """What was started instead of pytest: its arguments, where, and whether in a session of its own."""
    calls = []

    class Tests(contextlib.AbstractContextManager):
        def __init__(self, command: list[object], cwd: Path, env: dict[str, str], start_new_session: bool) -> None:
            assert ("OMP_NUM_THREADS" in env) >= start_new_session
            calls.append((command[1:], cwd, start_new_session))

        def __exit__(self, *_: object) -> None:
            return None

        def wait(self) -> int:
            return 5

    monkeypatch.setattr("rt_gait_ros.cli.test.subprocess.Popen", Tests)
    return calls


@pytest.mark.parametrize(
    "words",
    [
        ["test/pose/test_paf.py", "-x", "-k", "some words"],
        ["test/pose/test_paf.py::test_one", "test/pose/test_paf.py::test_two"],
        *(["test/pose", option] for option in ("-s", "-xvs", "--pdb", "--capture=no", "-n4", "--co", "--version")),
        ["test", "-n", "0"],
        ["test", "--dist", "no"],
        ["test", "-p", "no:xdist"],
    ],
)
def test_one_file_and_what_needs_the_terminal_are_for_one_process(words: list[str], clone: Path, called: list) -> None:
    assert cli.main(["test", *words]) == 5
    assert called == [(words, clone, False)]


@pytest.mark.parametrize(
    "words",
    [
        ["test"],
        ["-q", "test/pose", "-k", "paf and not slow", "--maxfail=3"],
        ["test/pose", "-x"],
        ["-rs", "-m", "not slow"],
        ["test/pose/test_paf.py", "test/pose/test_topology.py"],
    ],
)
def test_all_else_is_shared_by_processes_in_a_session_of_their_own(
    words: list[str], clone: Path, called: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    assert cli.main(["test", *words]) == 5
    assert called == [([*SHARED, *words], clone, True)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [*SHARED, "-m", "not slow"]),
        (["-x", "--durations", "20"], [*SHARED, "-m", "not slow", "-x", "--durations", "20"]),
        (["-s"], ["-m", "not slow", "-s"]),
        (["--all"], SHARED),
        (["--all", "-x"], [*SHARED, "-x"]),
        (["--all", "--dist", "no"], ["--dist", "no"]),
        *((words, [*SHARED, *words]) for words in (["-k", "paf"], ["-xkpaf"], ["-m", "slow"], ["--lf"], ["test/pose"])),
        (["test/pose/test_paf.py"], ["test/pose/test_paf.py"]),
        (["--version"], ["--version"]),
    ],
)
def test_slow_tests_are_left_out_where_nothing_is_chosen_and_the_last_line_says_so(
    words: list[str],
    expected: list[str],
    clone: Path,
    called: list,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    assert cli.main(["test", *words]) == 5
    assert called == [(expected, clone, expected[:1] == ["-n"])]
    assert ("this runs them too: ./rt-gait test --all" in capsys.readouterr().out) == ("not slow" in expected)


def test_what_has_to_pass_is_every_test() -> None:
    script = (Path(__file__).resolve().parents[2] / ".ci" / "run").read_text()
    assert script.splitlines()[-1] == "./rt-gait test --all"


TESTS = """
import os, subprocess, time
from pathlib import Path
import pytest

@pytest.fixture
def helper():
    process = subprocess.Popen(["sleep", "4321"], start_new_session=True)
    yield process
    process.kill()
    process.wait()

def test_waits(helper):
    Path(f"{{os.environ['BEGUN']}}/{name}").write_text(f"{{os.getpid()}} {{helper.pid}}")
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process_and_what_the_tests_have_started(clone: Path, tmp_path: Path, number: int) -> None:
    (clone / "test" / "conftest.py").write_text("import signal; signal.signal(2, signal.default_int_handler)")
    for name in "ab":
        (clone / "test" / f"test_{name}.py").write_text(TESTS.format(name=name))
    (begun := tmp_path / "begun").mkdir()
    command = [sys.executable, "-m", "rt_gait_ros.cli.main", "test", "test"]
    environment = {**os.environ, "RT_GAIT_CLONE": str(clone), "BEGUN": str(begun)}
    # A shell's & would have it deaf to SIGINT.
    deaf = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **deaf) as tests:
        deadline = time.monotonic() + 120
        while len(files := list(begun.iterdir())) < 2 or not all(file.read_text() for file in files):
            assert time.monotonic() < deadline, "waited in vain"
            assert tests.poll() is None
            time.sleep(0.05)
        tests.send_signal(number)
        tests.communicate(timeout=120)
    assert tests.returncode == 128 + number
    pids = [pid for file in files for pid in file.read_text().split()]
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_worker_that_dies_is_a_failure_that_is_told(clone: Path, tmp_path: Path) -> None:
    (clone / "test" / "test_a.py").write_text("import os\n\ndef test_dies():\n    os._exit(3)\n")
    (clone / "test" / "test_b.py").write_text("def test_lives():\n    pass\n")
    command = [sys.executable, "-m", "rt_gait_ros.cli.main", "test", "test"]
    environment = {**os.environ, "RT_GAIT_CLONE": str(clone)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "crashed while running 'test/test_a.py::test_dies'" in done.stdout
    assert "maximum crashed workers reached: 1" in done.stdout


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
