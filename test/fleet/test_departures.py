"""Looks at those who left one robot's view, by way of a real server."""

import time

import numpy as np
import pytest
from postgres_server import PASSWORD

from rt_gait_ros.fleet import departures
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import connected
from rt_gait_ros.fleet.departures import Departures
from rt_gait_ros.gallery.departures import Departure, Look
from rt_gait_ros.gallery.person import GalleryError


@pytest.fixture
def robot(postgres, site, monkeypatch):
    """robot("spot") carries departures for one robot; its `meet()` is one contact with the server."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    def make(name, *, role="enroller", seconds=300.0, model="m"):
        address = parse(postgres.of(role, site, robot=name))
        found = Departures(address)
        found.use(seconds, model)

        def meet():
            with connected(address) as connection:
                found.exchange(connection, may_write=role != "reader")
            return found.others()

        found.meet = meet
        return found

    return make


def gone(person_id=""):
    draw = np.random.default_rng(1)
    sides = (0.0, 90.0, np.nan, 359.5)
    looks = [Look(draw.normal(size=(62, 256)).astype(np.float32), 0.5 + n / 10, 20 + n, n, sides[n]) for n in range(4)]
    return Departure(tuple(looks), person_id)


def stored(postgres, site):
    return postgres.sql("select count(*) from rt_gait.departure where site = %s", site)[0][0]


def test_what_one_robot_leaves_the_others_find(robot):
    spot, rover = robot("spot"), robot("rover")
    departure = gone("p1")
    spot.leave(departure)
    assert spot.waiting
    assert spot.meet() == []  # its own tracker knows better
    (found,) = rover.meet()
    assert found.person_id == "p1"
    for one, other in zip(found.looks, departure.looks, strict=True):
        np.testing.assert_allclose(one.embedding, other.embedding, atol=2e-3)
        assert (one.weight, one.frames) == (pytest.approx(other.weight), other.frames)
        assert one.degrees == pytest.approx(other.degrees, nan_ok=True)
    rover.discard(found)
    assert rover.meet() == []


def test_of_two_who_tell_at_once_the_one_that_is_done_later_is_heard_too(robot, postgres, site):
    slow, quick, rover = robot("slow"), robot("quick"), robot("rover")
    slow.leave(gone("p1"))
    quick.leave(gone("p2"))
    with connected(parse(postgres.of("enroller", site, robot="slow"))) as connection, connection.transaction():
        slow.exchange(connection, may_write=True)
        quick.meet()
        assert [found.person_id for found in rover.meet()] == ["p2"]
    assert [found.person_id for found in rover.meet()] == ["p2", "p1"]
    assert len(rover.meet()) == 2  # nothing twice


def test_nothing_is_kept_where_it_is_off_or_of_another_network(robot, postgres, site):
    off, other, spot = robot("off", seconds=0.0), robot("other", model="n"), robot("spot")
    off.leave(gone())
    assert off.meet() == []
    assert stored(postgres, site) == 0
    spot.leave(gone())
    spot.meet()
    assert off.meet() == other.meet() == []


def test_a_departure_ends(robot, postgres, site, monkeypatch):
    spot, rover = robot("spot", seconds=0.5), robot("rover")
    spot.leave(gone())
    spot.meet()
    deadline = time.monotonic() + 60
    while stored(postgres, site):
        assert time.monotonic() < deadline
        time.sleep(0.1)
        rover.meet()
    assert robot("third").meet() == []
    late = robot("late", seconds=0.01)
    late.leave(gone())
    time.sleep(0.02)  # it was cut off
    late.meet()
    assert stored(postgres, site) == 0
    monkeypatch.setattr(departures, "LONGEST", 1e6)
    never = robot("never", seconds=1e6)
    never.leave(gone())
    with pytest.raises(GalleryError, match="could not do this") as caught:
        never.meet()
    assert "Failing row" not in str(caught.value)  # with what is in it


def test_a_reader_takes_and_leaves_nothing(robot, postgres, site):
    reader, spot = robot("reader", role="reader"), robot("spot")
    spot.leave(gone())
    spot.meet()
    reader.leave(gone())
    assert len(reader.meet()) == 1
    assert stored(postgres, site) == 1


def test_another_site_sees_nothing(robot, postgres, site):
    spot = robot("spot")
    spot.leave(gone())
    spot.meet()
    import psycopg

    postgres.sql("delete from rt_gait.member where site = %s and member = 'reader'", site)
    with psycopg.connect(parse(postgres.of("reader", site)).conninfo) as raw:
        assert raw.execute("select count(*) from rt_gait.departure where site = %s", (site,)).fetchone() == (0,)
        assert raw.execute("select count(*) from rt_gait.change where site = %s", (site,)).fetchone() == (0,)


def test_whoever_is_forgotten_takes_all_departures_along(robot, postgres, site, template):
    from rt_gait_ros.fleet.opening import open_gallery

    spot = robot("spot")
    spot.leave(gone())
    spot.meet()
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    gallery.add("Ada", [template(20)], model="angle", gait_frame_kind="silhouette")
    assert stored(postgres, site) == 1
    gallery.forget("Ada")
    gallery.close()
    assert stored(postgres, site) == 0


def test_what_is_no_look_is_left_out(robot, postgres, site):
    rover, spot = robot("rover"), robot("spot")
    spot.leave(gone())
    spot.meet()
    for change in (
        "shape = '{1}'", "type = '<i8'", "embeddings = 'x'", "weights = '{-1,1,1,1}'", "weights = '{NaN,1,1,1}'",
        "degrees = '{0,0,0}'", "degrees = '{0,0,0,Infinity}'",
    ):  # fmt: skip
        postgres.sql(f"update rt_gait.departure set {change} where site = %s", site)
        rover.begin()
        assert rover.meet() == []
