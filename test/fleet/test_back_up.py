"""A back-up of a server's gallery with PostgreSQL's own programs, and what robots make of a restored one."""

import subprocess
import time

import numpy as np
import pytest
from postgres_server import wheel_binaries

from rt_gait_ros.fleet import exchange
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import SCHEMA, connected
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.migration import migrate
from rt_gait_ros.fleet.opening import open_gallery, scenes_of
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gallery.gallery import Gallery

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture
def run(postgres):
    """run("createdb", …) runs one of PostgreSQL's programs as the owner."""

    def run(program, *words):
        where = {"PATH": "/usr/bin:/bin", "PGHOST": str(postgres.folder), "PGPORT": str(postgres.port)}
        done = subprocess.run(
            [wheel_binaries() / program, *words], env={**where, "PGUSER": "owner"}, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    yield run
    postgres.sql("drop database if exists backed_up with (force)")


def test_who_was_forgotten_since_the_back_up_is_forgotten_and_who_came_since_comes_back(
    postgres, run, template, tmp_path, monkeypatch
):
    monkeypatch.setattr(exchange.Exchange, "start", lambda self: None)
    run("createdb", "backed_up")
    place = postgres.owner.replace("/postgres?", "/backed_up?")
    migrate(parse(place))
    spot = Gallery(CopyStore(parse(f"{place}&robot=spot"), tmp_path / "spot"))
    spot.store.share_scenes = True

    def meet():
        spot.store._exchange.scenes.begin()
        with connected(parse(place)) as connection:
            spot.store._exchange.once(connection)
            spot.store._exchange.keep_scenes(connection)
        spot.refresh()
        server = open_gallery(place)
        found = sorted(person.name for person in server.persons)
        server.close()
        assert found == sorted(person.name for person in spot.persons)
        return found

    ada, bob = (spot.add(name, [template(angle)], **SILHOUETTE) for name, angle in (("Ada", 20), ("Bob", 60)))
    path = scene_file.file_of(scene_file.folder_of(spot.path), "angle", "hall")
    seen = np.stack([template(angle).embedding for angle in (21, 61)])
    learnt = scene_file.Record("angle", "hall", seen, np.full(2, time.time_ns()), (ada.person_id, bob.person_id))
    with scene_file.locked(path):  # what the robot's camera learnt of its place
        scene_file.write(path, learnt)
    assert meet() == ["Ada", "Bob"]
    run("pg_dump", "--format=custom", f"--file={tmp_path / 'people.dump'}", "backed_up")
    spot.forget("Ada")
    with scene_file.locked(path):  # as the node does
        scene_file.write(path, learnt.only(np.array([False, True])))
    spot.add("Cyd", [template(64)], **SILHOUETTE)
    assert meet() == ["Bob", "Cyd"]
    run("dropdb", "--force", "backed_up")
    run("createdb", "backed_up")
    run("pg_restore", "--dbname=backed_up", str(tmp_path / "people.dump"))
    server = open_gallery(place)
    assert sorted(person.name for person in server.persons) == ["Ada", "Bob"]
    (found,) = server.store.nearest(server.find("Bob").embeddings[0], 1)
    assert found[0] == server.find("Bob").person_id
    server.close()
    kept = scenes_of(place)
    assert [(each.scene, each.walks) for each in kept.listed()] == [("hall", 2)]
    assert migrate(parse(place)) == (SCHEMA, SCHEMA)
    assert meet() == ["Bob", "Cyd"]
    assert kept.walks_of(ada.person_id) == {}
    assert kept.walks_of(bob.person_id) == {"spot: hall": 1}
