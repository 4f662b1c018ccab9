"""What is kept of scenes, wherever it is kept: the same tests for files, a server, and the files beside a copy."""

import numpy as np
import pytest
from meeting import NOW, sees

from rt_gait_ros.fleet.opening import scenes_of
from rt_gait_ros.gallery.gallery import Gallery


@pytest.fixture(params=["file", "server", "copy"])
def keeper(request, tmp_path):
    """The hall has two walks of p1, of which one was also named as p0; the yard has one of nobody."""
    is_file = request.param == "file"
    gallery = Gallery(tmp_path / "people") if is_file else request.getfixturevalue("robot")("spot")
    walks = np.random.default_rng(1).normal(size=(3, 1, 2)).astype(np.float32)
    sees(gallery, *walks[:2], owners=("p1", "p0 p1"))
    sees(gallery, walks[2], scene="yard")
    if is_file:
        return scenes_of(gallery.path)
    gallery.meet()
    if request.param == "copy":
        return scenes_of(gallery.path)
    server, site = request.getfixturevalue("postgres"), request.getfixturevalue("site")
    return scenes_of(f"{server.owner}&site={site}")


def test_scenes_are_listed_with_how_much_is_known_of_each(keeper):
    found = keeper.listed()
    assert [(each.model, each.scene, each.walks, each.problem) for each in found] == [
        ("m", "hall", 2, ""), ("m", "yard", 1, ""),
    ]  # fmt: skip
    assert all(0 < each.newest <= NOW + 10**9 for each in found)


def test_walks_of_somebody_are_counted(keeper):
    for person_id, count in (("p1", 2), ("p0", 1), ("p2", 0), ("p", 0)):
        assert sum(keeper.walks_of(person_id).values()) == count


def test_what_is_forgotten_is_gone_and_may_be_forgotten_again(keeper):
    hall = [each for each in keeper.listed() if each.scene == "hall"]
    for _ in range(2):
        keeper.forget(hall)
        assert [each.scene for each in keeper.listed()] == ["yard"]
    assert keeper.walks_of("p1") == {}
