import pwd
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.paths import expand, home
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
