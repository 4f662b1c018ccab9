import pytest

from rt_gait_ros.web.access import new_token, refusal

TOKEN = "a" * 32
PATH = f"/{TOKEN}/state"
HOST = {"Host": "127.0.0.1:8765"}


def test_each_start_has_a_token_of_its_own_that_a_path_may_have():
    tokens = {new_token() for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) == 32 and "/" not in token for token in tokens)


@pytest.mark.parametrize("path", ["/", "", "/x/state", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "/\udcff/", f"//{TOKEN}/"])
def test_who_has_not_the_token_is_refused(path):
    assert "token" in refusal(TOKEN, "GET", path, HOST)


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9000", "LOCALHOST", "[::1]:8765"])
def test_this_machine_is_answered_under_its_own_names(host):
    assert refusal(TOKEN, "GET", PATH, {"Host": host, "Origin": f"http://{host}"}) == ""


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:8765", "127.0.0.1.evil.example:8765", "10.0.0.1"])
def test_another_name_that_points_to_this_machine_is_refused(host):
    assert "127.0.0.1" in refusal(TOKEN, "GET", PATH, {"Host": host})


@pytest.mark.parametrize(
    "more",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_web_page_is_refused(method, more):
    assert "Another web page" in refusal(TOKEN, method, PATH, HOST | more)


def test_a_link_elsewhere_may_lead_to_the_page_but_post_nothing():
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert refusal(TOKEN, "GET", PATH, HOST | visit) == ""
    assert refusal(TOKEN, "POST", PATH, HOST | visit)
