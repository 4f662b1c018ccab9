"""What the gallery survives. The processes that die here are real."""

import errno
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.gait import gallery_file, private_file
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.gallery_file import Content, GalleryCorrupt, GalleryError, GalleryTooNew, Person, Template, pack

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}

# Adds person after person, and says each one's name once it is safely stored.
WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from rt_gait_ros.gait.gallery import Gallery
    from rt_gait_ros.gait.gallery_file import Template

    gallery = Gallery(sys.argv[1])
    prefix, number = sys.argv[2], 0
    embedding = np.zeros((62, 64), np.float32)
    while True:
        gallery.add(f"{prefix} {number}", [Template(embedding, 1)], model="angle", gait_frame_kind="silhouette")
        print(f"{prefix} {number}", flush=True)
        if number >= 3:
            gallery.forget(f"{prefix} {number - 3}")
        number += 1
    """
)


def start(path, prefix):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), prefix], stdout=subprocess.PIPE, env=environment)


def content(names, frames=None):
    return Content(
        "angle",
        "silhouette",
        tuple(
            Person(f"p{number}", name, 1, 2, (Template(np.full((1, 2), number, np.float32), 3, frames),))
            for number, name in enumerate(names)
        ),
    )


def test_nothing_is_lost_when_the_writer_is_killed_200_times(tmp_path):
    """The writer is forked from one warm process, so that a kill falls into a write and not into Python's start."""
    path = tmp_path / "g"
    gallery = Gallery(path)
    chance = random.Random(1)
    leftovers = 0
    for round_ in range(200):
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ready)
            try:
                number = 0
                while True:
                    name = f"{round_} {number}"
                    gallery.add(name, [Template(np.zeros((62, 64), np.float32), 1)], **SILHOUETTE)
                    os.write(told, f"{name}\n".encode())
                    number += 1
            finally:
                os._exit(1)
        os.close(told)
        first = os.read(ready, 64)
        time.sleep(chance.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(ready, "rb") as pipe:
            confirmed = (first + pipe.read()).decode().split("\n")[:-1]
        leftovers += len(list(tmp_path.glob(".g.*.tmp")))
        held = {person.name for person in Gallery(path).persons}
        assert set(confirmed) <= held
        assert len(held) <= len(confirmed) + 1  # the one that was stored but not yet said
        for name in held:  # takes the dead one's lock and clears up after it
            gallery.forget(name)
        assert not list(tmp_path.glob(".g.*.tmp"))
    assert leftovers > 10, "hardly any kill fell into a write: the test shows nothing"


def test_processes_that_write_at_once_take_turns(tmp_path):
    Gallery(tmp_path / "g")
    writers = [start(tmp_path / "g", prefix) for prefix in "abc"]
    try:
        said = [[writer.stdout.readline().decode().strip() for _ in range(8)] for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            writer.stdout.close()
    names = {person.name for person in Gallery(tmp_path / "g").persons}
    for prefix, lines in zip("abc", said, strict=True):
        assert lines == [f"{prefix} {number}" for number in range(8)]
        assert len([name for name in names if name.startswith(prefix)]) >= 3


def test_a_file_cut_at_any_byte_is_recognised(tmp_path):
    data = pack(content(["Ada", "Bob"]))
    for length in range(len(data)):
        with pytest.raises(GalleryCorrupt):
            gallery_file.unpack(data[:length], tmp_path)
    assert [p.name for p in gallery_file.unpack(data, tmp_path).persons] == ["Ada", "Bob"]


def test_a_file_with_any_byte_changed_is_recognised(tmp_path):
    data = pack(content(["Ada"]))
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 0x5A]) + data[position + 1 :]
        with pytest.raises((GalleryCorrupt, GalleryTooNew)):
            gallery_file.unpack(changed, tmp_path)


def limit_file_size():
    """A file-size limit fails a write half-way, as a full disk does."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_write_that_stops_half_way_changes_nothing(tmp_path):
    gallery = Gallery(tmp_path / "g")
    gallery.add("Ada", [Template(np.zeros((1, 10), np.float32), 1)], **SILHOUETTE)
    before = gallery.path.read_bytes()
    lift = limit_file_size()
    try:
        with pytest.raises(GalleryError, match="nothing was changed"):
            gallery.add("Bob", [Template(np.ones((1, 10), np.float32), 1, noise())], **SILHOUETTE)
    finally:
        lift()
    assert gallery.path.read_bytes() == before
    assert [person.name for person in gallery.persons] == ["Ada"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".g.lock", "g"]
    gallery.add("Bob", [Template(np.ones((1, 10), np.float32), 1)], **SILHOUETTE)
    assert [person.name for person in Gallery(gallery.path).persons] == ["Ada", "Bob"]


def noise():
    """Frames that do not compress: 400 kB."""
    return np.random.default_rng(1).integers(0, 256, (100, 64, 64), dtype=np.uint8)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_changes_nothing_and_says_so(small_disk: Path):
    gallery = Gallery(small_disk / "g")
    gallery.add("Ada", [Template(np.zeros((1, 10), np.float32), 1)], **SILHOUETTE)
    before = gallery.path.read_bytes()
    with pytest.raises(GalleryError, match=os.strerror(errno.ENOSPC)):
        gallery.add("Bob", [Template(np.ones((1, 10), np.float32), 1, noise())], **SILHOUETTE)
    assert gallery.path.read_bytes() == before
    assert [person.name for person in gallery.persons] == ["Ada"]
    assert not list(small_disk.glob("*.tmp"))
    (small_disk / "filler").write_bytes(b"")
    gallery.rename("Ada", "Countess")
    assert Gallery(gallery.path).persons[0].name == "Countess"


def test_a_lock_that_somebody_keeps_is_said(tmp_path, monkeypatch):
    gallery = Gallery(tmp_path / "g")
    monkeypatch.setattr(gallery_file, "LOCK_SECONDS", 0.05)
    with gallery_file.locked(gallery.path), pytest.raises(GalleryError, match="another process"):
        gallery.add("Ada", [Template(np.zeros((1, 10), np.float32), 1)], **SILHOUETTE)


def test_a_file_from_before_scenes_is_read_and_written_anew(tmp_path):
    """What schema 1 was: the same without the scene of each template."""
    path = tmp_path / "g"
    payload = private_file.payload_of(pack(content(["Ada"])))
    old = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(payload)) as archive, zipfile.ZipFile(old, "w") as written:
        for name in archive.namelist():
            data = archive.read(name)
            written.writestr(name, data.replace(b', "scene": ""', b"") if name == "index.json" else data)
    path.write_bytes(private_file.seal("gallery", 1, old.getvalue()))
    gallery = Gallery(path)
    assert [(p.name, p.templates[0].scene) for p in gallery.persons] == [("Ada", "")]
    gallery.add("Bob", [Template(np.zeros((1, 2), np.float32), 1, None, "hall")], **SILHOUETTE)
    assert path.read_bytes().startswith(b"rt_gait_ros gallery\nschema 2\n")
    assert [p.templates[0].scene for p in Gallery(path).persons] == ["", "hall"]
