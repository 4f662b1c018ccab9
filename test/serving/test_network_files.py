"""Networks that a release leaves out: fetched from folders, addresses and archives, by their hashes alone."""

import functools
import hashlib
import http.server
import lzma
import os
import random
import shutil
import tarfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.inference import ModelSpec, ModelUnavailable, TensorSpec
from rt_gait_ros.serving.model_folder import network_or_file, write_model
from rt_gait_ros.serving.network_files import FetchError, fetch, listed_files, states
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import absent_networks, read_model, read_repository, write_python_repository
from rt_gait_ros.serving.server import TritonServer

NAMES = ["gait_energy_image", "gaitset_small_v5_stream"]
FILES = [
    "gait_energy_image/1/model.onnx",
    *(f"gaitset_small_v5_stream/1/{part}.onnx" for part in ("frames", "head", "model")),
]


def _hashes(bare: Path, whole: Path) -> tuple[str, str]:
    """What the list says of FILES[1], and what it is."""
    return listed_files(bare)[FILES[1]], hashlib.sha256((whole / FILES[1]).read_bytes()).hexdigest()


def silent(line: str) -> None:
    pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are this machine's, and no address is asked of a proxy."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def whole(model_repository: Path, tmp_path: Path) -> Path:
    """A repository of two networks with their files."""
    folder = tmp_path / "whole"
    for name in NAMES:
        shutil.copytree(model_repository / name, folder / name, ignore=shutil.ignore_patterns("1"))
        (folder / name / "1").mkdir()
    for number, name in enumerate(FILES):
        (folder / name).write_bytes(random.Random(number).randbytes(300_000))  # what is in them is looked at by nobody
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    (folder / "SHA256SUMS").write_text("".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items()))
    return folder


@pytest.fixture
def bare(whole: Path, tmp_path: Path) -> Path:
    """The same without its files, as a small release has it: not even the folders are there."""
    folder = tmp_path / "bare"
    shutil.copytree(whole, folder)
    for name in NAMES:
        shutil.rmtree(folder / name / "1")
    return folder


@pytest.fixture
def address(whole: Path) -> Iterator[str]:
    """The whole repository, and archives beside it, on a web server."""
    handler = functools.partial(_Quiet, directory=str(whole.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        pass


def packed(whole: Path, mode: str = "w:gz") -> Path:
    path = whole.parent / "networks.tar.gz"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(whole, arcname="rt_gait_ros-0.9-networks")
    return path


def damaged(whole: Path, kind: str) -> Path:
    """A compressed archive with another byte in the middle, where the next block of it begins."""
    path = packed(whole, "w:")
    content = path.read_bytes()
    half = len(content) // 2
    if kind == "gz":
        compressor = zlib.compressobj(wbits=31)
        first = compressor.compress(content[:half]) + compressor.flush(zlib.Z_FULL_FLUSH)
        compressed = bytearray(first + compressor.compress(content[half:]) + compressor.flush())
        compressed[len(first)] = 7  # a type of block that does not exist
    else:
        compressed = bytearray(lzma.compress(content))
        compressed[len(compressed) // 2] ^= 1
    path.write_bytes(compressed)
    return path


def test_the_list_is_of_the_files_that_are_shipped(all_networks: Path) -> None:
    """After a network has changed: (cd model_repository && sha256sum */1/*.onnx > SHA256SUMS)."""
    found = {str(path.relative_to(all_networks)) for path in all_networks.glob("*/*/*.onnx")}
    assert set(listed_files(all_networks)) == found
    assert set(states(all_networks).values()) == {"there"}


@pytest.mark.parametrize("kind", ["folder", "archive", "address", "address of an archive", "file address"])
def test_what_is_missing_comes_from_wherever_it_is(kind: str, whole: Path, bare: Path, address: str) -> None:
    source = {
        "folder": str(whole),
        "archive": str(packed(whole)),
        "address": f"{address}/whole/",
        "address of an archive": f"{address}/{packed(whole).name}",
        "file address": whole.as_uri(),
    }[kind]
    said: list[str] = []
    assert fetch(bare, source, NAMES[:1], said.append) == FILES[:1]
    assert [line.partition(" ")[0] for line in said] == FILES[:1]
    assert absent_networks(bare) == {NAMES[1]}
    assert fetch(bare, source, (), silent) == FILES[1:]
    assert set(states(bare).values()) == {"there"}
    assert set(read_repository(bare)) == set(NAMES)
    assert fetch(bare, "/nowhere/at/all", (), silent) == [], "nothing is asked for that is there"
    assert {path.name for path in bare.rglob("*.part")} == set()


def test_a_file_that_is_another_is_not_taken_and_one_that_differs_is_replaced(whole: Path, bare: Path) -> None:
    (whole / FILES[1]).write_bytes(b"another")
    with pytest.raises(FetchError, match=r"frames\.onnx is not the file of this release .*: not taken"):
        fetch(bare, str(whole), (), silent)
    assert states(bare) == {FILES[0]: "there"} | dict.fromkeys(FILES[1:], "missing"), "what came before it stays"
    assert not list(bare.rglob(".*.part"))
    assert states(whole)[FILES[1]] == "differs"
    (bare / "SHA256SUMS").write_text((whole / "SHA256SUMS").read_text().replace(*_hashes(bare, whole)))
    assert fetch(bare, str(whole), (), silent) == FILES[1:]
    (bare / FILES[1]).write_bytes(b"damaged")
    said: list[str] = []
    assert fetch(bare, str(whole), (), said.append) == []
    assert len(said) == 1
    assert f"--network {NAMES[1]} replaces" in said[0]
    assert fetch(bare, str(whole), NAMES[1:], silent) == [FILES[1]]
    assert states(bare)[FILES[1]] == "there"


def test_a_network_of_ones_own_in_the_place_of_a_listed_one_is_used_and_stays(whole: Path, bare: Path) -> None:
    """It has other parts: model.onnx alone, where the listed one is a stream's three files."""
    spec = ModelSpec(NAMES[1], (TensorSpec("a", "float32", (-1, 4)),), (TensorSpec("b", "float32", (-1, 4)),), {})
    write_model(bare, spec, b"one's own", 8, replace=True)
    assert absent_networks(bare) == {NAMES[0]}
    assert set(read_repository(bare)) == {NAMES[1]}
    assert fetch(bare, str(whole), (), silent) == FILES[:1]
    assert (bare / NAMES[1] / "1/model.onnx").read_bytes() == b"one's own"
    assert [path.name for path in (bare / NAMES[1] / "1").iterdir()] == ["model.onnx"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("/nowhere", "/nowhere is no folder, archive"),
        ("ftp://host/networks", "is no address that is understood here: https, http or file"),
        ("EMPTY", "cannot fetch gait_energy_image/1/model.onnx: there is no such file in [^;]*$"),
        ("PACKED", "cannot fetch .*: there is no such file in .*; it has archives: name one of them, networks.tar.gz$"),
        ("ADDRESS/nowhere", "cannot fetch gait_energy_image/1/model.onnx: .*404"),
        ("ADDRESS/nowhere.tar.gz", "cannot fetch http://.*/nowhere.tar.gz"),
        ("http://127.0.0.1:9/", "cannot fetch gait_energy_image/1/model.onnx: .*refused"),
        ("NO-ARCHIVE", "is no tar archive that can be read"),
        ("CUT", "cut off or damaged|cannot fetch"),
        ("http://[::1/x", "cannot fetch gait_energy_image/1/model.onnx: "),
        ("http://[::1/x.tar", r"cannot fetch http://\[::1/x.tar: "),
        ("ADDRESS/Gänge", "cannot fetch gait_energy_image/1/model.onnx: "),
        (f"http://{'a' * 64}.invalid/x", "cannot fetch gait_energy_image/1/model.onnx: "),
        ("DAMAGED gz", "cut off or damaged|no tar archive that can be read"),
        ("DAMAGED xz", "cut off or damaged|no tar archive that can be read"),
        ("OTHER", "the archive has no gait_energy_image/1/model.onnx"),
    ],
)
def test_a_source_without_the_files_is_one_line(
    source: str, line: str, whole: Path, bare: Path, address: str, tmp_path: Path
) -> None:
    if source == "EMPTY":
        (tmp_path / "empty").mkdir()
        source = str(tmp_path / "empty")
    elif source == "PACKED":  # as `rt-gait models pack` leaves it
        (tmp_path / "networks.tar.gz").write_bytes(b"")
        source = str(tmp_path)
    elif source == "NO-ARCHIVE":
        source = str(tmp_path / "networks.tar")
        Path(source).write_bytes(b"no archive")
    elif source == "CUT":
        path = packed(whole)
        path.write_bytes(path.read_bytes()[:40_000])
        source = str(path)
    elif source.startswith("DAMAGED"):
        source = str(damaged(whole, source.split()[1]))
    elif source == "OTHER":
        shutil.rmtree(whole / NAMES[0])
        source = str(packed(whole))
    with pytest.raises(GaitError, match=line) as caught:
        fetch(bare, source.replace("ADDRESS", address), NAMES[:1], silent)
    assert "\n" not in str(caught.value)
    assert absent_networks(bare) == set(NAMES)


@pytest.mark.parametrize(
    "text", ["no hash at all\n", f"{'0' * 64}  ../../outside/1/model.onnx\n", f"{'0' * 64}  /etc/1/model.onnx\n", "\n"]
)
def test_a_list_that_names_no_files_of_networks_is_refused(text: str, bare: Path) -> None:
    (bare / "SHA256SUMS").write_text(text)
    with pytest.raises(UsageError, match="SHA256SUMS, line 1, is not a SHA-256 and NETWORK/VERSION/FILE"):
        fetch(bare, "/nowhere", (), silent)


def test_an_unknown_network_and_a_repository_without_a_list_are_refused(bare: Path) -> None:
    with pytest.raises(UsageError, match=r"no network nobody is in .*: gait_energy_image, gaitset_small_v5_stream"):
        fetch(bare, "/nowhere", ["nobody"], silent)
    (bare / "SHA256SUMS").unlink()
    with pytest.raises(UsageError, match="has no SHA256SUMS"):
        states(bare)


def test_a_folder_that_may_not_be_written_is_one_line(whole: Path, bare: Path) -> None:
    (bare / NAMES[0] / "1").write_text("a file where the folder should be")
    with pytest.raises(FetchError, match="fetch as the user who installed the package"):
        fetch(bare, str(whole), NAMES[:1], silent)
    if os.geteuid():
        (bare / NAMES[1]).chmod(0o500)
        with pytest.raises(FetchError, match="fetch as the user who installed the package"):
            fetch(bare, str(whole), NAMES[1:], silent)


def test_what_needs_a_network_says_how_it_comes(
    bare: Path, whole: Path, tmp_path: Path, triton_installed: None
) -> None:
    """Whatever asks: the server, networks in the node's own process, and whoever reads the repository."""
    advice = r"`rt-gait models fetch --from URL-OR-FOLDER` \(docs/models.md\) brings"
    for asks in (
        lambda: read_repository(bare),
        lambda: read_model(bare / NAMES[0]),
        lambda: write_python_repository(bare, tmp_path / "python"),
        lambda: TritonServer(bare).start(),
        lambda: OnnxClient(bare),
    ):
        with pytest.raises(UsageError, match=advice):
            asks()
    fetch(bare, str(whole), NAMES[:1], silent)
    assert set(read_repository(bare)) == {NAMES[0]}, "the others are of use without it"
    assert write_python_repository(bare, tmp_path / "python") == NAMES[:1]
    with pytest.raises(UsageError, match=f"network '{NAMES[1]}' is not there: {advice}"):
        TritonServer(bare, networks=NAMES).start()
    client = OnnxClient(bare)
    try:
        assert client.describe(NAMES[0]).name == NAMES[0]
        with pytest.raises(ModelUnavailable, match=f"network '{NAMES[1]}' is not there: {advice}"):
            client.describe(NAMES[1])
    finally:
        client.close()


def test_a_network_that_is_named_for_an_export_and_not_there_says_how_it_is_had(bare: Path) -> None:
    """Before, it was taken for a file of that name, which is not there."""
    for name in NAMES:
        with pytest.raises(UsageError, match=f"network '{name}' is not there: `rt-gait models fetch"):
            network_or_file(Path(name), bare)
    assert network_or_file(Path("own.pth"), bare) == Path("own.pth")
    with pytest.raises(UsageError, match=r"there is no file gaitsett, and no network 'gaitsett' in .*: it holds"):
        network_or_file(Path("gaitsett"), bare)
