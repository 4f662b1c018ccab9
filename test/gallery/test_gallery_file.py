"""What the gallery survives. The processes that die here are real."""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros import private_file
from rt_gait_ros.gallery import extent_file, gallery_file, gallery_records
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import GalleryCorrupt, GalleryError, GalleryTooNew, Template
from rt_gait_ros.gallery.person import LEARNT, GalleryReadOnly, Measure

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}
KILLS, CHANGES = (int(os.environ.get(f"RT_GAIT_{what}", few)) for what, few in (("KILLS", 60), ("CHANGES", 300)))

# Adds person after person, and says each one's name once it is safely stored.
WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from rt_gait_ros.gallery import audit, extent_file
    from rt_gait_ros.gallery.gallery import Gallery
    from rt_gait_ros.gallery.gallery_file import Template

    audit.LOCK_SECONDS = extent_file.LOCK_SECONDS = 600.0  # the disk may be busy
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


def filled(path, names, frames=None):
    gallery = Gallery(path)
    for number, name in enumerate(names):
        gallery.add(name, [Template(np.full((1, 2), number, np.float32), 3, frames)], **SILHOUETTE)
    return gallery


def names_in(path):
    return [person.name for person in Gallery(path).persons]


def write_until_killed(gallery, round_, told):
    """What the child does: enrol one person after another, and forget every third, saying so after each."""
    number = 0
    while True:
        name = f"{round_} {number}"
        gallery.add(name, [Template(np.full((62, 64), number, np.float32), 1)], **SILHOUETTE)
        os.write(told, f"+{name}\n".encode())
        if number % 3 == 2:
            os.write(told, f"?{name}\n".encode())
            gallery.forget(name)
            os.write(told, f"-{name}\n".encode())
        number += 1


def commit_during_the_next_read(monkeypatch, commit):
    """Have a change made after a reader has read what stands, and before it looks which state of the file that was."""
    settled = extent_file.settled

    def then_changed(descriptor, look):
        monkeypatch.setattr(extent_file, "settled", settled)
        found = settled(descriptor, look)
        commit()
        return found

    monkeypatch.setattr(extent_file, "settled", then_changed)


def test_a_change_made_while_a_reader_reads_is_seen_by_its_next_look(tmp_path, monkeypatch):
    reader, writer = filled(tmp_path / "g", ["Ada"]), Gallery(tmp_path / "g")
    writer.rename("Ada", "Countess")
    commit_during_the_next_read(monkeypatch, lambda: writer.rename("Countess", "Lovelace"))
    assert reader.refresh()
    assert [person.name for person in reader.persons] == ["Countess"]
    assert reader.refresh()
    assert [person.name for person in reader.persons] == ["Lovelace"]


def test_a_change_made_while_a_writer_reads_is_not_written_over(tmp_path, monkeypatch):
    late, writer = filled(tmp_path / "g", ["Ada"]), Gallery(tmp_path / "g")
    writer.rename("Ada", "Countess")
    commit_during_the_next_read(monkeypatch, lambda: filled(tmp_path / "g", ["Bob"]))
    assert late.refresh()
    late.rename("Countess", "Lovelace")
    assert names_in(tmp_path / "g") == ["Lovelace", "Bob"]


def test_what_a_killed_writer_left_is_deleted_and_what_is_being_written_of_other_files_is_not(tmp_path):
    path = tmp_path / "g"
    left, other = path.with_name(".g.0123456789ab.tmp"), path.with_name(".g.agreed.0123456789ab.tmp")
    for file in (left, other):
        file.write_bytes(b"x")
    private_file.remove_leftovers(path)
    assert (left.exists(), other.exists()) == (False, True)


@pytest.mark.slow
def test_nothing_is_lost_and_nobody_comes_back_when_writers_are_killed(tmp_path):
    """The writer is forked from one warm process, so that a kill falls into a write and not into Python's start."""
    gallery = Gallery(tmp_path / "g")
    chance = random.Random(1)
    acknowledged = 0
    held: set[str] = set()
    for round_ in range(KILLS):
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ready)
            try:
                write_until_killed(gallery, round_, told)
            finally:
                os._exit(1)
        os.close(told)
        first = os.read(ready, 64)
        time.sleep(chance.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(ready, "rb") as pipe:
            lines = (first + pipe.read()).decode().split("\n")[:-1]
        acknowledged += len([line for line in lines if line[0] in "+-"])
        added = {line[1:] for line in lines if line[0] == "+"}
        doubtful = {line[1:] for line in lines if line[0] == "?"}  # asked to forget: may be gone
        gone = {line[1:] for line in lines if line[0] == "-"}
        now = set(names_in(tmp_path / "g"))
        assert (held | added) - doubtful <= now
        assert not gone & now
        assert len(now - held - added) <= 1  # the one that was stored but not yet said
        held = now
        if round_ % 20 == 19:  # takes the dead one's lock and clears up after it
            gallery.refresh()
            for name in held:
                gallery.forget(name)
            held = set()
            assert not any((tmp_path / "g").read_bytes()[extent_file.FIRST + 200 : -200].strip(b"\0"))
    assert acknowledged > KILLS / 2


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
    names = set(names_in(tmp_path / "g"))
    for prefix, lines in zip("abc", said, strict=True):
        assert lines == [f"{prefix} {number}" for number in range(8)]
        assert len([name for name in names if name.startswith(prefix)]) >= 3


def test_a_file_cut_anywhere_is_recognised(tmp_path):
    path = filled(tmp_path / "g", ["Ada", "Bob"]).path
    data = path.read_bytes()
    cuts = random.Random(1).sample(range(len(data)), CHANGES)
    for length in [0, 1, 60, 4095, 4096, 4700, extent_file.FIRST, len(data) - 1, *cuts]:
        path.write_bytes(data[:length])
        with pytest.raises(GalleryCorrupt):
            gallery_file.read(path)
    path.write_bytes(data)
    assert names_in(path) == ["Ada", "Bob"]


def test_a_file_with_any_byte_changed_is_recognised_or_says_what_it_said(tmp_path):
    """Bytes that nothing uses may change: they say nothing, and the next writer overwrites them."""
    frames = np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8)
    gallery = filled(tmp_path / "g", ["Ada"], frames)
    data = gallery.path.read_bytes()
    state = gallery._loaded.state
    used = [*gallery_records.extents(gallery._loaded.content), state.place]
    kept = {n for extent in used for n in range(extent.offset, extent.end)} | set(range(extent_file.PAGE))
    kept |= {extent_file.PAGE * page + n for page in (1, 2) for n in range(extent_file.SLOT)}
    unused = random.Random(1).sample(sorted(set(range(extent_file.FIRST, len(data))) - kept), 20)
    for position in [*random.Random(2).sample(sorted(kept), CHANGES), *unused]:
        changed = bytearray(data)
        changed[position] ^= 0x5A
        gallery.path.write_bytes(changed)
        if position in kept:
            with pytest.raises((GalleryCorrupt, GalleryTooNew)):
                gallery_file.read(gallery.path)
        else:
            assert names_in(gallery.path) == ["Ada"]
    Gallery(gallery.path).note("Ada", consent="yes")
    assert gallery.path.read_bytes()[unused[-1]] != changed[unused[-1]]


def test_an_older_slot_does_not_take_the_place_of_a_damaged_one(tmp_path):
    """Or a change that was acknowledged would be gone without a word."""
    gallery = filled(tmp_path / "g", ["Ada", "Bob"])
    commit = gallery._loaded.state.commit
    with gallery.path.open("r+b") as file:
        file.seek(extent_file.PAGE * (1 + commit % 2) + 20)
        file.write(b"\xff")
    with pytest.raises(GalleryCorrupt, match="slot"):
        Gallery(gallery.path)


def limit_file_size():
    """A file-size limit fails a write half-way, as a full disk does."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_write_that_stops_half_way_changes_nothing(tmp_path):
    gallery = filled(tmp_path / "g", ["Ada"])
    lift = limit_file_size()
    try:
        with pytest.raises(GalleryError, match="nothing was changed"):
            gallery.add("Bob", [Template(np.ones((1, 2), np.float32), 1, noise())], **SILHOUETTE)
    finally:
        lift()
    assert [person.name for person in gallery.persons] == names_in(gallery.path) == ["Ada"]
    gallery.add("Bob", [Template(np.ones((1, 2), np.float32), 1)], **SILHOUETTE)
    assert names_in(gallery.path) == ["Ada", "Bob"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g", "g.audit"]
    assert gallery.path.stat().st_size < 100_000  # what the broken write left is cut off


def test_what_a_write_that_broke_off_has_written_does_not_stay_in_the_file(tmp_path):
    gallery = filled(tmp_path / "g", ["Ada"])
    marked = np.full((1, 2), 0.4242, np.float32)
    lift = limit_file_size()
    try:
        with pytest.raises(GalleryError, match="nothing was changed"):
            gallery.add("Bob", [Template(marked, 1, noise()), Template(marked, 2, noise())], **SILHOUETTE)
    finally:
        lift()
    content = gallery.path.read_bytes()
    assert gallery_records.narrow(marked).tobytes() not in content
    assert gallery_records.pack_frames(noise())[:64] not in content


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


def test_a_full_disk_changes_nothing_and_somebody_can_be_forgotten_on_it(small_disk: Path):
    gallery = filled(small_disk / "g", [f"Person {number}" for number in range(60)])
    with pytest.raises(GalleryError, match=os.strerror(errno.ENOSPC)):
        gallery.add("Bob", [Template(np.ones((1, 2), np.float32), 1, noise())], **SILHOUETTE)
    assert len(Gallery(gallery.path).persons) == 60
    with (small_disk / "filler").open("wb", 0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))
    assert os.statvfs(small_disk).f_bavail == 0
    secret = gallery.find("Person 7").person_id.encode()
    for number in range(60):
        gallery.forget(f"Person {number}")
        if number == 7:
            assert secret not in gallery.path.read_bytes()
    assert Gallery(gallery.path).persons == ()


def test_who_is_forgotten_while_the_disk_fails_is_not_said_to_be_there_still(tmp_path, monkeypatch):
    """Before, the line said that nothing was changed, of somebody who was gone, and whose bytes were not."""
    gallery = filled(tmp_path / "g", ["Ada", "Bob"])
    secret = gallery.find("Ada").person_id.encode()

    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(extent_file, "_wipe", fails)
        with pytest.raises(GalleryError, match="perhaps changed, and what was taken out may still be in its file"):
            gallery.forget("Ada")
    assert names_in(gallery.path) == ["Bob"]
    assert secret in gallery.path.read_bytes()
    gallery.rename("Bob", "Rob")
    assert secret not in gallery.path.read_bytes()


def test_a_lock_that_somebody_keeps_is_said(tmp_path, monkeypatch):
    gallery = Gallery(tmp_path / "g")
    monkeypatch.setattr(extent_file, "LOCK_SECONDS", 0.05)
    with extent_file.writing(gallery.path), pytest.raises(GalleryError, match="another process"):
        gallery.add("Ada", [Template(np.zeros((1, 10), np.float32), 1)], **SILHOUETTE)


def test_what_is_known_of_a_template_comes_back(tmp_path):
    gallery = Gallery(tmp_path / "g")
    first = Template(np.zeros((1, 2), np.float32), 5, None, "hall", 90.0, LEARNT, 7, {"stature": Measure(1.8, 0.02)})
    second = Template(np.ones((1, 2), np.float32), 6, noise(), "", "from behind")
    gallery.add("Ada", [first, second], **SILHOUETTE)
    stored = Gallery(gallery.path).persons[0].templates
    assert [(t.view, t.origin, t.scene, t.stamp) for t in stored] == [
        (90.0, LEARNT, "hall", 5), ("from behind", "enrolled", "", 6),
    ]  # fmt: skip
    assert (stored[0].added, stored[0].measures["stature"]) == (7, Measure(1.8, 0.02))
    assert stored[1].added > 0
    assert stored[1].frames.shape == (100, 64, 64)
    np.testing.assert_array_equal(stored[1].frames, noise())


def enrol_until_it_fails(gallery):
    for number in range(50):
        gallery.add(f"Person {number}", [Template(np.ones((1, 2), np.float32), 1)], **SILHOUETTE)


NEVER_READ_AGAIN = {
    "scene that is too long": {"scene": "c" * 201},
    "scene with a line end": {"scene": "hall\n"},
    "robot whose name turns text": {"robot": "a\u202eb"},
    "view that is no number": {"view": float("nan")},
    "view of another type": {"view": np.float32(90)},
    "measure that is no number": {"measures": {"stature": Measure(float("nan"), 0.1)}},
    "time of another type": {"stamp": np.int64(3)},
    "origin that there is not": {"origin": "heard of"},
}


@pytest.mark.parametrize("unfit", NEVER_READ_AGAIN.values(), ids=NEVER_READ_AGAIN)
def test_what_no_reader_takes_is_not_written(tmp_path, unfit):
    gallery = filled(tmp_path / "g", ["Ada"])
    walk = Template(**{"embedding": np.ones((1, 2), np.float32), "stamp": 1, **unfit})
    with pytest.raises(GalleryError, match="what is new of 'Bob' in the gallery cannot be kept: "):
        gallery.add("Bob", [walk], **SILHOUETTE)
    assert names_in(gallery.path) == ["Ada"]


def test_an_end_beyond_all_time_is_not_written(tmp_path):
    gallery = filled(tmp_path / "g", ["Ada"])
    with pytest.raises(GalleryError, match="what is new of 'Ada' in the gallery cannot be kept: "):
        gallery.note("Ada", retention=300 * 365 * 86_400 * 10**9)
    assert names_in(gallery.path) == ["Ada"]


@pytest.mark.parametrize(("name", "most"), [("MAX_EMBEDDINGS", 40), ("MAX_INDEX", 3000)])
def test_a_gallery_that_is_full_says_so_and_can_be_opened_again(tmp_path, monkeypatch, name, most):
    monkeypatch.setattr(gallery_records, name, most)
    gallery = Gallery(tmp_path / "g")
    with pytest.raises(GalleryError, match="it is full"):
        enrol_until_it_fails(gallery)
    assert 5 <= len(names_in(gallery.path)) < 20
    gallery.forget("Person 0")
    gallery.add("Bob", [Template(np.ones((1, 2), np.float32), 1)], **SILHOUETTE)


def test_frames_of_somebody_who_was_forgotten_meanwhile_are_not_read(tmp_path):
    gallery = filled(tmp_path / "g", ["Ada", "Bob"], noise())
    frames = gallery.find("Ada").templates[0].frames
    Gallery(gallery.path).forget("Ada")
    with pytest.raises(GalleryError, match="gone or changed"):
        np.asarray(frames)


def test_an_embedding_that_half_precision_would_spoil_is_kept_as_it_is(tmp_path):
    gallery = Gallery(tmp_path / "g")
    large = np.array([[1e6, 1.0]], np.float32)
    gallery.add("Ada", [Template(large, 1)], **SILHOUETTE)
    gallery.add("Bob", [Template(np.array([[0.5, 1.0]], np.float32), 1)], **SILHOUETTE)
    np.testing.assert_array_equal(Gallery(gallery.path).references.embeddings[0], large)


def test_a_file_does_not_grow_for_ever(tmp_path):
    gallery = filled(tmp_path / "g", ["Ada", "Bob"])
    size = gallery.path.stat().st_size
    for number in range(10):
        gallery.add("Cyd", [Template(np.ones((1, 2), np.float32), 1, noise())], **SILHOUETTE)
        gallery.rename("Ada" if number % 2 == 0 else "Eve", "Eve" if number % 2 == 0 else "Ada")
        gallery.forget("Cyd")
    assert gallery.path.stat().st_size < size + 4096


def test_a_gallery_of_another_user_can_be_read_and_not_changed(tmp_path, as_nobody):
    """As a robot's user has it whose gallery an administrator keeps."""
    gallery = filled(tmp_path / "g", ["Ada"])
    gallery.path.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)

    def look():
        read = Gallery(gallery.path)
        assert read.find("Ada")
        for change in (lambda: read.forget("Ada"), lambda: read.rename("Ada", "Eve"), lambda: read.merge("Ada", "Ada")):
            try:
                change()
            except GalleryReadOnly:
                continue
            raise AssertionError("it was changed")
        assert read.persons

    as_nobody(look)
