"""A back-up of a server's gallery with PostgreSQL's own programs, and what robots make of a restored one."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from meeting import names
from postgres_server import PASSWORD, wheel_binaries

from rt_gait_ros.fleet import exchange
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import SCHEMA, connected
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.migration import migrate
from rt_gait_ros.fleet.opening import open_gallery, scenes_of
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gallery.gallery import Gallery

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}
PAGE = Path(__file__).parents[2] / "docs" / "fleet_back_up.md"


@pytest.fixture
def here(postgres):
    """What PostgreSQL's programs find in their environment: themselves, the server, and its owner."""
    yield {
        "PATH": f"{wheel_binaries()}:/usr/bin:/bin",
        "PGHOST": str(postgres.folder),
        "PGPORT": str(postgres.port),
        "PGUSER": "owner",
    }
    postgres.sql("drop database if exists backed_up with (force)")


@pytest.fixture
def run(here):
    """run("createdb", …) runs one of PostgreSQL's programs as the owner."""

    def run(program, *words):
        done = subprocess.run(
            [wheel_binaries() / program, *words], env=here, capture_output=True, text=True, timeout=300
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    return run


@pytest.fixture
def place(postgres, run):
    """Address of a gallery in a database of its own, which is called as the page's `people`."""
    run("createdb", "backed_up")
    found = postgres.owner.replace("/postgres?", "/backed_up?")
    migrate(parse(found))
    return found


@pytest.fixture
def printed(here, tmp_path):
    """printed("pg_dump") runs the block of the page that has this word, as it is printed, in a folder of the test."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)

    def run(word, instead=("", ""), fails=False, docker=False):
        (block,) = (each for each in blocks if word in each and ("docker" in each) is docker)
        text = block.replace("'postgresql://owner@db.example/people'", "postgresql:///backed_up")
        text = text.replace("createdb people", "createdb backed_up").replace(*instead)
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", text], env=here, cwd=tmp_path, capture_output=True, text=True, timeout=600
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr

    return run


@pytest.fixture
def keys(here, printed):
    """GnuPG's keys, with the pair that the page makes."""
    if shutil.which("gpg", path=here["PATH"]) is None:
        pytest.skip("gpg is not installed")
    folder = tempfile.mkdtemp(prefix="rt_gait_gpg.")  # not below tmp_path: the path of its agent's socket is short
    here["GNUPGHOME"] = folder
    printed("--quick-generate-key", ("gpg --quick", "gpg --batch --passphrase '' --quick"))
    yield folder
    subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, **here}, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def on_server(place):
    gallery = open_gallery(place)
    found = names(gallery)
    gallery.close()
    return found


def test_who_was_forgotten_since_the_back_up_is_forgotten_and_who_came_since_comes_back(
    place, run, template, tmp_path, monkeypatch
):
    monkeypatch.setattr(exchange.Exchange, "start", lambda self: None)
    spot = Gallery(CopyStore(parse(f"{place}&robot=spot"), tmp_path / "spot"))
    spot.store.share_scenes = True

    def meet():
        spot.store._exchange.scenes.begin()
        with connected(parse(place)) as connection:
            spot.store._exchange.contact(connection)
        spot.refresh()
        found = on_server(place)
        assert found == names(spot)
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


def test_who_is_in_an_old_dump_comes_back_on_no_robot_that_knew_and_leaves_those_that_did_not(
    place, postgres, run, robot, template, tmp_path
):
    """rover was cut off since before Ada was forgotten; young never met anybody else, and meets the old state first."""
    spot, rover = robot("spot", place), robot("rover", place)
    ada = spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.add("Bob", [template(60)], **SILHOUETTE)
    for each in (spot, rover):
        assert each.meet() == ["Ada", "Bob"]
    run("pg_dump", "--format=custom", f"--file={tmp_path / 'people.dump'}", "backed_up")
    spot.forget("Ada")
    assert spot.meet() == ["Bob"]
    rover.add("Ada", [template(21)], extend=True, **SILHOUETTE)
    rover.add("Cyd", [template(100)], **SILHOUETTE)
    run("dropdb", "--force", "backed_up")
    run("createdb", "backed_up")
    run("pg_restore", "--dbname=backed_up", str(tmp_path / "people.dump"))
    young = robot("young", place)
    assert young.meet() == ["Ada", "Bob"]
    assert rover.meet() == ["Ada", "Bob", "Cyd"]
    assert spot.meet() == ["Bob", "Cyd"]
    assert on_server(place) == ["Bob", "Cyd"]
    for each in (young, rover, spot, robot("younger", place)):
        assert each.meet() == ["Bob", "Cyd"]
    for each in (young, rover):
        assert ada.person_id.encode() not in each.path.read_bytes()
    server = open_gallery(place)
    assert {entry.what: entry.tags for entry in server.store.audit()}["forget"] == (ada.tag,)
    server.close()


def test_the_printed_commands_encrypt_a_dump_restore_it_and_keep_who_was_forgotten_away(
    place, here, run, printed, keys, robot, template, tmp_path
):
    spot = robot("spot", place)
    for name, angle in (("Ada", 20), ("Bob", 60)):
        spot.add(name, [template(angle, np.ones((20, 64, 64), np.uint8))], **SILHOUETTE)
    spot.meet()
    assert "BEGIN PGP PUBLIC KEY" in (tmp_path / "backup.asc").read_text()
    printed("gpg --encrypt")
    dump = tmp_path / "people.dump.gpg"
    assert b"PGDMP" not in dump.read_bytes()[:100]
    whole = dump.read_bytes()
    printed("gpg --encrypt", fails=True)  # there is one of that name, and nobody who could be asked
    assert dump.read_bytes() == whole
    ada = spot.forget("Ada")
    spot.meet()
    printed("rt_gait.forgotten'")
    run("dropdb", "--force", "backed_up")
    printed("rt_gait.forgotten'", fails=True)  # as every hour, and the server is lost
    assert (tmp_path / "forgotten.txt").read_text() == f"main {ada.person_id}\n"
    dump.write_bytes(whole[:-100])
    printed("createdb people", fails=True)
    run("dropdb", "--force", "backed_up")
    dump.write_bytes(whole)
    printed("createdb people")
    assert on_server(place) == ["Ada", "Bob"]
    printed("rt_gait.forgotten'")  # as every hour, and the server is restored and has not heard of Ada
    printed("\\copy gone from forgotten.txt")
    assert on_server(place) == ["Bob"]
    assert robot("young", place).meet() == ["Bob"]
    assert spot.meet() == ["Bob"]


DOCKER = """#!/bin/bash
case "$*" in
    "compose exec -T db "*) shift 4; exec "$@" ;;
    "volume rm fleet_people") dropdb --force people && psql --quiet --command="drop role spot" postgres ;;
    "compose up --detach --wait db") createdb people ;;
esac
"""


def test_the_commands_for_the_compose_file_restore_people_and_logins_and_no_dump_that_is_not_whole(
    postgres, here, run, printed, keys, template, tmp_path
):
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    here["PATH"] += f":{tmp_path}"
    run("createdb", "people")
    try:
        place = postgres.owner.replace("/postgres?", "/people?")
        migrate(parse(place))
        postgres.sql(f"create role spot login password '{PASSWORD}' in role rt_gait_enroller")
        open_gallery(place).add("Ada", [template(20)], **SILHOUETTE)
        printed("gpg --encrypt", docker=True)
        assert "already exists" in printed("gpg --decrypt", docker=True)
        assert on_server(place) == ["Ada"]
        assert postgres.sql("select rolpassword is not null from pg_authid where rolname = 'spot'") == [(True,)]
        dump = tmp_path / "people.dump.gpg"
        dump.unlink()
        printed("gpg --encrypt", (" people |", " nobody |"), fails=True, docker=True)  # it looked like a back-up
        dump.write_bytes(b"")
        printed("gpg --decrypt", fails=True, docker=True)
    finally:
        postgres.sql("drop database if exists people with (force)")
        postgres.sql("drop role if exists spot")
