"""`rt-gait deploy`: its files are what compose and systemd read, and nobody else's are overwritten."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from rt_gait_ros.cli.main import main
from rt_gait_ros.nodes.service_manager import ServiceManager

ROOT = Path(__file__).resolve().parents[2]
FILES = {"compose.yaml", "Dockerfile", "rt-gait-triton.service", "rt-gait-nodes.service"}


def deploy(folder: Path, *words: str, target: str = "x86") -> int:
    return main(["deploy", str(folder), "--target", target, "--program", "/bin/true", "--user", "root", *words])


@pytest.mark.parametrize("target", ["x86", "jetpack5", "jetpack6"])
def test_compose_files_shut_everything_that_is_not_needed(tmp_path: Path, target: str) -> None:
    assert deploy(tmp_path, "--triton-image", "triton:1", target=target) == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES
    services = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]
    assert services["triton"]["image"] == "triton:1"
    assert ("runtime" in services["triton"]) == (target != "x86")
    assert services["triton"]["volumes"][0].endswith("/model_repository:/models:ro")
    assert services["nodes"]["depends_on"]["triton"]["condition"] == "service_healthy"
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] != "0"
        assert service["healthcheck"]["test"][0] == "CMD"


def test_what_has_to_last_is_in_volumes_that_the_user_may_write(tmp_path: Path) -> None:
    """Each line is what failed when the containers ran."""
    assert deploy(tmp_path) == 0
    services = yaml.safe_load((tmp_path / "compose.yaml").read_text())
    nodes, dockerfile = services["services"]["nodes"], (tmp_path / "Dockerfile").read_text()
    environment = nodes["environment"]
    # /tmp is empty after each start: compiling took half a minute each time, and a copy of a shared gallery was lost
    for name in ("HOME", "RT_GAIT_CACHE", "NUMBA_CACHE_DIR"):
        folder = "/" + environment[name].split("/")[1]
        assert any(volume.endswith(f":{folder}") for volume in nodes["volumes"])
    assert 'mkdir --mode=0700 /data /cache && chown "$USER" /data /cache' in dockerfile
    assert set(services["volumes"]) == {"people", "cache"}
    # RT_GAIT_USER could not write into volumes that belonged to 1000:1000
    assert nodes["build"]["args"]["USER"] == nodes["user"]
    assert "psycopg" in dockerfile
    # by shared memory nothing reached RViz of another user
    assert environment["FASTDDS_BUILTIN_TRANSPORTS"] == "UDPv4"
    assert "ipc" not in nodes
    # nodes that hung were healthy as long as Triton was
    assert environment["RT_GAIT_HEARTBEAT"] in nodes["healthcheck"]["test"][-1]


@pytest.mark.parametrize("target", ["x86", "jetpack6"])
def test_a_machine_without_a_gpu_is_not_asked_for_one(tmp_path: Path, target: str) -> None:
    assert deploy(tmp_path, "--no-gpu", target=target) == 0
    triton = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]["triton"]
    assert not {"deploy", "runtime"} & set(triton)


def test_an_image_holds_nothing_that_was_built_or_recorded_in_the_clone() -> None:
    """A clone in which the package was used has gigabytes in .venv, and videos of people in output."""
    ignored = set((ROOT / ".dockerignore").read_text().splitlines())
    git_ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("/")]
    assert {".git", *git_ignored} <= ignored


def docker_compose() -> list[str]:
    """The command that reads compose files, or none."""
    plugin = ["docker", "compose"]
    if shutil.which("docker") and not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode:
        return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else []


@pytest.mark.parametrize("target", ["x86", "jetpack5", "jetpack6"])
def test_compose_itself_reads_the_file(tmp_path: Path, target: str) -> None:
    if not (command := docker_compose()):
        pytest.skip("no docker compose")
    assert deploy(tmp_path, "--triton-image", "triton:1", target=target) == 0
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "PWD": str(tmp_path), "HOME": str(tmp_path)}
    environment |= {"RT_GAIT_CLONE": str(tmp_path), "RT_GAIT_SOURCE": "0"}
    words = [*command, "-f", "compose.yaml", "config", "--quiet"]
    read = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_understands_the_units_and_finds_little_exposed(tmp_path: Path) -> None:
    assert deploy(tmp_path) == 0
    for name in ("rt-gait-triton.service", "rt-gait-nodes.service"):
        path = str(tmp_path / name)
        checked = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
        assert name not in checked.stderr, checked.stderr
        words = ["systemd-analyze", "security", "--offline=true", "--threshold=50", path]
        exposed = subprocess.run(words, capture_output=True, text=True, check=False)
        assert exposed.returncode == 0, exposed.stdout + exposed.stderr


def test_the_units_are_what_was_found_when_they_ran(tmp_path: Path) -> None:
    assert deploy(tmp_path) == 0
    for name in ("rt-gait-triton.service", "rt-gait-nodes.service"):
        lines = (tmp_path / name).read_text().splitlines()
        # systemd makes these folders itself, with 0755 whatever UMask says, and the gallery is in one of them
        assert {"StateDirectoryMode=0700", "CacheDirectoryMode=0700"} <= set(lines)
        # the stubs of a killed Triton heed no SIGTERM: the next start waited TimeoutStopSec for them
        assert "KillMode=mixed" in lines
        # nodes of other users on the same machine heard nothing by shared memory
        assert any(line.startswith("Environment=") and "FASTDDS_BUILTIN_TRANSPORTS=UDPv4" in line for line in lines)
    nodes = (tmp_path / "rt-gait-nodes.service").read_text()
    assert "\nWants=rt-gait-triton.service network-online.target\n" in nodes
    assert "\nAfter=rt-gait-triton.service network-online.target time-sync.target\n" in nodes


def test_own_files_are_written_anew_and_others_are_not(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert deploy(tmp_path) == deploy(tmp_path) == 0
    (tmp_path / "Dockerfile").write_text("FROM mine\n")
    before = (tmp_path / "compose.yaml").read_text()
    assert deploy(tmp_path, "--triton-image", "other:2") == 2
    assert "Dockerfile in" in capsys.readouterr().err
    assert (tmp_path / "compose.yaml").read_text() == before
    assert (tmp_path / "Dockerfile").read_text() == "FROM mine\n"
    assert deploy(tmp_path, "--force") == 0
    assert "FROM ros:jazzy" in (tmp_path / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("words", "target", "line"),
    [
        ((), "jetpack5", "no image of Triton is known for jetpack5"),
        (("--triton-image", "a b\nc"), "x86", "is no image"),
        (("--user", "a\nExecStart=x"), "x86", "is no name of a user"),
        (("--program", "rt gait"), "x86", "must be a whole path"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, words, target, line) -> None:
    assert deploy(tmp_path / "new", *words, target=target) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_file_that_cannot_be_replaced_is_one_line_that_names_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "Dockerfile" / "mine").mkdir(parents=True)
    assert deploy(tmp_path, "--force") == 2
    assert capsys.readouterr().err == f"rt-gait deploy: {tmp_path} cannot be written: Is a directory\n"
    assert (tmp_path / "Dockerfile" / "mine").is_dir()
    assert {path.name for path in tmp_path.iterdir()} <= FILES, "what was begun is gone"


def test_a_folder_that_cannot_be_made_is_one_line_that_names_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "deploy"
    assert deploy(folder) == 2
    assert capsys.readouterr().err == f"rt-gait deploy: {folder} cannot be written: Not a directory\n"


def test_a_process_tells_systemd_that_it_is_ready_and_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        manager = ServiceManager()
        (tmp_path / "notify").rename(tmp_path / "away")
        manager.ready()  # heard by nobody: the next sign of life may be
        (tmp_path / "away").rename(tmp_path / "notify")
        manager.ready()
        manager.turn()
        manager.turn()  # too soon for another sign
        assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1", b"WATCHDOG=1"]
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(100)


def test_a_process_gives_its_heartbeat_a_new_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat = tmp_path / "heartbeat"
    monkeypatch.setenv("RT_GAIT_HEARTBEAT", str(heartbeat))
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.delenv(name, raising=False)
    manager = ServiceManager()
    assert manager.period == 10.0
    manager.ready()
    assert heartbeat.exists()
    heartbeat.unlink()
    manager.turn()
    assert heartbeat.exists()
    monkeypatch.setenv("RT_GAIT_HEARTBEAT", str(tmp_path / "nowhere" / "heartbeat"))
    ServiceManager().turn()


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    mine, folder = tmp_path / "mine", tmp_path / "deploy"
    mine.write_text("FROM mine\n")
    folder.mkdir()
    (folder / "Dockerfile").symlink_to(mine)
    assert deploy(folder) == 2
    assert deploy(folder, "--force") == 0
    assert mine.read_text() == "FROM mine\n"
    assert {path.name for path in folder.iterdir()} == FILES
    assert not (folder / "Dockerfile").is_symlink()
