"""The page in real browsers, two at once, over a board that a thread fills as the node does."""

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState
from rt_gait_ros.web.activity import Activity
from rt_gait_ros.web.board import Board
from rt_gait_ros.web.server import PageServer
from rt_gait_ros.web.silhouettes import Silhouettes

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.slow

PATIENCE = 300.0  # seconds: the machine may be busy
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
NAMES = ("李雷", "مريم بنت سعيد", "🦩👨‍👩‍👧", "<img src=x onerror=alert(1)>")


class Nodes(threading.Thread):
    """What the nodes of a robot say: a known and an unknown person in view, and requests that the test answers."""

    def __init__(self, board: Board) -> None:
        super().__init__(name="nodes", daemon=True)
        self.board, self.names = board, dict[str, str]()
        self.present = ["aaaaa"]
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            tracks = [
                Track(
                    body_id, TrackState.CONFIRMED, np.array([10, 10, 50, 100], np.float32), np.zeros(2),
                    np.zeros((2, 2)), None, None, 0.0, 0.9, 5, 0, True,
                )
                for body_id in list(self.present)
            ]  # fmt: skip
            identities = [
                Identity(track.body_id, IdentityStatus.COLLECTING, 1, reason="has shown 3 of 20 frames")
                for track in tracks
            ]
            self.board.show_node("gait_node", 0, "active")
            self.board.show_tracks(TrackFrame(1, "camera", 640, 480, tracks=tracks))
            self.board.show_identities(IdentityFrame(1, "camera", "gei", identities))
            self.board.show_gallery(
                "/home/robot/people.gallery",
                [
                    {
                        "person_id": person_id, "name": name, "walks": 1, "enrolled": 0, "updated": 0, "frames": 0,
                        "sides": ["left"],
                    }
                    for person_id, name in list(self.names.items())
                ],
                "",
            )  # fmt: skip
            self.board.refresh()

    def end(self) -> None:
        self._ended.set()
        self.join(PATIENCE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no {', '.join(PROGRAMS)} is installed")
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=program, timeout=PATIENCE * 1e3)
        except playwright.Error as error:
            pytest.skip(f"{program} does not start: {error.message.splitlines()[0]}")
        expect.set_options(timeout=PATIENCE * 1e3)
        yield browser
        browser.close()


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    running = Nodes(Board("in ROS domain 3", clock=lambda: 0.0))  # time stands still: nothing that is shown fades
    running.start()
    yield running
    running.end()


@pytest.fixture
def server(nodes: Nodes) -> Iterator[PageServer]:
    with PageServer(nodes.board, Silhouettes(), 0) as running:
        yield running


@pytest.fixture
def pages(chromium: Any, server: PageServer) -> Iterator[list[Any]]:
    """The page, opened by two people. What its script stumbles over is a failure of the test."""
    contexts, opened, faults = [chromium.new_context(), chromium.new_context()], [], []
    for context in contexts:
        context.set_default_timeout(PATIENCE * 1e3)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        page.goto(server.url)
        opened.append(page)
    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def requested(nodes: Nodes, page: Any) -> Activity:
    """The request that a viewer has just made."""
    while (activity := nodes.board.next_request()) is None:
        page.wait_for_timeout(20)  # which lets the browsers go on
    return activity


def enrol(page: Any, button: str, name: str, *, extend: bool = False) -> None:
    page.get_by_role("button", name=button).click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("checkbox", name="Add this walk").set_checked(extend)
    page.get_by_role("button", name="Enrol", exact=True).click()


@pytest.mark.parametrize("name", NAMES)
def test_both_viewers_see_somebody_enrolled_by_the_one_and_forgotten_by_the_other(nodes, pages, name):
    one, two = pages
    for page in pages:
        expect(page.locator("#viewers")).to_have_text("2 people are looking")
    enrol(one, "Enrol track aaaaa", name)
    expect(one.locator("#enrol-dialog")).to_be_hidden()
    asked = requested(nodes, one)
    assert (asked.kind, asked.who, asked.target, asked.extend) == ("enrol", name, "aaaaa", False)
    for page in pages:
        expect(page.locator("#activities b")).to_have_text(f"Enrolling \u2068{name}\u2069")
    asked.gathered, asked.wanted = 12, 20
    for page in pages:
        expect(page.locator("#activities p")).to_have_text("12 of 20 walking frames")
    nodes.names["p1"] = name
    nodes.board.finish(asked, True, "")
    for page in pages:
        expect(page.locator("#activities b")).to_have_text(f"\u2068{name}\u2069 is enrolled")
        expect(page.locator("#persons .name")).to_have_text(name)
    two.get_by_role("button", name="Forget").click()
    expect(two.locator("#forget-name")).to_have_text(name)
    two.get_by_role("button", name="Keep").click()
    expect(two.locator("#forget-dialog")).to_be_hidden()
    two.get_by_role("button", name="Forget").click()
    two.locator("#forget-go").click()
    asked = requested(nodes, two)
    assert (asked.kind, asked.who, asked.target) == ("forget", name, "p1")
    del nodes.names["p1"]
    nodes.board.finish(asked, True, "all of it is gone")
    for page in pages:
        expect(page.locator("#activities .good p").first).to_have_text("all of it is gone")
        expect(page.locator("#persons li")).to_have_count(0)
        expect(page.locator("#no-persons")).to_be_visible()


def test_who_is_forgotten_by_the_other_viewer_while_a_dialog_is_open_is_told(nodes, pages):
    """Neither dialog closes under the viewer's hands, and what gait_node answers is shown."""
    one, two = pages
    nodes.names["p1"] = "Ada"
    for page in pages:
        page.get_by_role("button", name="Forget Ada").click()
    two.locator("#forget-go").click()
    first = requested(nodes, two)
    one.locator("#forget-go").click()
    second = requested(nodes, one)
    del nodes.names["p1"]
    nodes.board.finish(first, True, "Ada (p1) is forgotten")
    nodes.board.finish(second, False, "nobody is enrolled as p1")
    for page in pages:
        expect(page.locator("#activities .bad p")).to_have_text("nobody is enrolled as p1")
        expect(page.locator("#persons li")).to_have_count(0)


def test_a_walk_of_somebody_who_is_forgotten_meanwhile_ends_with_the_reason(nodes, pages):
    one, two = pages
    nodes.names["p1"] = "Ada"
    enrol(one, "Enrol the next walker", "Ada", extend=True)
    walk = requested(nodes, one)
    assert (walk.who, walk.target, walk.extend) == ("Ada", "", True)
    two.get_by_role("button", name="Forget Ada").click()
    two.locator("#forget-go").click()
    forgetting = requested(nodes, two)
    del nodes.names["p1"]
    nodes.board.finish(forgetting, True, "Ada (p1) is forgotten")
    nodes.board.finish(walk, False, "'Ada' was forgotten meanwhile")
    for page in pages:
        expect(page.locator("#activities .bad b")).to_have_text("\u2068Ada\u2069 was not enrolled")
        expect(page.locator("#activities .bad p")).to_have_text("'Ada' was forgotten meanwhile")


def test_a_name_that_is_none_stays_in_the_dialog_with_the_reason_until_it_is_closed(nodes, pages):
    one, two = pages
    enrol(one, "Enrol track aaaaa", "   ")
    expect(one.locator("#enrol-error")).to_have_text("give a name")
    nodes.present.clear()  # the track leaves while its dialog is open
    expect(one.locator("#nobody")).to_be_visible()
    expect(one.locator("#enrol-dialog")).to_be_visible()
    one.locator("#enrol-dialog").get_by_role("button", name="Cancel").click()
    expect(one.locator("#enrol-dialog")).to_be_hidden()
    assert nodes.board.next_request() is None
    expect(two.locator("#activities .activity")).to_have_count(0)


def test_any_viewer_can_cancel_an_enrolment(nodes, pages):
    one, two = pages
    enrol(one, "Enrol the next walker", "Ada")
    asked = requested(nodes, one)
    two.get_by_role("button", name="Cancel").click()
    while not asked.cancel:
        two.wait_for_timeout(20)
    nodes.board.finish(asked, False, "cancelled")
    expect(one.locator("#activities .bad p")).to_have_text("cancelled")


def test_the_page_says_when_the_program_has_ended(pages, server):
    expect(pages[0].locator("#level")).to_have_text("Live")
    server.__exit__()
    for page in pages:
        expect(page.locator("#level")).to_have_text("No connection")
        expect(page.locator("#banner")).to_contain_text("Start it again")
