"""`rt-gait watch` beside `rt-gait run`: two real processes, and what browsers ask of the first."""

import argparse
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rt_gait_ros.cli import watch
from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.installation import find_installation

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("triton_installed")]

PATIENCE = 300.0  # seconds: the machine may be busy
SOURCE = "synthetic://crossing?people=2&seed=3&seconds=120"
NAME = "Ada 李雷 مريم <b>"


class Page:
    """The page as a browser sees it, and both processes."""

    def __init__(self, folder: Path) -> None:
        self._logs = [folder / "run.txt", folder / "watch.txt"]
        environment = {
            **os.environ,
            "RT_GAIT_TRITONSERVER": str(find_installation().binary),
            "RT_GAIT_CACHE": str(folder / "cache"),
            "PYTHONUNBUFFERED": "1",
        }
        parameters = folder / "parameters.yaml"
        # A busy machine drops most images of a walk.
        parameters.write_text("/**/gait_node:\n  ros__parameters:\n    enroll_frames: 10\n")
        nodes = ["run", "--source", SOURCE, "--loop", "--gallery", str(folder / "gallery")]
        commands = [*nodes, "--params-file", str(parameters)], ["watch", "--port", "0"]
        self.processes = []
        for command, log in zip(commands, self._logs, strict=True):
            with log.open("wb") as said:
                program = [sys.executable, "-m", "rt_gait_ros.cli.main", *command]
                self.processes.append(subprocess.Popen(program, env=environment, stdout=said, stderr=said))

    def find(self) -> None:
        """Read the address."""
        self.until(lambda: "http://" in self.said)
        self.url = urlsplit(next(line for line in self.said.splitlines() if line.startswith("http://")))

    @property
    def said(self) -> str:
        """What both have said."""
        return "".join(log.read_text(errors="replace") for log in self._logs)

    def until(self, condition: Callable[[], Any]) -> Any:
        """The value of a condition, once it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end, self.said
            assert all(process.poll() is None for process in self.processes), self.said
            time.sleep(0.2)
        return value

    def ask(self, name: str, fields: Any = None, path: str = "", **headers: str) -> tuple[int, bytes]:
        """Get, or post fields. Returns the status and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port or 0, timeout=300)
        body = None if fields is None else json.dumps(fields)
        kind = {} if fields is None else {"Content-Type": "application/json"}
        connection.request("GET" if body is None else "POST", path or self.url.path + name, body, headers | kind)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def state(self, viewer: str = "one") -> Any:
        """All that the page shows."""
        return json.loads(self.ask(f"state?after=0&page={viewer}")[1])

    def outcome(self, what: str, /, **fields: Any) -> Any:
        """Ask for something, and wait for its end."""
        status, text = self.ask(what, fields)
        assert status == 202, text
        number = json.loads(text)["number"]
        return self.until(
            lambda: next((a for a in self.state()["activities"] if a["number"] == number and a["done"]), None)
        )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, domain: int) -> Iterator[Page]:
    started = Page(tmp_path_factory.mktemp("watch"))
    try:
        started.find()
        started.until(lambda: started.state()["level"] == "live")
        yield started
    finally:
        for process in started.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in started.processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def test_the_page_shows_the_picture_and_how_the_nodes_do_to_several_viewers(page: Page) -> None:
    assert b"<title>rt-gait watch</title>" in page.ask("")[1]
    page.until(lambda: page.ask("picture?after=0")[1].startswith(b"\xff\xd8"))
    page.until(lambda: (page.state("one"), page.state("two"))[1]["viewers"] == 2)
    names = {node["name"] for node in page.state()["nodes"]}
    assert {"camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node"} <= names


def test_nobody_else_is_answered(page: Page) -> None:
    assert page.ask("", path="/")[0] == 403
    assert page.ask("", path="/wrong/state")[0] == 403
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert page.ask("state", **headers)[0] == 403
        assert page.ask("forget", {"person_id": "x", "name": "x"}, **headers)[0] == 403


def test_other_users_cannot_read_what_it_shares_with_the_nodes(page: Page) -> None:
    maps = Path(f"/proc/{page.processes[1].pid}/maps").read_text().splitlines()
    shared = {Path(line.split(maxsplit=5)[-1]) for line in maps if re.search(r"/dev/shm/fast\w+$", line)}
    assert shared
    assert [path for path in shared if path.exists() and path.stat().st_mode & 0o077] == []


def test_somebody_is_enrolled_shown_with_silhouettes_and_forgotten(page: Page) -> None:
    def enrolled() -> bool:
        outcome = page.outcome("enrol", body_id="", name=NAME, extend=False)
        assert outcome["message"]  # also where a walk was too short, because images were dropped
        return bool(outcome["well"])

    page.until(enrolled)
    person = page.until(lambda: page.state()["gallery"]["persons"])[0]
    assert person["name"] == NAME
    assert person["frames"] > 0
    strip = f"silhouettes?person={person['person_id']}"
    assert page.ask(strip)[1].startswith(b"\x89PNG")
    forgotten = page.outcome("forget", person_id=person["person_id"], name=NAME)
    assert forgotten["well"], forgotten
    page.until(lambda: not page.state()["gallery"]["persons"])
    assert page.ask(strip)[0] == 404


def test_a_browser_that_goes_away_while_it_is_answered_ends_nothing(page: Page) -> None:
    ignored = re.search(r"^SigIgn:\s*(\w+)", Path(f"/proc/{page.processes[1].pid}/status").read_text(), re.MULTILINE)
    assert ignored is not None
    assert int(ignored[1], 16) >> signal.SIGPIPE - 1 & 1
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", page.url.port or 0)) as browser:
            browser.sendall(f"GET {page.url.path} HTTP/1.1\r\nHost: {page.url.netloc}\r\n\r\n".encode() * 20)
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as a browser that dies
    assert b"<title>rt-gait watch</title>" in page.ask("")[1]


def test_a_refusal_is_shown(page: Page) -> None:
    refused = page.outcome("forget", person_id="nobody-of-that-id", name="x")
    assert not refused["well"]
    assert "nobody-of-that-id" in refused["message"]


def test_it_ends_cleanly_while_a_browser_waits(page: Page) -> None:
    watch = page.processes[1]
    connection = http.client.HTTPConnection("127.0.0.1", page.url.port or 0, timeout=300)
    connection.request("GET", f"{page.url.path}picture?after=0")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(PATIENCE) == 0, page.said
    connection.close()
    assert "Traceback" not in page.said


@pytest.mark.parametrize(("words", "line"), [(["--namespace", "robot-1"], "'robot-1'"), (["--port", "80000"], "80000")])
def test_what_cannot_be_is_refused_before_ros_is_asked(words: list[str], line: str) -> None:
    watch.add_arguments(parser := argparse.ArgumentParser())
    with pytest.raises(UsageError, match=f"{words[0]} is {line}"):
        watch.run(parser.parse_args(words))
