import errno
import os
import pwd
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


def test_a_file_is_the_old_one_or_the_whole_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(path)
    replace_file(link, b"first")
    path.chmod(0o640)
    original = Path.write_bytes

    def full(target: Path, content: bytes) -> int:
        original(target, content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            replace_file(path, b"second")
    assert path.read_bytes() == b"first"
    replace_file(link, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o640
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link"}
    assert link.is_symlink()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_file(pipe, b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert pipe.is_fifo()
