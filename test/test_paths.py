import errno
import os
import pwd
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.paths import expand, home, replace_file
from rt_gait_ros.serving.cache import cache_folder


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of a user without an entry and without HOME, as `docker run --user 12345` makes one."""

    def no_entry(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    for name in ("HOME", "XDG_CACHE_HOME", "RT_GAIT_CACHE"):
        monkeypatch.delenv(name, raising=False)


def test_home_folders_stand_for_their_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert home() == Path("/home/ada")
    assert expand("~/people") == Path("/home/ada/people")
    assert expand("~root") == Path(pwd.getpwnam("root").pw_dir)
    assert expand("a/~/b") == Path("a/~/b")


def test_user_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match=r"^~no_such_user/x: there is no user no_such_user here"):
        expand("~no_such_user/x")


def test_without_a_home_one_line_says_what_to_set(nameless: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in (home, cache_folder, lambda: expand("~/people")):
        with pytest.raises(UsageError, match=r"no home folder is known: .*set HOME"):
            ask()
    assert expand("/people") == Path("/people")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache_folder() == Path("/cache/rt_gait_ros")


def test_a_file_is_the_old_one_or_the_whole_new_one(
    tmp_path: Path, full_disk: Callable[[str], AbstractContextManager[None]]
) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(path)
    replace_file(link, b"first")
    path.chmod(0o640)
    with full_disk("file"), pytest.raises(OSError, match="No space left"):
        replace_file(path, b"second")
    assert path.read_bytes() == b"first"
    replace_file(link, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o640
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link"}
    assert link.is_symlink()


def test_a_file_is_on_the_disk_before_it_has_its_name_and_nobody_reads_it_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o640)
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        about = os.fstat(descriptor)
        folder = stat.S_ISDIR(about.st_mode)
        done.append("folder" if folder else f"file {about.st_size} {stat.S_IMODE(about.st_mode):o}")
        sync(descriptor)

    def renamed(scratch: Path, target: Path) -> Path:
        done.append("renamed")
        return rename(scratch, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    replace_file(path, b"content")
    assert done == ["file 7 600", "renamed", "folder"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_no_link_that_somebody_put_there_is_written_through(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.write_bytes(b"theirs")
    (tmp_path / f".file.{os.getpid()}").symlink_to(other)
    replace_file(path, b"content")
    assert (path.read_bytes(), other.read_bytes()) == (b"content", b"theirs")


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EACCES])
def test_a_file_that_may_be_written_but_not_replaced_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It is a mount point, as of a container, or its folder is somebody else's."""

    def refuse(scratch: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    path = tmp_path / "file"
    path.write_bytes(b"the first content")
    replace_file(path, b"second")
    assert path.read_bytes() == b"second"
    with pytest.raises(OSError, match=os.strerror(number)):
        replace_file(tmp_path / "new", b"content")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_file(pipe, b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert pipe.is_fifo()
