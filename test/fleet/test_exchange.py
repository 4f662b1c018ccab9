"""What becomes of changes when something happens in the middle of an exchange; each contact is made by the test."""

import pytest

from rt_gait_ros.fleet import copy_state, exchange, rows
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import ServerAway, connected
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.opening import open_gallery
from rt_gait_ros.gait import extent_file
from rt_gait_ros.gait.evidence import Look
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.handover import Departure

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture
def robot(postgres, site, tmp_path, monkeypatch):
    """robot("spot") has a copy and no thread: its `meet()` is one contact with the server."""
    monkeypatch.setattr(exchange.Exchange, "start", lambda self: None)
    address = parse(f"{postgres.owner}&site={site}")

    def make(name):
        gallery = Gallery(CopyStore(address, tmp_path / name))

        def meet():
            with connected(address) as connection:
                gallery.store._exchange.once(connection)
                gallery.store._exchange.departures.exchange(connection, may_write=True)
            gallery.refresh()
            return names(gallery)

        gallery.meet = meet
        return gallery

    return make


@pytest.fixture
def server(postgres, site):
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    yield gallery
    gallery.close()


@pytest.fixture
def dies_at(monkeypatch, postgres):
    """dies_at("push"): the server ends the next connection that comes to this step of an exchange."""

    def arrange(step):
        real = getattr(rows, step)

        def ended(connection, *arguments):
            monkeypatch.setattr(rows, step, real)
            postgres.sql("select pg_terminate_backend(%s, 60000)", connection.info.backend_pid)
            return real(connection, *arguments)

        monkeypatch.setattr(rows, step, ended)

    return arrange


def names(gallery):
    return sorted(person.name for person in gallery.persons)


def test_who_is_enrolled_while_the_copy_is_read_reaches_the_server(robot, server, template, monkeypatch):
    spot = robot("spot")
    settled = extent_file.settled

    def then_enrolled(descriptor, look):
        monkeypatch.setattr(extent_file, "settled", settled)
        found = settled(descriptor, look)
        spot.add("Ada", [template(20)], **SILHOUETTE)
        return found

    monkeypatch.setattr(extent_file, "settled", then_enrolled)
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert names(server) == ["Ada"]


def test_a_name_that_clashes_is_said_though_the_server_dies_then(robot, server, template, dies_at):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    server.add("Ada", [template(90)], **SILHOUETTE)
    dies_at("push")
    with pytest.raises(ServerAway):
        spot.meet()
    assert spot.meet() == ["Ada", "Ada (2)"]
    (line,) = spot.store.notices()
    assert "Ada (2)" in line
    assert spot.store.notices() == []
    server.refresh()
    assert names(server) == ["Ada", "Ada (2)"]


def test_who_was_forgotten_elsewhere_stays_so_though_the_server_dies_then(robot, server, template, dies_at):
    spot = robot("spot")
    ada = server.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()
    server.forget("Ada")
    spot.add("Bob", [template(60)], **SILHOUETTE)
    dies_at("push")
    with pytest.raises(ServerAway):
        spot.meet()
    spot.refresh()
    assert names(spot) == ["Bob"]
    assert copy_state.forgotten(spot.path) == {ada.person_id}
    assert spot.meet() == ["Bob"]
    server.refresh()
    assert names(server) == ["Bob"]


def test_who_left_while_the_server_died_is_told_to_the_next_one(robot, template, dies_at, postgres, site):
    spot, rover = robot("spot"), robot("rover")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    for each in (spot, rover):
        each.meet()
        each.store.handover.use(300.0, "angle")
    spot.store.handover.leave(Departure((Look(template(20).embedding, 1.0, 20, 1),)))
    postgres.sql("alter table rt_gait.departure rename to hidden")
    try:
        with pytest.raises(Exception, match="is not there"):
            spot.meet()
    finally:
        postgres.sql("alter table rt_gait.hidden rename to departure")
    spot.meet()
    rover.meet()
    assert len(rover.store.handover.others()) == 1


def test_whoever_forgets_somebody_leaves_nobodys_looks(robot, template, postgres, site):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()
    spot.store.handover.use(300.0, "angle")
    spot.store.handover.leave(Departure((Look(template(20).embedding, 1.0, 20, 1),), spot.find("Ada").person_id))
    spot.forget("Ada")
    spot.meet()
    assert postgres.sql("select count(*) from rt_gait.departure where site = %s", site) == [(0,)]
