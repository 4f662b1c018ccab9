"""The server of the page over real sockets, with a board that no node fills."""

import http.client
import json
import re
from importlib.resources import files

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.web.board import Board
from rt_gait_ros.web.server import PageServer
from rt_gait_ros.web.silhouettes import Silhouettes


@pytest.fixture
def board():
    return Board("in ROS domain 3")


@pytest.fixture
def server(board):
    with PageServer(board, Silhouettes(), 0) as running:
        yield running


@pytest.fixture
def ask(server):
    """ask(method, name, body=None, **headers) gives the status and the text."""

    def call(method, name, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=300)
        connection.request(method, f"/{server.token}/{name}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    return call


def post(ask, what, /, **fields):
    return ask("POST", what, json.dumps(fields), **{"Content-Type": "application/json"})


def test_the_page_loads_nothing_from_elsewhere_and_writes_no_html(ask):
    status, page = ask("GET", "")
    assert status == 200
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert ask("GET", name)[0] == 200
    script = (files("rt_gait_ros.web") / "data" / "page.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", script)


def test_two_pages_have_their_first_state_though_no_node_runs(ask, board):
    board.refresh()
    for page in "ab":
        status, text = ask("GET", f"state?after=0&page={page}")
        assert (status, json.loads(text)["level"]) == (200, "gone")
    board.refresh()
    assert json.loads(ask("GET", "state?after=0&page=a")[1])["viewers"] == 2


def test_a_request_that_ends_in_an_error_of_ours_is_told(ask, server, monkeypatch, caplog):
    def broken(person):
        raise RuntimeError("not a picture")

    monkeypatch.setattr(server.silhouettes, "strip", broken)
    with pytest.raises(http.client.RemoteDisconnected):
        ask("GET", "silhouettes?person=x")
    assert "not a picture" in caplog.text
    assert server.token not in caplog.text


def test_a_request_is_put_on_the_list_once_it_is_right(ask, board):
    status, text = post(ask, "enrol", body_id="abcde", name="مريم", extend=False)
    assert (status, json.loads(text)) == (202, {"number": 1})
    assert board.next_request().who == "مريم"
    assert board.next_request() is None


@pytest.mark.parametrize(
    ("name", "fields", "why"),
    [
        ("enrol", {"body_id": "abcde", "name": "  ", "extend": False}, "give a name"),
        ("enrol", {"body_id": "abcde", "name": "x" * 5000, "extend": False}, "bytes"),
        ("enrol", {"body_id": "abcde", "name": "\ud800", "extend": False}, "halves"),
        ("enrol", {"name": "Ada"}, "body_id"),
        ("forget", {"person_id": "", "name": "Ada"}, "say whom"),
        ("cancel", {"number": 7}, "ended already"),
    ],
)
def test_a_wrong_request_is_refused_in_a_line(ask, name, fields, why):
    status, text = post(ask, name, **fields)
    assert status == 400
    assert why in json.loads(text)["error"]


@pytest.mark.parametrize(("kind", "body"), [("text/plain", "{}"), ("application/json", "[[")])
def test_what_is_no_json_is_refused(ask, kind, body):
    assert ask("POST", "enrol", body, **{"Content-Type": kind})[0] == 400


def test_there_is_nothing_else(ask):
    assert ask("GET", "../../etc/passwd")[0] == 404
    assert ask("GET", "silhouettes?person=x")[0] == 404
    assert ask("POST", "state")[0] == 404


def test_a_port_that_is_taken_is_said_in_a_line(server, board):
    with pytest.raises(UsageError, match=r"^port \d+ of 127.0.0.1 is taken by another program: .*--port[^\n]*$"):
        PageServer(board, Silhouettes(), server.server_port)


def test_a_browser_whose_connection_is_still_open_is_told_of_the_end(server, board):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    board.refresh()
    for status, wanted in ((200, False), (503, True)):
        connection.request("GET", f"/{server.token}/state?after=0&page=a")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.will_close) == (status, wanted)
        board.close()


def test_a_hostile_name_stays_within_its_string(ask, board):
    hostile = '</script><img src=x onerror="alert(1)">\u2028"}'
    person = {"person_id": "p1", "name": hostile, "walks": 1, "enrolled": 0, "updated": 0, "frames": 0, "sides": []}
    board.show_gallery("/x/<b>gallery", [person], "")
    board.refresh()
    assert json.loads(ask("GET", "state?after=0&page=a")[1])["gallery"]["persons"] == [person]
