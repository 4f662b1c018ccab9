"""Searching on a server: what it finds, how it is set, and when it looks again."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rt_gait_ros.fleet import searches, server_search, server_store
from rt_gait_ros.fleet.connection import ServerAway
from rt_gait_ros.fleet.opening import open_gallery
from rt_gait_ros.fleet.searches import Searches
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.gallery_edits import GalleryModelMismatch
from rt_gait_ros.gallery.person import GalleryError, Template

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


LOOK = np.random.default_rng(10).normal(size=(16, 256)).astype(np.float32)
only_by_scan = pytest.mark.parametrize("server", ["scan"], indirect=True)
only_by_index = pytest.mark.parametrize("server", ["index"], indirect=True)


def in_sight(monkeypatch, first, again):
    monkeypatch.setattr(server_search, "SEARCHED", first)
    monkeypatch.setattr(server_search, "SEARCHED_AGAIN", again)


def setting(gallery, name):
    """What the connection that searches has for it."""
    with gallery.store.searching() as search:
        return search.connection.execute("select current_setting(%s)", (name,)).fetchone()[0]


def uses_of_index(gallery, look):
    """How often the index is used by one search."""
    count = "select pg_stat_get_xact_numscans('rt_gait.template_search'::regclass)"
    with gallery.store.searching() as search, search.connection.transaction():
        (before,) = search.connection.execute(count).fetchone()
        assert search.candidates(look)
        (after,) = search.connection.execute(count).fetchone()
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


@only_by_index
@pytest.mark.parametrize(("walks", "in_this"), [(15, "200"), (20, "400")])
def test_where_all_candidates_are_of_one_person_it_looks_again_with_more_in_sight(server, monkeypatch, walks, in_this):
    """Before, whoever had many walks was taken for sure, be somebody else nearer or not."""
    draw = np.random.default_rng(8)
    ada = draw.normal(size=(16, 256)).astype(np.float32)
    looks = ada + 0.05 * draw.normal(size=(walks, 16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1) for look in looks], model="m", gait_frame_kind="silhouette")
    monkeypatch.setattr(server_search, "SCANNED", server_search.CANDIDATES - 2)  # the site has enough walks
    found = server.store.nearest(ada)
    assert [person_id for person_id, _ in found] == [server.find("Ada").person_id]
    nearest = distances(ada[None], server.find("Ada").embeddings).min()
    assert found[0][1] == pytest.approx(nearest, rel=1e-3)
    assert setting(server, "hnsw.ef_search") == in_this


@only_by_index
def test_where_the_index_finds_too_few_walks_of_the_site_all_of_its_keys_are_read(server, monkeypatch):
    """Before, what the index had found by then was taken for all."""
    looks = np.random.default_rng(9).normal(size=(20, 16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1) for look in looks[:19]], model="m", gait_frame_kind="silhouette")
    server.add("Bob", [Template(looks[19], 1)], model="m", gait_frame_kind="silhouette")
    monkeypatch.setattr(server_search, "SCANNED", 18)
    near = server_search.ServerSearch._near

    def gives_up(search, *arguments):  # as at hnsw.max_scan_tuples, among millions of other sites' walks
        (uses_index,) = search.connection.execute("show enable_indexscan").fetchone()
        return near(search, *arguments)[1 if uses_index == "on" else 0 :]

    monkeypatch.setattr(server_search.ServerSearch, "_near", gives_up)
    for _ in range(2):
        found = [person_id for person_id, _ in server.store.nearest(looks[19])]
        assert found == [server.find(name).person_id for name in ("Bob", "Ada")]
        assert setting(server, "enable_indexscan") == "off"


def test_threads_search_at_once_beside_a_change_and_find_what_one_finds(server):
    """All of them are in a search at one moment, while the gallery is held for a change."""
    draw = np.random.default_rng(10)
    looks = draw.normal(size=(server_store.SEARCHES, 16, 256)).astype(np.float32)
    for number, look in enumerate(looks):
        server.add(f"Person {number}", [Template(look, 1)], model="m", gait_frame_kind="silhouette")
    together = threading.Barrier(len(looks), timeout=300)

    def found(number):
        with server.store.searching() as search:
            together.wait()
            search.candidates(looks[number])
        return [server.store.nearest(looks[number])[0][0] for _ in range(20)]

    with ThreadPoolExecutor(len(looks)) as threads, server.store.changing(server._loaded):
        for number, who in enumerate(threads.map(found, range(len(looks)))):
            assert set(who) == {server.find(f"Person {number}").person_id}


@only_by_scan
def test_a_search_that_gets_no_connection_says_why(server):
    few = Searches(server.store.address, 1, patience=0.01)
    with few.one(), pytest.raises(ServerAway, match="asked by 1 threads"):
        few.candidates(LOOK)
    assert few.candidates(LOOK) == []
    few.close()


@only_by_scan
@pytest.mark.parametrize("failures", [0, 6])
def test_searches_go_on_once_the_server_is_back_however_often_they_failed(server, postgres, failures):
    """Before, the pool tried again after pauses that doubled, and said that others searched meanwhile."""
    server.add("Ada", [Template(LOOK, 1)], model="m", gait_frame_kind="silhouette")
    with server.store.searching(), server.store.searching():
        pass  # two connections will be idle
    postgres.stop(3)  # SIGQUIT: as a crash
    try:
        for _ in range(failures):
            with pytest.raises(ServerAway, match="cannot be reached"):
                server.store.nearest(LOOK)
    finally:
        postgres.start()
    assert server.store.nearest(LOOK)


@only_by_scan
def test_a_connection_is_used_again_and_none_outlives_the_store(server):
    with server.store.searching() as first, server.store.searching() as second:
        pass
    with server.store.searching() as again:
        assert again in (first, second)
        server.store.close()
        assert again.candidates(LOOK) == []  # what is being searched is searched to its end
        assert not again.connection.closed
    assert first.connection.closed
    assert second.connection.closed


@only_by_scan
def test_connections_that_nobody_needs_any_more_are_closed(server, monkeypatch):
    with server.store.searching() as first, server.store.searching() as second:
        pass
    monkeypatch.setattr(searches, "IDLE_SECONDS", 0.0)
    assert server.store.nearest(LOOK) == []
    assert first.connection.closed
    assert second.connection.closed


@only_by_scan
def test_a_connection_that_was_left_in_a_transaction_is_not_used_again(server):
    with server.store.searching() as search:
        search.connection.execute("begin")
    assert search.connection.closed
    assert server.store.nearest(LOOK) == []


@only_by_scan
def test_the_child_of_a_fork_makes_connections_of_its_own(server):
    """Before, it talked on its parent's sockets."""
    mine = backend_of(server)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(backend_of(server)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as told:
        assert int(told.read()) != mine
    os.waitpid(child, 0)
    assert backend_of(server) == mine


def backend_of(gallery):
    with gallery.store.searching() as search:
        return search.connection.info.backend_pid


@only_by_scan
def test_a_connection_that_could_not_be_set_for_searching_is_set_by_the_next_search(server, monkeypatch):
    look = np.random.default_rng(11).normal(size=(16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1)], model="m", gait_frame_kind="silhouette")
    with server.store.searching() as search:
        assert search.candidates(look)
    monkeypatch.setattr(server_search, "_EVERY", 1)
    monkeypatch.setattr(server_search, "SCANNED", 0)
    with monkeypatch.context() as patch:
        patch.setattr(search, "_connection", Refusing(search._connection, "enable_indexscan"))
        with pytest.raises(GalleryError):
            search.candidates(look)
    assert setting(server, "enable_indexscan") == "off"
    assert server.store.nearest(look)
    assert setting(server, "enable_indexscan") == "on"


class Refusing:
    """A connection that fails at statements with this word in them."""

    def __init__(self, connection, word):
        self._connection, self._word = connection, word

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def execute(self, text, *values, **settings):
        if self._word in str(text):
            raise GalleryError("did not answer in time")
        return self._connection.execute(text, *values, **settings)


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
@pytest.mark.parametrize(("seen", "how"), [(1, "strict_order"), (1000, "off")])
def test_a_search_looks_on_where_too_few_walks_of_the_site_are_in_sight(server, monkeypatch, seen, how):
    in_sight(monkeypatch, seen, 1000)  # one walk, or all of them
    monkeypatch.setattr(server_search, "SCANNED", 1)
    walks = 2
    looks = np.random.default_rng(2).normal(size=(walks, 16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1) for look in looks], model="m", gait_frame_kind="silhouette")
    ((found, _),) = server.store.nearest(looks[0])
    assert found == server.find("Ada").person_id
    assert setting(server, "hnsw.iterative_scan") == how


@only_by_scan
def test_a_connection_that_has_long_searched_few_walks_takes_the_index_when_they_have_become_many(server, monkeypatch):
    monkeypatch.setattr(server_search, "SCANNED", 4)
    monkeypatch.setattr(server_search, "_EVERY", 8)
    looks = np.random.default_rng(4).normal(size=(5, 16, 256)).astype(np.float32)
    server.add("Ada", [Template(look, 1) for look in looks[:4]], model="m", gait_frame_kind="silhouette")
    server.store.nearest(looks[0])
    server.add("Ada", [Template(looks[4], 1)], extend=True, model="m", gait_frame_kind="silhouette")
    for _ in range(7):
        server.store.nearest(looks[0])
        assert setting(server, "enable_indexscan") == "off"
    server.store.nearest(looks[0])
    assert setting(server, "enable_indexscan") == "on"
    with server.store.searching() as search:
        search.connection.execute("set enable_sort = off; discard plans")  # as above: these are not really many
    assert uses_of_index(server, looks[0])


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
