"""What goes wrong with a server, and who may do what: one line each, and nothing is changed."""

import json
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from postgres_server import wheel_binaries

from rt_gait_ros.errors import MissingPackage
from rt_gait_ros.fleet import connection as connections
from rt_gait_ros.fleet import migration, rows, server_store
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import AccessDenied, ServerAway
from rt_gait_ros.fleet.migration import migrate, migrations
from rt_gait_ros.fleet.opening import open_gallery
from rt_gait_ros.fleet.rows import search_key
from rt_gait_ros.gallery.person import GalleryError, GalleryReadOnly, GalleryTooNew

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}
PASSWORD = "Geheim-7!"


@pytest.fixture
def allowed(monkeypatch):
    """The password of all roles is known."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def one_line(caught):
    line = str(caught.value)
    assert "\n" not in line
    assert PASSWORD not in line
    return line


def test_a_wrong_password_is_one_line_that_says_where_one_is_looked_for(postgres, site, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "falsch")
    with pytest.raises(AccessDenied, match=r"pgpass") as caught:
        open_gallery(postgres.of("reader", site))
    assert "falsch" not in one_line(caught)


def test_a_password_comes_from_a_file(postgres, site, tmp_path, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    file = tmp_path / "password"
    file.write_text(f"*:*:*:reader:{PASSWORD}\n")
    file.chmod(0o600)
    assert open_gallery(postgres.of("reader", site, passfile=file)).persons == ()


def test_a_reader_sees_and_changes_nothing(postgres, site, template, allowed):
    open_gallery(postgres.of("enroller", site)).add("Ada", [template(20)], **SILHOUETTE)
    gallery = open_gallery(postgres.of("reader", site))
    assert gallery.find("Ada")
    for change in (
        gallery.require_writable,
        lambda: gallery.forget("Ada"),
        lambda: gallery.add("Bob", [template(1)], **SILHOUETTE),
    ):
        with pytest.raises(GalleryReadOnly, match="rt_gait_enroller") as caught:
            change()
        one_line(caught)
    import psycopg

    with (
        psycopg.connect(parse(postgres.of("reader", site)).conninfo) as raw,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        raw.execute("delete from rt_gait.person")


def test_a_site_is_seen_by_its_members_alone(postgres, site, template, allowed):
    postgres.sql("insert into rt_gait.gallery (site) values ('elsewhere') on conflict do nothing")
    open_gallery(postgres.of("enroller", site)).add("Ada", [template(20)], **SILHOUETTE)
    with pytest.raises(AccessDenied, match="member"):
        open_gallery(postgres.of("enroller", "elsewhere"))
    import psycopg

    with psycopg.connect(parse(postgres.of("enroller", "elsewhere")).conninfo) as raw:
        assert raw.execute("select count(*) from rt_gait.gallery where site = 'elsewhere'").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute("insert into rt_gait.forgotten values ('elsewhere', 'p1', 1)")
    assert open_gallery(postgres.of("admin", "elsewhere")).persons == ()


def test_only_an_administrator_reads_the_audit(postgres, site, template, allowed):
    enroller = open_gallery(postgres.of("enroller", site, robot="spot"))
    enroller.add("Ada", [template(20)], **SILHOUETTE)
    (entry,) = open_gallery(postgres.of("admin", site)).store.audit()
    assert (entry.what, entry.role) == ("enrol", "enroller on spot")
    with pytest.raises(AccessDenied, match="grant it rt_gait_admin"):
        enroller.store.audit()


def test_who_was_forgotten_cannot_be_stored_again(postgres, site, template):
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    ada = gallery.add("Ada", [template(20)], **SILHOUETTE)
    postgres.sql("delete from rt_gait.person where site = %s", site)  # by hand, past this program
    assert postgres.sql("select person_id from rt_gait.forgotten where site = %s", site) == [(ada.person_id,)]
    import psycopg

    with pytest.raises(psycopg.Error, match="cannot come back"):
        postgres.sql(
            "insert into rt_gait.person values (%s, %s, default, 'Ada', 1, 1, '', 0, '', 1)", site, ada.person_id
        )
    assert gallery.refresh()
    assert gallery.persons == ()


@pytest.mark.parametrize("change", ["forget", "add"])
def test_people_are_read_as_they_are_at_one_moment(postgres, site, template, monkeypatch, change):
    """Before, a walk that came or went between two statements ended the read with a KeyError."""
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    pull = rows.pull

    class Slow:
        """A connection on which somebody else's change comes after the first statement."""

        def __init__(self, connection):
            self.connection = connection

        def execute(self, text, *about, **how):
            found = self.connection.execute(text, *about, **how)
            if rows.pull is not pull:
                patch.undo()
                gallery.forget("Ada") if change == "forget" else gallery.add("Bob", [template(60)], **SILHOUETTE)
            return found

    with monkeypatch.context() as patch:
        patch.setattr(rows, "pull", lambda connection, *about: pull(Slow(connection), *about))
        reader = open_gallery(f"{postgres.owner}&site={site}")
    assert [person.name for person in reader.persons] == ["Ada"]
    assert reader.refresh()
    assert [person.name for person in reader.persons] == ([] if change == "forget" else ["Ada", "Bob"])
    reader.close()
    gallery.close()


def test_a_server_that_is_not_there_is_one_line():
    with pytest.raises(ServerAway, match="cannot be reached") as caught:
        open_gallery("postgresql://robot@127.0.0.1:1/people")
    one_line(caught)


def test_a_database_without_the_tables_says_how_they_are_made(postgres):
    postgres.sql("create database bare")
    address = postgres.owner.replace("/postgres?", "/bare?")
    with pytest.raises(GalleryError, match="rt-gait gallery migrate"):
        open_gallery(address)
    assert migrate(parse(address)) == (0, connections.SCHEMA)
    assert migrate(parse(address)) == (connections.SCHEMA, connections.SCHEMA)
    assert open_gallery(address).persons == ()
    postgres.sql("select 1")
    import psycopg

    with psycopg.connect(parse(address).conninfo, autocommit=True) as raw:
        raw.execute("insert into rt_gait.schema_version (version) values (99)")
    for use in (lambda: open_gallery(address), lambda: migrate(parse(address))):
        with pytest.raises(GalleryTooNew, match="schema 99"):
            use()
    postgres.sql("drop database bare")


def test_names_are_text_in_a_database_that_was_made_without_an_encoding(postgres, template):
    """What initdb makes where no locale is set."""
    postgres.sql("create database ascii encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
    address = postgres.owner.replace("/postgres?", "/ascii?")
    assert migrate(parse(address)) == (0, connections.SCHEMA)
    open_gallery(address).add("Jürgen", [template(20)], **SILHOUETTE)
    assert [person.name for person in open_gallery(address).persons] == ["Jürgen"]
    postgres.sql("drop database ascii")


def test_a_gallery_of_the_first_schema_keeps_its_people_and_is_searched_as_well(postgres, monkeypatch):
    postgres.sql("create database former")
    address = postgres.owner.replace("/postgres?", "/former?")
    every = migrations()
    with monkeypatch.context() as former:
        former.setattr(migration, "SCHEMA", 1)
        former.setattr(migration, "migrations", lambda: every[:1])
        assert migrate(parse(address)) == (0, 1)
    look = np.random.default_rng(1).normal(size=(16, 256)).astype(np.float16)
    import psycopg

    with psycopg.connect(parse(address).conninfo, autocommit=True) as raw:
        raw.execute("update rt_gait.gallery set version = 1, model = 'm', gait_frame_kind = 'silhouette'")
        raw.execute("insert into rt_gait.person values ('main', 'p1', default, 'Ada', 1, 1, '', 0, '00000001', 1)")
        raw.execute(
            "insert into rt_gait.template values ('main', 't1', 'p1', default, 1, 1, '', '0.0', 'enrolled', '{}',"
            " 'spot', %s, '{16,256}', '<f2', %s::public.vector)",
            (look.tobytes(), search_key(look)),
        )
    with pytest.raises(GalleryError, match="migrate"):
        open_gallery(address)
    assert migrate(parse(address)) == (1, connections.SCHEMA)
    gallery = open_gallery(address)
    assert [person.name for person in gallery.persons] == ["Ada"]
    (found,) = gallery.store.nearest(look)
    assert found == ("p1", pytest.approx(0.0, abs=0.05))  # two strangers of such numbers are 22 apart
    gallery.close()
    postgres.sql("drop database former")


def test_a_database_that_is_not_there_is_one_line(postgres):
    with pytest.raises(GalleryError, match="create it, then migrate") as caught:
        open_gallery(postgres.owner.replace("/postgres?", "/nowhere?"))
    assert "nowhere" in one_line(caught)


def test_a_read_only_server_is_said(postgres, site, template):
    gallery = open_gallery(f"{postgres.owner}&site={site}&options=-c%20default_transaction_read_only%3Don")
    assert gallery.persons == ()
    with pytest.raises(GalleryReadOnly, match=r"no changes just now .*name the primary server"):
        gallery.add("Ada", [template(20)], **SILHOUETTE)


def test_a_slow_server_is_said(postgres, site, template, monkeypatch):
    monkeypatch.setattr(connections, "LOCK_MS", 50)
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    import psycopg

    with psycopg.connect(postgres.owner) as other:
        other.execute("select from rt_gait.gallery where site = %s for update", (site,))
        with pytest.raises(ServerAway, match="in time") as caught:
            gallery.add("Ada", [template(20)], **SILHOUETTE)
    one_line(caught)
    gallery.add("Ada", [template(20)], **SILHOUETTE)


def test_who_is_deleted_by_hand_while_somebody_changes_them_is_deleted_and_the_change_is_told_to_come_again(
    postgres, site, template
):
    """Each waits for the other. The server breaks one off; here whoever has the shorter deadlock_timeout."""
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    delete = f"set deadlock_timeout = '10min'; delete from rt_gait.person where site = '{site}'"
    by_hand = threading.Thread(target=postgres.sql, args=(delete,))

    def edit(content):
        by_hand.start()
        while not postgres.sql("select 1 from pg_locks where not granted"):
            time.sleep(0.05)
        return replace(content, persons=(replace(content.persons[0], name="Eve"),))

    with pytest.raises(ServerAway, match="was changed by somebody else just then: try again") as caught:
        gallery._change("rename", edit)
    one_line(caught)
    by_hand.join()
    gallery.refresh()
    assert gallery.persons == ()


def test_a_server_that_is_lost_while_it_stores_leaves_it_open_whether_it_did(postgres, site, template, monkeypatch):
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    commit = server_store.commit

    def lost(connection, address):
        postgres.sql("select pg_terminate_backend(%s, 60000)", connection.info.backend_pid)
        commit(connection, address)

    with monkeypatch.context() as patch:
        patch.setattr(server_store, "commit", lost)
        with pytest.raises(ServerAway, match="not known whether this was stored: look there") as caught:
            gallery.add("Ada", [template(20)], **SILHOUETTE)
    one_line(caught)
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    assert [person.name for person in open_gallery(f"{postgres.owner}&site={site}").persons] == ["Ada"]


def test_a_full_server_is_said_and_nothing_is_changed(postgres, site, template):
    gallery = open_gallery(f"{postgres.owner}&site={site}")
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    postgres.sql(
        "create function full_disk() returns trigger language plpgsql as"
        " $$ begin raise exception 'no space' using errcode = '53100'; end $$"
    )
    postgres.sql("create trigger full_disk before insert on rt_gait.audit for each row execute function full_disk()")
    try:
        with pytest.raises(GalleryError, match="disk is full"):
            gallery.add("Bob", [template(60)], **SILHOUETTE)
    finally:
        postgres.sql("drop function full_disk cascade")
    assert [person.name for person in gallery.persons] == ["Ada"]
    assert [person.name for person in open_gallery(f"{postgres.owner}&site={site}").persons] == ["Ada"]


def test_a_certificate_that_is_missing_is_one_line(postgres, site, allowed):
    with pytest.raises(AccessDenied, match="TLS") as caught:
        open_gallery(postgres.of("reader", site, sslmode="require"))
    one_line(caught)


@pytest.fixture(params=["Debian's", "the wheel's"])
def bare(request, make_server):
    """A server without pgvector."""
    if request.param == "Debian's":
        server = request.getfixturevalue("debian")
        if server.sql("select from pg_available_extensions where name = 'vector'"):
            pytest.skip("this PostgreSQL has pgvector")
        yield server
        return
    package = wheel_binaries().parent.parent
    folder = Path(tempfile.mkdtemp(prefix="rt_gait_pg."))  # pytest's own can be read by no other user
    try:
        folder.chmod(0o755)
        copy = folder / package.name / "pginstall"
        shutil.copytree(package / "pginstall", copy, ignore=lambda _, names: {n for n in names if "vector" in n})
        (folder / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
        yield make_server(copy / "bin")
    finally:
        shutil.rmtree(folder)


def test_a_server_without_pgvector_says_what_to_install(bare):
    with pytest.raises(GalleryError, match=r"postgresql-\d+-pgvector") as caught:
        migrate(parse(bare.owner))
    one_line(caught)
    assert bare.sql("select to_regclass('rt_gait.gallery')") == [(None,)]


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingPackage, match=r"rt-gait-ros\[fleet\]"):
        open_gallery("postgresql://robot@127.0.0.1:1/people")


def test_a_file_needs_no_driver(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    assert open_gallery(tmp_path / "people").persons == ()


def test_what_is_stored_of_a_person_is_exported_from_the_server(postgres, site, template, tmp_path, capsys):
    from rt_gait_ros.cli.main import main

    spot, rover = (open_gallery(f"{postgres.owner}&site={site}&robot={robot}") for robot in ("spot", "rover"))
    spot.add("Ada", [template(20, np.ones((20, 64, 64), np.uint8))], **SILHOUETTE)
    rover.refresh()
    rover.add("Ada", [template(21)], extend=True, **SILHOUETTE)
    words = ["gallery", "export", "Ada", "--to", str(tmp_path / "ada"), "--gallery", f"{postgres.owner}&site={site}"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "holds what the server stores of Ada" in said
    assert np.load(tmp_path / "ada" / "walk_1_frames.npy").shape == (20, 64, 64)
    record = json.loads((tmp_path / "ada" / "person.json").read_text())
    assert record["changes"][0]["what"] == "enrol"
    assert [walk["robot"] for walk in record["walks"]] == ["spot", "rover"]
