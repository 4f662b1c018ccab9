"""Searching on a server: what it finds, how it is set, and when it looks again."""

import numpy as np
import pytest

from rt_gait_ros.fleet import server_search
from rt_gait_ros.fleet.opening import open_gallery
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.gallery_edits import GalleryModelMismatch
from rt_gait_ros.gallery.person import Template

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture(params=["scan", "index"])
def server(request, postgres, site, opened, monkeypatch):
    """The gallery of `site`, by a connection that reads all keys, or one that uses the index for any search."""
    place = f"{postgres.owner}&site={site}"
    if request.param == "index":
        monkeypatch.setattr(server_search, "SCANNED", 0)
        place += "&options=-c%20enable_sort%3Doff"  # the planner sorts the walks of so few
        in_sight(monkeypatch, 200, 400)  # the index knows those of all tests
    opened.append(open_gallery(place))
    return opened[-1]


only_by_index = pytest.mark.parametrize("server", ["index"], indirect=True)


def in_sight(monkeypatch, first, again):
    monkeypatch.setattr(server_search, "SEARCHED", first)
    monkeypatch.setattr(server_search, "SEARCHED_AGAIN", again)


def setting(gallery, name):
    """What the connection that searches has for it."""
    with gallery.store.session() as connection:
        return connection.execute("select current_setting(%s)", (name,)).fetchone()[0]


def uses_of_index(gallery, look):
    """How often the index is used by one search of a connection."""
    count = "select pg_stat_get_xact_numscans('rt_gait.template_search'::regclass)"
    with gallery.store.session() as connection, connection.transaction():
        (before,) = connection.execute(count).fetchone()
        assert gallery.store.nearest(look)
        (after,) = connection.execute(count).fetchone()
    return after - before


def test_the_nearest_is_found_by_a_shorter_key_and_compared_exactly(server):
    draw = np.random.default_rng(1)
    looks = draw.normal(size=(50, 16, 256)).astype(np.float32)
    for number, look in enumerate(looks):
        server.add(f"Person {number}", [Template(look, 1)], model="m", gait_frame_kind="silhouette")
    query = looks[17] + 0.3 * draw.normal(size=(16, 256)).astype(np.float32)
    (first, distance), second = server.store.nearest(query, 2)
    assert first == server.find("Person 17").person_id
    stored = server.find("Person 17").embeddings
    assert distance == pytest.approx(distances(query[None], stored)[0, 0], rel=1e-4)
    assert second[1] > distance


@only_by_index
def test_where_two_are_about_as_near_it_looks_again_with_more_in_sight(server):
    draw = np.random.default_rng(5)
    ada, bob = draw.normal(size=(2, 16, 256)).astype(np.float32)
    for name, look in (("Ada", ada), ("Bob", bob)):
        server.add(name, [Template(look, 1)], model="m", gait_frame_kind="silhouette")
    first, second = server.find("Ada").person_id, server.find("Bob").person_id
    for nearer_to_bob, in_this, wanted in (
        (0.05, "200", [first, second]),
        (0.501, "400", [second, first]),
        (0.499, "400", [first, second]),
        (0.95, "200", [second, first]),  # and the next one begins as usual
    ):
        look = ada + nearer_to_bob * (bob - ada)
        found = server.store.nearest(look)
        assert [person_id for person_id, _ in found] == wanted
        nearest = server.find(wanted[0]).embeddings
        assert found[0][1] == pytest.approx(distances(look[None], nearest)[0, 0], rel=1e-3)
        assert setting(server, "hnsw.ef_search") == in_this
        assert uses_of_index(server, look) == (1 if in_this == "200" else 2)


@only_by_index
def test_walks_of_one_person_are_no_reason_to_look_again(server):
    look = np.random.default_rng(6).normal(size=(16, 256)).astype(np.float16)
    server.add("Ada", [Template(look, 1), Template(look, 2)], model="m", gait_frame_kind="silhouette")
    for asked in (look, look + np.float16(0.1)):
        assert [person_id for person_id, _ in server.store.nearest(asked)] == [server.find("Ada").person_id]
        assert setting(server, "hnsw.ef_search") == "200"


def test_two_people_with_one_walk_are_both_found(server):
    look = np.random.default_rng(7).normal(size=(16, 256)).astype(np.float16)
    for name in ("Ada", "Bob"):
        server.add(name, [Template(look, 1)], model="m", gait_frame_kind="silhouette")
    assert sorted(server.store.nearest(look)) == sorted((person.person_id, 0.0) for person in server.persons)


def test_a_look_is_sent_with_the_key_that_was_stored(server):
    draw = np.random.default_rng(3)
    looks = [spread * draw.normal(size=(16, 256)).astype(np.float16) for spread in (1e-3, 1.0, 300.0)]
    server.add("Ada", [Template(look, 1) for look in looks], model="m", gait_frame_kind="silhouette")
    with server.store.session() as connection:
        search = server_search.ServerSearch(connection, server.store.address)
        for look in looks:
            found = search.candidates(look)
            assert min(apart for _, apart, _ in found) < 1e-3 * np.linalg.norm(look.astype(float)) / 4  # half precision


@only_by_index
@pytest.mark.parametrize(("walks", "how"), [(2, "strict_order"), (20, "off")])
def test_a_search_looks_on_where_too_few_walks_of_the_site_are_in_sight(server, monkeypatch, walks, how):
    in_sight(monkeypatch, 1000, 1000)  # all of them
    looks = np.random.default_rng(2).normal(size=(walks, 16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1) for look in looks], model="m", gait_frame_kind="silhouette")
    ((found, _),) = server.store.nearest(looks[0])
    assert found == server.find("Ada").person_id
    assert setting(server, "hnsw.iterative_scan") == how


@pytest.mark.parametrize("server", ["scan"], indirect=True)
def test_a_connection_that_has_long_searched_few_walks_takes_the_index_when_they_have_become_many(server, monkeypatch):
    monkeypatch.setattr(server_search, "SCANNED", 4)
    monkeypatch.setattr(server_search, "_EVERY", 8)
    looks = np.random.default_rng(4).normal(size=(5, 16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1) for look in looks[:4]], model="m", gait_frame_kind="silhouette")
    assert [uses_of_index(server, looks[0]) for _ in range(8)] == [0] * 8
    server.add("Ada", [Template(looks[4], 1)], extend=True, model="m", gait_frame_kind="silhouette")
    with server.store.session() as connection:
        connection.execute("set enable_sort = off")  # as above: these are not really many
    assert all(uses_of_index(server, looks[0]) for _ in range(8))


def test_a_look_of_another_network_is_said(server):
    for shape, other in (((1, 4), (1, 3)), ((16, 256), (62, 256))):
        server.add(f"{shape}", [Template(np.ones(shape, np.float32), 1)], model="m", gait_frame_kind="silhouette")
        with pytest.raises(GalleryModelMismatch, match="another gait network") as caught:
            server.store.nearest(np.ones(other, np.float32))
        assert "\n" not in str(caught.value)
        server.forget(f"{shape}")


def test_short_embeddings_need_no_key(server, template):
    assert server.store.nearest(template(1).embedding) == []
    for name, angle in (("Ada", 20), ("Bob", 60)):
        server.add(name, [template(angle)], **SILHOUETTE)
    assert [each[0] for each in server.store.nearest(template(55).embedding)] == [
        server.find("Bob").person_id,
        server.find("Ada").person_id,
    ]
