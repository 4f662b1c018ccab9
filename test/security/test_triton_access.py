"""What another user of the machine, and a web page, can do to the embedded server: ask a network on a port, no more."""

import json
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_gait_ros.serving.listening import NotPrivate, Ports, PrivateSocket
from rt_gait_ros.serving.running import find_running
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.server_state import ServerFailed, run_folder, shared_memory_prefix
from rt_gait_ros.serving.triton_client import TritonClient

pytestmark = pytest.mark.usefixtures("triton_installed", "private_cache")

# Loads a "network" whose script writes a file, with every header that the server's command line gives away.
IMPORTS = "import tritonclient.grpc as triton"
ATTACK = r"""
url, pid, target = sys.argv[1:]
words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
headers = [{}]
for word in words:
    if word.startswith("--grpc-restricted-protocol="):
        key, _, value = word.partition(":")[2].partition("=")
        headers.append({f"triton-grpc-protocol-{key}": value})
        headers.append({f"triton-grpc-protocol-{''.join(key.split())}": value})
script = f"open({target!r}, 'w').write('run')\nclass TritonPythonModel:\n    def execute(self, requests): return []\n"
config = {"name": "evil", "backend": "python", "max_batch_size": 0,
          "input": [{"name": "a", "data_type": "TYPE_FP32", "dims": [1]}],
          "output": [{"name": "b", "data_type": "TYPE_FP32", "dims": [1]}]}
for header in headers:
    client = triton.InferenceServerClient(url)
    attempts = {
        "load": lambda: client.load_model("evil", headers=header, config=json.dumps(config),
                                          files={"file:1/model.py": script.encode()}),
        "unload": lambda: client.unload_model("gait_energy_image", headers=header),
        "index": lambda: client.get_model_repository_index(headers=header),
        "log": lambda: client.update_log_settings({"log_file": target}, headers=header),
        "trace": lambda: client.update_trace_settings(settings={"trace_file": target}, headers=header),
        "memory": lambda: client.register_system_shared_memory("spy", "/any", 64, headers=header),
        "counters": lambda: client.get_inference_statistics(headers=header),
        "inference": lambda: client.get_model_metadata("gait_energy_image"),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
            print("done:", name)
        except Exception as error:
            print("refused:", name, " ".join(str(error).split())[:80])
"""


@pytest.fixture
def repository(model_repository: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "gait_energy_image").symlink_to(model_repository / "gait_energy_image")
    return folder


@pytest.fixture
def open_server(repository: Path) -> Iterator[TritonServer]:
    """A server on ports, with all that can be had."""
    with TritonServer(repository, Ports.free(http=True, metrics=True)) as server:
        yield server


def answers(server: TritonServer) -> bool:
    client = TritonClient(server.url)
    try:
        return client.describe("gait_energy_image").name == "gait_energy_image"
    finally:
        client.close()


def test_another_user_cannot_change_a_server_on_a_port(repository: Path, stranger) -> None:
    with TritonServer(repository, Ports.free()) as server:
        result = stranger(ATTACK, server.url, server.pid, "/tmp/rt_gait_evil", imports=IMPORTS)
        assert result.returncode == 0, result.stderr
        assert set(result.stdout.split("\n")) >= {"done: inference"}, result.stdout
        assert not {line for line in result.stdout.splitlines() if line.startswith("done:")} - {"done: inference"}
        assert answers(server)
    assert not Path("/tmp/rt_gait_evil").exists()


def test_another_user_does_not_reach_a_server_on_its_socket(repository: Path, stranger) -> None:
    with TritonServer(repository) as server:
        result = stranger(ATTACK, server.url, server.pid, "/tmp/rt_gait_evil", imports=IMPORTS)
        assert "done:" not in result.stdout
        assert answers(server)


def test_the_owner_cannot_load_another_network_either(open_server: TritonServer) -> None:
    import tritonclient.grpc
    from tritonclient.utils import InferenceServerException

    client = tritonclient.grpc.InferenceServerClient(open_server.url)
    with pytest.raises(InferenceServerException, match="restricted"):
        client.load_model("gait_energy_image")
    client.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/repository/models/evil/load", {"parameters": {"config": "{}"}}),
        ("/v2/repository/models/gait_energy_image/unload", {}),
        ("/v2/repository/index", {}),
        ("/v2/logging", {"log_file": "/tmp/rt_gait_evil"}),
        ("/v2/trace/setting", {"trace_file": "/tmp/rt_gait_evil"}),
        ("/v2/systemsharedmemory/region/spy/register", {"key": "/any", "offset": 0, "byte_size": 64}),
    ],
)
def test_a_web_page_cannot_change_a_server_with_http(open_server: TritonServer, path: str, body: dict) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{open_server.listening.http}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "text/plain", "Origin": "http://page.example"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=300)
    assert refused.value.code == 403
    assert answers(open_server)


def test_http_and_metrics_are_there_by_choice_alone(repository: Path) -> None:
    with TritonServer(repository, Ports.free()) as server:
        words = Path(f"/proc/{server.pid}/cmdline").read_bytes().decode().split("\0")
        assert {"--allow-http=false", "--allow-metrics=false", "--allow-grpc=true"} <= set(words)


def test_what_the_server_keeps_is_its_users_alone(repository: Path) -> None:
    with TritonServer(repository) as server:
        held = [
            run_folder(server.listening),
            server.log,
            server.listening.folder,
            *Path("/dev/shm").glob(f"{shared_memory_prefix(server.listening)}*"),
        ]
        assert len(held) > 3, "the Python backend has no shared memory any more"
        assert {oct(stat.S_IMODE(path.stat().st_mode) & 0o077) for path in held} == {"0o0"}


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_socket_folder_that_is_not_private_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "sockets"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o755)
    with pytest.raises(NotPrivate, match=r"chmod 700|not a folder of this user's"):
        PrivateSocket(folder).prepare()


def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(NotPrivate, match="not a folder of this user's"):
        PrivateSocket(folder).prepare()


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::")])
def test_a_server_of_another_user_is_not_used(repository: Path, stranger_at_work, family: str, address: str) -> None:
    if family == "AF_INET6" and not Path("/proc/net/if_inet6").is_file():
        pytest.skip("this machine has no IPv6")
    ports = Ports.free()
    listen = f"s = socket.socket(socket.{family}); s.bind(('{address}', int(sys.argv[1]))); s.listen()"
    stranger_at_work(f"{listen}; print(1, flush=True)", ports.grpc)
    with pytest.raises(ServerFailed, match=r"another user's \(uid 65534\), who would see the images"):
        find_running(repository, ports, [])
