"""The embedded server: starting, refusing to, stopping, being found again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
from waiting import until

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving import repository
from rt_gait_ros.serving.inference import ModelUnavailable
from rt_gait_ros.serving.installation import Installation
from rt_gait_ros.serving.listening import Ports, PortTaken, PrivateSocket
from rt_gait_ros.serving.orphans import end_orphans
from rt_gait_ros.serving.server import TritonServer, _reason, _write_backends
from rt_gait_ros.serving.server_state import ServerFailed, read_states, run_folder, shared_memory_prefix, stop_server
from rt_gait_ros.serving.triton_client import TritonClient

pytestmark = pytest.mark.usefixtures("triton_installed", "private_cache")


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def ready(url: str) -> bool:
    client = TritonClient(url)
    try:
        return client.ready(deadline=20.0)
    finally:
        client.close()


def has(client: TritonClient, name: str) -> bool:
    try:
        return client.describe(name).name == name
    except ModelUnavailable:
        return False


def test_server_is_ready_when_started_and_gone_when_stopped(small_repository: Path) -> None:
    server = TritonServer(small_repository)
    with server:
        assert server.alive
        assert ready(server.url)
        (state,) = read_states()
        assert (state.pid, state.url, state.repository) == (server.pid, server.url, str(small_repository))
        assert not state.keeper.detached
    assert not server.alive
    assert not ready(server.url)
    assert not read_states()
    assert not list(Path("/dev/shm").glob(f"{shared_memory_prefix(server.listening)}*"))
    assert not server.listening.folder.exists()


@pytest.mark.parametrize("name", ["Ada's files", "two words", "Gänge", "歩容"])
def test_a_cache_that_the_stubs_could_not_start_from_is_refused_at_once(
    small_repository: Path, private_cache: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Triton gives their paths to bash without quotes, and waits for what never comes; letters have to be ASCII."""
    monkeypatch.setenv("RT_GAIT_CACHE", str(private_cache / name))
    server = TritonServer(small_repository)
    with pytest.raises(UsageError, match="set RT_GAIT_CACHE to a folder whose"):
        server.start()
    assert not server.listening.folder.exists()


@pytest.mark.parametrize("mine", [True, False])
def test_a_server_of_another_user_is_run_from_a_copy_of_its_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: bool
) -> None:
    """Triton changes the mode of the stub before it starts it, and nobody may do that with a file of another user."""
    root = tmp_path / "tritonserver"
    stub = root / "python_backend_stubs" / "{}.{}".format(*sys.version_info) / "triton_python_backend_stub"
    for path in (stub, root / "backends/python/libtriton_python.so"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"program")
    monkeypatch.setattr(os, "geteuid", lambda: stub.stat().st_uid if mine else stub.stat().st_uid + 1)
    installation = Installation(root / "bin/tritonserver", root / "backends", "PATH")
    program = _write_backends(installation, tmp_path / "run") / "python" / stub.name
    assert program.read_bytes() == b"program"
    assert program.is_symlink() == mine
    program.chmod(0o100)
    assert (stub.stat().st_mode & 0o777 == 0o100) == mine
    monkeypatch.setattr(shutil, "copyfile", Mock(side_effect=PermissionError(13, "Permission denied")))
    if not mine:
        with pytest.raises(UsageError, match="can be read by its owner alone"):
            _write_backends(installation, tmp_path / "run")


def test_only_the_networks_that_are_named_are_loaded(small_repository: Path) -> None:
    shutil.copytree(small_repository / "gait_energy_image", small_repository / "other")
    config = small_repository / "other/config.pbtxt"
    config.write_text(config.read_text().replace('"gait_energy_image"', '"other"', 1))
    with TritonServer(small_repository, networks=["other"]) as server:
        (state,) = read_states()
        assert state.networks == ["other"]
        client = TritonClient(server.url)
        assert client.describe("other").name == "other"
        with pytest.raises(ModelUnavailable, match="gait_energy_image"):
            client.describe("gait_energy_image")
        client.close()


def test_an_unknown_network_is_refused_before_anything_starts(small_repository: Path, private_cache: Path) -> None:
    with pytest.raises(UsageError, match=r"no network 'gait_energy' in .*: it holds gait_energy_image"):
        TritonServer(small_repository, networks=["gait_energy"]).start()
    assert not private_cache.exists()


def test_server_listens_on_one_address_alone(small_repository: Path) -> None:
    ports = Ports.free(http=True, metrics=True)
    with TritonServer(small_repository, ports):
        for port in (ports.grpc, ports.http, ports.metrics):
            assert listens("127.0.0.1", port)  # at once, though Triton opens HTTP and metrics after gRPC
            # a server that listens everywhere takes calls to any address of this machine
            assert not listens("127.0.0.2", port)


def test_a_network_on_request_is_loaded_and_unloaded_on_a_private_socket(
    model_repository: Path, private_cache: Path
) -> None:
    server = TritonServer(model_repository, networks=["gait_energy_image", "gaitset_small_v5"])
    server.on_request = ["gaitset_small_v5"]
    with server, closing(TritonClient(server.url, timeout=60.0)) as client:
        assert client.describe("gait_energy_image").name == "gait_energy_image"
        for _ in range(2):
            with pytest.raises(ModelUnavailable):
                client.describe("gaitset_small_v5")
            client.load("gaitset_small_v5")
            assert client.describe("gaitset_small_v5").name == "gaitset_small_v5"
            client.unload("gaitset_small_v5")
            assert until(lambda: not has(client, "gaitset_small_v5"))
        with pytest.raises(ModelUnavailable, match="has not loaded 'no_such'"):
            client.load("no_such")


def test_no_network_is_loaded_on_request_on_a_port(small_repository: Path, triton_server: TritonServer) -> None:
    with (
        closing(TritonClient(triton_server.url, timeout=60.0)) as client,
        pytest.raises(ModelUnavailable, match="does nothing of that on request: start it with both networks"),
    ):
        client.load("gait_energy_image")
    server = TritonServer(small_repository, Ports.free())
    server.on_request = ["gait_energy_image"]
    with pytest.raises(ValueError, match="everybody on the machine reaches a port"):
        server.start()


@pytest.mark.parametrize("name", ["http", "grpc", "metrics"])
def test_taken_port_is_named(small_repository: Path, name: str) -> None:
    ports = Ports.free(http=True, metrics=True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", getattr(ports, name)))
        other.listen()
        with pytest.raises(PortTaken, match=f"{name} port {getattr(ports, name)} is not free"):
            TritonServer(small_repository, ports).start()


def test_bad_repository_is_refused_before_anything_starts(small_repository: Path, private_cache: Path) -> None:
    (small_repository / "gait_energy_image/config.pbtxt").write_text("name: ")
    with pytest.raises(UsageError, match="cannot be read"):
        TritonServer(small_repository).start()
    assert not private_cache.exists()


def test_server_that_dies_says_which_network_it_could_not_load(small_repository: Path) -> None:
    (small_repository / "gait_energy_image/1/model.onnx").write_bytes(b"not a network")
    server = TritonServer(small_repository)
    with pytest.raises(ServerFailed, match=r"failed to load 'gait_energy_image'.*cannot be loaded") as caught:
        server.start()
    assert "\n" not in str(caught.value)
    assert str(server.log) in str(caught.value)
    assert server.log.is_file()
    assert not server.alive


def test_stale_state_file_is_removed(private_cache: Path) -> None:
    folder = run_folder(Ports())
    folder.mkdir(parents=True)
    # the pid lives, but it is another process than the one that was started then
    state = {"pid": os.getpid(), "started": 1, "repository": "r", "networks": []}
    state |= {"ports": {"grpc": 8001}, "keeper": {"detached": True}}
    (folder / "state.json").write_text(json.dumps(state))
    assert read_states() == []
    assert not (folder / "state.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "3.5", "[" * 100_000, '{"pid": 1}'])
def test_broken_state_file_is_removed(private_cache: Path, content: str) -> None:
    folder = run_folder(Ports())
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(content)
    assert read_states() == []
    assert not (folder / "state.json").exists()


def start_elsewhere(repository: Path) -> subprocess.Popen[str]:
    """Another process that starts a server, tells its pid and url, and waits."""
    script = (
        "import sys; from pathlib import Path; from rt_gait_ros.serving.server import TritonServer\n"
        f"server = TritonServer(Path({str(repository)!r})).start()\n"
        "print(server.pid, server.url, flush=True); sys.stdin.read()"
    )
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def running(pid: int) -> bool:
    return any(state.pid == pid for state in read_states())


def test_owned_server_dies_with_its_killed_owner(small_repository: Path) -> None:
    owner = start_elsewhere(small_repository)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline().split()[0])
    assert running(pid)
    owner.kill()
    owner.wait()
    assert until(lambda: not running(pid))


def test_server_is_stopped_from_another_process(small_repository: Path) -> None:
    owner = start_elsewhere(small_repository)
    assert owner.stdout is not None
    pid, url = owner.stdout.readline().split()
    assert ready(url)
    (state,) = read_states()
    assert state.pid == int(pid)
    stop_server(state)
    assert not state.alive
    assert not read_states()
    owner.kill()
    owner.wait()


def stubs_below(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program = (entry / "cmdline").read_bytes().partition(b"\0")[0].decode()
        except OSError:
            continue
        if program.startswith(str(folder)):
            found.append(int(entry.name))
    return found


def test_stubs_of_a_killed_server_are_ended(small_repository: Path, private_cache: Path) -> None:
    server = TritonServer(small_repository).start()
    stubs = stubs_below(private_cache)
    assert stubs
    assert end_orphans(private_cache) == []  # their server lives
    os.kill(server.pid, signal.SIGKILL)
    assert until(lambda: not server.alive)
    server.stop()
    assert until(lambda: not stubs_below(private_cache))


def test_what_another_owner_left_is_ended_and_removed_by_the_next_start(
    small_repository: Path, private_cache: Path
) -> None:
    owner = start_elsewhere(small_repository)
    assert owner.stdout is not None
    pid, url = owner.stdout.readline().split()
    os.kill(int(pid), signal.SIGKILL)
    owner.kill()
    owner.wait()
    prefix = shared_memory_prefix(PrivateSocket(Path(url.removeprefix("unix:")).parent))
    left = stubs_below(private_cache)
    assert left
    assert list(Path("/dev/shm").glob(f"{prefix}*"))
    with TritonServer(small_repository):
        assert until(lambda: not set(left) & set(stubs_below(private_cache)))
        assert not list(Path("/dev/shm").glob(f"{prefix}*"))


# What a network's script begins with here: in the first starts its process gets no processor for a while, every thread.
STARVING = """\
import os, pathlib, signal, subprocess
starts = pathlib.Path({starts!r})
with starts.open("a") as file:
    print(os.getpid(), file=file)
if len(starts.read_text().split()) <= {starved}:
    subprocess.Popen(["/bin/sh", "-c", f"sleep 2; kill -CONT {{os.getpid()}}"])
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_network_whose_process_got_no_processor_is_loaded_by_the_next_start_or_the_one_after(
    small_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Triton waits for a sign of life for one second, and aborts with boost::interprocess::lock_exception then."""
    starts, starved = tmp_path / "starts", 2
    script = STARVING.format(starts=str(starts), starved=starved) + repository._BACKEND_SCRIPT
    monkeypatch.setattr(repository, "_BACKEND_SCRIPT", script)
    with TritonServer(small_repository) as server:
        assert ready(server.url)
        command = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    assert len(starts.read_text().split()) > starved
    assert caplog.text.count("lock_exception") >= starved
    assert b"--model-load-thread-count=1" in command


def test_a_server_that_aborts_as_it_starts_is_started_again(
    small_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With other names for its shared memory: what is left of the first could hold those."""
    server = TritonServer(small_repository)
    whole, commands = server._command, []

    def abort_first(installation: Installation) -> list[str]:
        commands.append(whole(installation))
        return commands[-1] if len(commands) > 1 else ["/bin/sh", "-c", "echo corrupted list; kill -ABRT $$"]

    monkeypatch.setattr(server, "_command", abort_first)
    with server:
        assert ready(server.url)
    assert "died (exit code -6): corrupted list (log: " in caplog.text
    first, second = ({word for word in command if "shm-region-prefix-name" in word} for command in commands)
    assert first
    assert not first & second


def test_a_server_that_goes_on_aborting_is_told(small_repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = TritonServer(small_repository)
    monkeypatch.setattr(server, "_command", lambda installation: ["/bin/sh", "-c", "kill -SEGV $$"])
    with pytest.raises(ServerFailed, match=r"exit code -11\): it said nothing"):
        server.start()
    assert not server.alive


def test_line_that_says_nothing_is_not_the_reason() -> None:
    log = (
        'E1121 03:55:56.210141 15571 cuda.cc:1] "CudaDriverHelper has not been initialized."\n'
        "terminate called after throwing an instance of 'boost::interprocess::lock_exception'\n"
        'E1121 03:55:56.310141 15571 cuda.cc:1] "CudaDriverHelper has not been initialized."\n'
    )
    assert "lock_exception" in _reason(log)
    assert _reason("started\nSignal (11) received.\n 0# 0x00005637C2 in /opt/tritonserver\n") == "Signal (11) received."
    assert _reason('E1121 03:55:56.310141 15571 cuda.cc:1] "CudaDriverHelper has not been initialized."\n') == (
        "it said nothing"
    )


def test_server_that_does_not_end_is_killed(small_server: TritonServer) -> None:
    pid = small_server.pid
    os.kill(pid, signal.SIGSTOP)
    small_server.stop(timeout=0.2)
    assert not Path(f"/proc/{pid}").exists()


def test_the_server_and_its_stubs_are_told_to_send_nothing_to_the_maker_of_onnx_runtime(triton_server):
    tasks = Path(f"/proc/{triton_server.pid}/task").glob("*/children")  # each thread has its own
    children = [pid for task in tasks for pid in task.read_text().split()]
    assert children
    for pid in (str(triton_server.pid), *children):
        assert b"ORT_DISABLE_TELEMETRY=1" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
