"""Robots of one version and a server of another: what they say, keep and bring when both are of one version again."""

import threading
import time

import numpy as np
import psycopg
import pytest
from postgres_server import PASSWORD
from robot_process import Robot

from rt_gait_ros.fleet import connection as connections
from rt_gait_ros.fleet import migration
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import SCHEMA, connected, head_of, transaction
from rt_gait_ros.fleet.migration import migrate, migrations
from rt_gait_ros.fleet.opening import open_gallery
from rt_gait_ros.fleet.rows import next_version
from rt_gait_ros.gallery.person import GalleryError, GalleryTooNew, Template

NEXT = SCHEMA + 1
HELD = 4711  # an advisory lock for which the migration of the tests waits, so that it takes as long as they want


@pytest.fixture
def place(postgres):
    """Address of a gallery of the present schema, in a database that belongs to a role without further rights."""
    postgres.sql("drop database if exists migrated with (force)")
    postgres.sql("select 1 from pg_roles where rolname = 'keeper'") or postgres.sql("create role keeper login")
    postgres.sql("create database migrated owner keeper")
    owner = postgres.owner.replace("/postgres?", "/migrated?")
    with psycopg.connect(parse(owner).conninfo, autocommit=True) as raw:
        raw.execute("create extension vector with schema public")
    keeper = owner.replace("owner@", "keeper@")
    assert migrate(parse(keeper)) == (0, SCHEMA)
    with psycopg.connect(parse(owner).conninfo, autocommit=True) as raw:
        raw.execute("insert into rt_gait.member values ('main', 'enroller')")
    yield keeper
    postgres.sql("drop database migrated with (force)")


@pytest.fixture
def next_program(monkeypatch):
    """The program of the next version, whose migration says what it does to the tables."""

    def arrange(text):
        every = migrations()
        monkeypatch.setattr(migration, "SCHEMA", NEXT)
        monkeypatch.setattr(connections, "SCHEMA", NEXT)
        monkeypatch.setattr(migration, "migrations", lambda: [*every, (NEXT, text)])

    return arrange


@pytest.fixture
def robot(postgres, tmp_path, monkeypatch):
    """robot("spot", SCHEMA) is a process; the same name again is that robot after an update."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    made = []

    def make(name, schema, hears="hears"):
        address = f"postgresql://enroller@127.0.0.1:{postgres.port}/migrated?robot={name}"
        made.append(Robot("robot_of_schema.py", tmp_path / name, address, str(schema), hears))
        return made[-1]

    yield make
    assert {each.end() for each in made} == {0}


def says(robot, problem, *names):
    """Wait until the robot's copy has these people and its diagnostics say this in one line."""
    line = robot.until("is", lambda each: problem in each["problem"], names=sorted(names))["problem"]
    assert ("goes on with its copy" in line, "\n" in line) == (True, False)


def on_server(place):
    gallery = open_gallery(place)
    found = sorted(person.name for person in gallery.persons)
    gallery.close()
    return found


def refusal_of(role, place):
    with pytest.raises(GalleryError, match=r"migrate as the owner of the database\. .* createrole") as caught:
        migrate(parse(place.replace("keeper@", f"{role}@")))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_robot_that_migrates_hears_who_may(place, next_program):
    next_program("alter table rt_gait.person add column shoe_size int")
    assert "must be owner of table" in refusal_of("enroller", place)


def test_an_owner_who_may_make_no_roles_hears_that_a_new_server_needs_them(place, monkeypatch):
    with psycopg.connect(parse(place).conninfo, autocommit=True) as raw:
        raw.execute("drop schema rt_gait cascade")
    missing = [(number, text.replace("'rt_gait_reader', ", "'not_made_yet', ")) for number, text in migrations()[:1]]
    monkeypatch.setattr(migration, "migrations", lambda: missing)
    assert "permission denied to create role" in refusal_of("keeper", place)


@pytest.mark.parametrize(("hears", "who"), [("hears", "keeper"), ("deaf", "owner")])
def test_a_robot_connected_while_the_server_is_migrated_says_so_and_is_merged_after_its_update(
    robot, place, next_program, hears, who
):
    """keeper may end no connection of a robot, which hears of it by itself. One that cannot hear is ended by owner."""
    spot = robot("spot", SCHEMA, hears)
    spot.tell("enrol", "Ada", "20")
    spot.tell("enrol", "Bob", "60")
    spot.until("is", problem="", names=["Ada", "Bob"])
    while on_server(place) != ["Ada", "Bob"]:
        time.sleep(0.05)
    next_program(f"select pg_advisory_xact_lock({HELD}); create table rt_gait.later ()")
    rover = robot("rover", NEXT)
    rover.tell("enrol", "Eve", "90")
    says(rover, f"needs {NEXT}: run `rt-gait gallery migrate` as the database's owner", "Eve")
    with psycopg.connect(parse(place).conninfo) as busy:
        busy.execute("select pg_advisory_lock(%s)", (HELD,))
        migrating = threading.Thread(target=migrate, args=(parse(place.replace("keeper@", f"{who}@")),))
        migrating.start()
        if hears == "hears":
            says(spot, "is just being migrated to another schema: wait", "Ada", "Bob")
        spot.tell("enrol", "Cyd", "40")
        spot.tell("look", "41")
        assert spot.until("nearest", angle="41")["name"] == "Cyd"
    migrating.join()
    says(spot, f"has schema {NEXT}, this version reads {SCHEMA}: update rt_gait_ros on this robot", "Ada", "Bob", "Cyd")
    rover.until("is", problem="", names=["Ada", "Bob", "Eve"])
    spot.tell("forget", "Bob")
    spot.tell("look", "21")
    assert spot.until("nearest", angle="21")["name"] == "Ada"
    spot.until("is", names=["Ada", "Cyd"])
    assert on_server(place) == ["Ada", "Bob", "Eve"]
    assert spot.end() == 0
    for updated in (robot("spot", NEXT), rover):
        updated.until("is", problem="", names=["Ada", "Cyd", "Eve"])
    assert on_server(place) == ["Ada", "Cyd", "Eve"]


@pytest.mark.parametrize("hears", [True, False])
def test_a_migration_waits_for_a_change_that_is_under_way_and_neither_ends_the_other(
    place, next_program, monkeypatch, hears
):
    """The change holds the gallery's row, and comes to the walks while the migration has asked for them."""
    next_program("alter table rt_gait.template add column later int; alter table rt_gait.gallery add column later int")
    monkeypatch.setattr(connections, "SCHEMA", SCHEMA)
    if not hears:  # as programs of before do
        monkeypatch.setattr(connections, "_require_at_rest", lambda connection, address: None)
    done = []
    migrating = threading.Thread(target=lambda: done.append(migrate(parse(place))))
    address = parse(place)
    with connected(address) as other, connected(address) as connection, transaction(connection, address):
        head_of(connection, address, lock=True)
        next_version(connection, address)
        migrating.start()
        while not other.execute("select from pg_locks where not granted").fetchall():
            time.sleep(0.05)
        assert connection.execute("select count(*) from rt_gait.template").fetchone() == (0,)
    migrating.join()
    assert done == [(SCHEMA, NEXT)]


@pytest.mark.parametrize(
    "change", ["create table rt_gait.later ()", "alter table rt_gait.template rename search_key to other_key"]
)
def test_a_connection_that_is_older_than_the_schema_is_told_with_its_next_use(place, next_program, change):
    """Also where the former program's search finds somebody all the same, or fails by what it asks for."""
    gallery, look = open_gallery(place), np.random.default_rng(1).normal(size=(16, 256)).astype(np.float32)
    gallery.add("Ada", [Template(look, 1)], model="m", gait_frame_kind="silhouette")
    assert gallery.store.nearest(look)
    next_program(change)
    with pytest.MonkeyPatch.context() as former:
        former.setattr(migration, "_end_others", lambda connection: None)
        migrate(parse(place))
        former.setattr(connections, "SCHEMA", SCHEMA)
        for use in (lambda: gallery.forget("Ada"), gallery.require_writable, lambda: gallery.store.nearest(look)):
            with pytest.raises(GalleryTooNew, match=f"schema {NEXT}"):
                use()
    gallery.close()
    assert on_server(place) == ["Ada"]


def test_a_migration_that_fails_changes_nothing_and_keeps_nobody_out(place, next_program):
    next_program("create table rt_gait.later (); select 1 / 0")
    with pytest.raises(GalleryError, match=r"division by zero.*nothing was changed there"):
        migrate(parse(place))
    with pytest.MonkeyPatch.context() as former:
        former.setattr(connections, "SCHEMA", SCHEMA)
        assert on_server(place) == []
    with connected(parse(place), any_schema=True) as connection:
        assert connection.execute("select to_regclass('rt_gait.later')").fetchone() == (None,)
