"""A robot whose gait network is another one than that of the server's gallery; each contact is made by the test."""

import numpy as np
import pytest
from meeting import SILHOUETTE, names

FRAMES = np.ones((20, 64, 64), np.uint8)


@pytest.fixture
def spot(robot, server, template):
    """It uses the network `angle`, by which it has enrolled three people; the server's gallery is of `other` since."""
    spot = robot("spot", model="angle")
    for name, angle in (("Ada", 20), ("Bob", 60), ("Cyd", 100)):
        spot.add(name, [template(angle, FRAMES)], **SILHOUETTE)
    spot.meet()
    server.refresh()
    server.rebuild("other", "silhouette", lambda frames: np.eye(2, dtype=np.float32))
    assert spot.meet() == ["Ada", "Bob", "Cyd"]
    return spot


def on(server):
    server.refresh()
    return names(server)


def test_it_goes_on_with_its_copy_until_its_network_is_changed(spot, robot, server, template):
    """Before, its copy was made anew with embeddings that it cannot compare, and it named nobody."""
    assert spot.model == "angle"
    assert spot.references.nearest(template(61).embedding[None])[0].argmin() == 1
    line = spot.problem
    assert "is of gait network other, and this robot uses angle: set its parameter model to other" in line
    assert line.endswith("goes on with its copy")
    spot = robot("spot", model="other")
    assert spot.meet() == ["Ada", "Bob", "Cyd"]
    assert (spot.model, spot.problem) == ("other", "")


def test_whoever_is_forgotten_leaves_both_sides_all_the_same(spot, robot, server):
    """Before, a copy that was kept apart heard of nobody, and told nobody."""
    ada = server.forget("Ada")
    assert spot.meet() == ["Bob", "Cyd"]
    assert ada.person_id.encode() not in spot.path.read_bytes()
    spot.forget("Bob")
    assert spot.meet() == on(server) == ["Cyd"]
    assert server.model == "other"
    assert [entry.what for entry in server.store.audit()][-2:] == ["forget", "forget"]
    assert robot("spot", model="other").meet() == ["Cyd"]


def test_what_was_changed_with_the_former_network_is_not_overwritten(spot, robot, server, template):
    spot.add("Eve", [template(130)], **SILHOUETTE)
    spot.merge("Bob", "Cyd")
    spot = robot("spot", model="other")
    for _ in range(2):
        assert spot.meet() == ["Ada", "Bob", "Eve"]
    assert "has changes made with angle: move the copy away" in spot.problem
    assert on(server) == ["Ada", "Bob", "Cyd"]  # whose walks are hers alone there
    server.forget("Ada")
    assert spot.meet() == ["Bob", "Eve"]
