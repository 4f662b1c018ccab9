import os
import re
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources.names import (
    as_text,
    expand_variables,
    keep_passwords,
    path_of,
    path_of_file_uri,
    written_out,
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


def test_passwords_that_are_written_out_can_be_kept_apart_from_what_others_see() -> None:
    uri = "rtsp://ada:a/b@c!d@h/x?token=t%2F1&speed=2"
    shown = keep_passwords(uri)
    assert written_out(uri)
    assert not written_out(shown)
    assert re.fullmatch(r"rtsp://ada:\$\{\w+\}@h/x\?token=\$\{\w+\}&speed=2", shown)
    assert expand_variables(shown) == uri
    assert keep_passwords(uri) == keep_passwords(shown) == shown
    assert keep_passwords("rtsp://h:554/a") == "rtsp://h:554/a"


def test_passwords_of_pipelines_are_kept_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "a b/c")
    pipeline = "rtspsrc location=rtsp://h user-pw='s3 cret' ! x"
    assert expand_variables(keep_passwords(pipeline), encoded=False) == pipeline
    assert expand_variables('user-pw="${CAMERA_PASSWORD}" ! x', encoded=False) == 'user-pw="a b/c" ! x'
