import os
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources.names import (
    as_text,
    expand_variables,
    path_of,
    path_of_file_uri,
)


def test_a_name_that_is_no_text_has_a_uri_that_is(tmp_path: Path) -> None:
    name = os.path.join(tmp_path, os.fsdecode(b"caf\xe9.mp4"))
    uri = as_text(name)
    uri.encode()
    assert os.fsencode(path_of_file_uri(uri)) == os.fsencode(name)
    assert as_text("café.mp4") == "café.mp4"


@pytest.mark.parametrize(
    "uri", ["file:///a%20b/c", "FILE:///a%20b/c", "file://localhost/a%20b/c", "file:/a%20b/c", "file://LOCALHOST/a b/c"]
)
def test_file_uris(uri: str) -> None:
    assert path_of_file_uri(uri) == Path("/a b/c")


def test_a_file_of_another_computer_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*of the computer server[^\n]*$"):
        path_of_file_uri("file://server/walk.mp4")


def test_a_home_that_nobody_has_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*no home folder for ~no_such_user[^\n]*$"):
        path_of("~no_such_user/walk.mp4")


def test_passwords_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "a/b@c")
    assert expand_variables("rtsp://u:${CAMERA_PASSWORD}@h/") == "rtsp://u:a%2Fb%40c@h/"
    with pytest.raises(UsageError, match=r"the environment variable NO_SUCH_ONE is not set"):
        expand_variables("rtsp://u:${NO_SUCH_ONE}@h/")
