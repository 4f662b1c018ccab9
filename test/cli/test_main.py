import argparse
import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rt_gait_ros.cli import main as cli
from rt_gait_ros.cli.output import add_json_argument, emit, write_csv, write_json
from rt_gait_ros.errors import GaitError, UsageError


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_teaches_and_is_listed_as_it_calls_itself(name, capsys):
    module = importlib.import_module(f"rt_gait_ros.cli.{name}")
    assert cli.COMMANDS[name] == module.SUMMARY
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_without_a_command_the_commands_are_shown(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)


def test_what_a_user_can_mend_is_one_line_and_its_exit_code(monkeypatch, capsys):
    def refuse(arguments):
        raise UsageError("no such thing: name another")

    monkeypatch.setattr("rt_gait_ros.cli.bench.run", refuse)
    assert cli.main(["bench"]) == 2
    assert capsys.readouterr().err == "rt-gait bench: no such thing: name another\n"


@pytest.mark.parametrize("words", [["rtsp://ada:s3cret@host/a"], ["bench", "paf", "rtsp://ada:s3cret@host/a"]])
def test_complaints_repeat_no_password(words, capsys):
    with pytest.raises(SystemExit):
        cli.main(words)
    said = capsys.readouterr().err
    assert "rtsp://ada:***@host/a" in said
    assert "s3cret" not in said


def test_an_absent_extra_is_named(monkeypatch, capsys):
    def lack(arguments):
        raise ModuleNotFoundError("no torch", name="torch.nn")

    monkeypatch.setattr("rt_gait_ros.cli.bench.run", lack)
    assert cli.main(["bench"]) == 1
    assert "rt-gait-ros[train]" in capsys.readouterr().err


def test_an_absent_package_of_pip_is_named(monkeypatch, capsys):
    def lack(arguments):
        raise ModuleNotFoundError("no numba", name="numba")

    monkeypatch.setattr("rt_gait_ros.cli.bench.run", lack)
    assert cli.main(["bench"]) == 1
    assert "pip install" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("rt_gait_ros.cli.bench.run", lambda arguments: (tmp_path / "no" / "file").write_text(""))
    assert cli.main(["bench"]) == 2
    assert capsys.readouterr().err == f"rt-gait bench: {tmp_path / 'no' / 'file'}: No such file or directory\n"


def test_a_disk_that_is_full_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("rt_gait_ros.cli.bench.run", lambda arguments: Path("/dev/full").write_text("too much"))
    assert cli.main(["bench"]) == 1
    told = "rt-gait bench: No space left on device: make room, then give the same command again\n"
    assert capsys.readouterr().err == told


def test_an_interruption_ends_with_130(monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("rt_gait_ros.cli.bench.run", interrupt)
    assert cli.main(["bench"]) == 130


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["recognise"])
    assert ended.value.code == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "out", "file"), [([], "text\n", None), (["--json"], "json", None), (["--json", "FILE"], "text\n", "json")]
)
def test_json_goes_where_it_is_asked_for(words, out, file, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_json_argument(parser)
    target = tmp_path / "result.json"
    emit(parser.parse_args([word.replace("FILE", str(target)) for word in words]), {"a": 1}, "text")
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"a": 1} if out == "json" else shown == out
    assert target.exists() == (file == "json")


def test_a_result_for_which_the_disk_has_no_room_leaves_the_former_one(tmp_path, full_disk):
    """Before, half of it was there."""
    table, report = tmp_path / "rows.csv", tmp_path / "result.json"
    write_csv(table, [{"rank1": 0.5}])
    write_json({"rank1": 0.5}, str(report))
    with full_disk("rows.csv"), pytest.raises(GaitError, match=r"rows\.csv cannot be written: No space left"):
        write_csv(table, [{"rank1": 0.6}])
    with full_disk("result.json"), pytest.raises(GaitError, match=r"result\.json cannot be written: No space left"):
        write_json({"rank1": 0.6}, str(report))
    assert table.read_bytes() == b"rank1\r\n0.5\r\n"
    assert json.loads(report.read_text()) == {"rank1": 0.5}


@pytest.mark.parametrize(
    ("file", "why"),
    [("nowhere/a.json", "No such file or directory"), ("file/a.json", "Not a directory"), ("", "Is a directory")],
)
@pytest.mark.parametrize("option", ["--json", "--csv", "--det", "--reliability"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(option, file, why, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main(["evaluate", "casia-b", str(tmp_path), option, str(tmp_path / file)]) == 2
    assert capsys.readouterr().err == f"rt-gait evaluate: {tmp_path / file} cannot be written: {why}\n"


def test_help_does_not_wait_for_heavy_libraries():
    probe = "import sys; from rt_gait_ros.cli.main import main; main([]); print(sorted(sys.modules), file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stderr
    assert "'torch'" not in loaded
    assert "'cv2'" not in loaded


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_a_command_as_an_interruption(number, tmp_path):
    program = (
        "import signal, time; from rt_gait_ros.cli import bench, main\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # the tests may run under nohup
        "def wait(arguments):\n"
        "    try:\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n"
        "        print('down', flush=True)\n"
        "bench.run = wait; raise SystemExit(main.main(['bench']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "ready\n"
        command.send_signal(number)
        assert command.stdout.read() == "down\n"
    assert command.returncode == 128 + number


# What code in C does with an exception of a handler while it is loaded, as onnxruntime's: an error of its own.
IN_C = """
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        pass
    raise ImportError("initialization failed")
"""


def test_a_signal_that_comes_out_of_a_library_as_a_failed_import_is_told_as_a_signal():
    program = (
        f"import signal; from rt_gait_ros.cli import bench, main\ndef load(arguments):{IN_C}"
        "bench.run = load; raise SystemExit(main.main(['bench']))"
    )
    command = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (command.returncode, command.stderr) == (128 + signal.SIGTERM, "\n")


def test_a_signal_while_the_module_of_a_command_is_loaded_ends_it_without_a_word():
    program = (
        "import signal, sys; from rt_gait_ros.programs import rt_gait\n"
        "class Loading:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'rt_gait_ros.cli.bench':{IN_C.replace(chr(10), chr(10) + '        ')}\n"
        "sys.meta_path.insert(0, Loading()); sys.argv = ['rt-gait', 'bench']; raise SystemExit(rt_gait())"
    )
    command = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (command.returncode, command.stderr) == (128 + signal.SIGTERM, "")


@pytest.mark.parametrize("words", [["gallery", "strip", "--yse"], ["docs", "--yse"]])
def test_an_argument_that_nobody_knows_is_answered_with_the_usage_of_its_command(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"usage: rt-gait {' '.join(words[:-1])} ")
    assert said.endswith("error: unrecognized arguments: --yse\n")
