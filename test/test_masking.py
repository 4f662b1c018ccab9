import os

import pytest

from rt_gait_ros.masking import credentials_in, mask_credentials, readable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rtsp://user:s3cret@host/a", "rtsp://user:***@host/a"),
        ("RTSPS://user:s3cret@host:322", "RTSPS://user:***@host:322"),
        ("rtsp://user:s3@cr3t@host/a", "rtsp://user:***@host/a"),
        ("rtsp://user:s3/cr3t#@host/a", "rtsp://user:***@host/a"),
        ("rtsp:/user:s3cret@host/a does not exist", "rtsp:/user:***@host/a does not exist"),
        ("https://s3cret@host/a", "https://***@host/a"),
        ("http://cam/video.cgi?user=ada&pwd=s3cret&x=1", "http://cam/video.cgi?user=ada&pwd=***&x=1"),
        ("http://cam/v?token=s3cret", "http://cam/v?token=***"),
        ("postgresql://spot:s3cret@db/people", "postgresql://spot:***@db/people"),
        ("postgresql://db/p?scram_client_key=s3cret&x=1", "postgresql://db/p?scram_client_key=***&x=1"),
        (
            "gst:rtspsrc location=rtsp://u:s3cret@h user-pw=s3cret ! x",
            "gst:rtspsrc location=rtsp://u:***@h user-pw=*** ! x",
        ),
        ("rtsp://u:s3c!ret!@h/a and http://h?pwd=s3c!ret&x=1", "rtsp://u:***@h/a and http://h?pwd=***&x=1"),
        ("gst:rtspsrc user-pw=s3cret! x location=http://h/@", "gst:rtspsrc user-pw=***! x location=http://h/@"),
        ("two: 'rtsp://u:s3cret@h' http://v:s3cret@h", "two: 'rtsp://u:***@h' http://v:***@h"),
    ],
)
def test_passwords_are_masked(name: str, shown: str) -> None:
    assert mask_credentials(name) == shown
    assert "s3c" not in shown
    assert all("s3" in secret for secret in credentials_in(name))


@pytest.mark.parametrize(
    "name",
    [
        "walk.mp4",
        "rtsp://host:554/live@1",
        "rtsp://[::1]:554/a@b",
        "http://host/a?x=1",
        "mail@host",
        "postgresql://ROLE@HOST/DATABASE?site=SITE",
        "postgres://spot@db.example/people",
        "file:///a:b@c",
        "C:/a:b@c",
        "0",
        "C:\\a",
    ],
)
def test_what_is_no_password_is_left_alone(name: str) -> None:
    assert mask_credentials(name) == name
    assert credentials_in(name) == []


def test_names_for_people_are_one_line_of_text() -> None:
    assert readable(os.fsdecode(b"caf\xe9\n\x1b[31m.mp4")) == r"caf\xe9\n\x1b[31m.mp4"
    assert readable("Zoë 行.mp4") == "Zoë 行.mp4"
