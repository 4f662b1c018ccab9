"""The rows of scenes on the server: who may see and change them, what leaves them, and who gets them back."""

import json
import shutil

import numpy as np
import psycopg
import pytest
from backed_up import MODEL, counts, has, record, take, walk
from meeting import sees
from postgres_server import PASSWORD

from rt_gait_ros.cli.main import main
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.opening import scenes_of
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.scene import MAX_VOTES, SceneError
from rt_gait_ros.gallery.cipher import Cipher, find_cipher
from rt_gait_ros.gallery.person import GalleryReadOnly, Template


def test_what_is_deleted_on_the_server_leaves_no_disk(spot, kept, postgres, site, capsys):
    sees(spot, walk(1))
    spot.meet()
    place = f"{postgres.owner}&site={site}&robot=spot"
    assert main(["scene", "forget", "--all", "--robot", "typo", "--gallery", place]) == 1
    assert "of robot 'typo'" in capsys.readouterr().err
    words = ["scene", "forget", "hall", "--robot", "spot", "--gallery", place, "--key", "file:/nowhere"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "disk of spot still has" in said
    assert "rt-gait scene forget hall" in said
    assert counts(kept) == {}
    assert has(spot, walk(1))
    assert audited(postgres, site) == ["forget scene"]


def audited(postgres, site):
    return [row[0] for row in postgres.sql("select what from rt_gait.audit where site = %s order by number", site)]


def test_a_disk_that_was_lost_gets_nothing_until_it_is_asked_for(robot, spot, networks, kept, tmp_path, postgres, site):
    sees(spot, walk(1), walk(2), owners=("p1 p2", ""))
    learnt = sorted(zip(record(spot).stamps.tolist(), record(spot).owners, strict=True))
    spot.meet()
    for each in tmp_path.glob("spot*"):
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    again = robot("spot", networks=networks)
    again.meet()
    assert record(again) is None
    assert counts(kept) == {("spot", "hall"): 2}
    assert take(again, kept, of="spot") == 2
    assert sorted(zip(record(again).stamps.tolist(), record(again).owners, strict=True)) == learnt
    assert audited(postgres, site) == ["take scene"]


def test_taking_twice_gives_the_same_and_other_scenes_stay(spot, rover, kept):
    sees(rover, *map(walk, range(40)))
    sees(rover, walk(99), scene="yard")
    sees(spot, *map(walk, range(30, 70)))
    rover.meet()
    take(spot, kept)
    first = record(spot)
    assert len(first.votes) == MAX_VOTES
    assert take(spot, kept) == 0
    again = record(spot)
    assert (first.stamps == again.stamps).all()
    assert (first.votes == again.votes).all()
    assert record(spot, scene="yard") is None
    with pytest.raises(SceneError, match="nothing is backed up of a scene 'cellar'"):
        take(spot, kept, scene="cellar")


def test_a_scene_is_taken_by_the_command_with_the_copys_key(robot, networks, kept, postgres, site, capsys, tmp_path):
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    rover = robot("rover", cipher=Cipher(bytes(32)), networks=networks)
    sees(rover, walk(1), cipher=Cipher(bytes(32)))
    rover.meet()
    key = tmp_path / "key"
    assert main(["gallery", "key", str(key)]) == 0
    address = f"{postgres.owner}&site={site}&robot=spot"
    assert main(["scene", "take", "hall", "--robot", "rover", "--gallery", address, "--key", f"file:{key}"]) == 0
    assert "1 walks of scene hall of rover" in capsys.readouterr().out
    folder = scene_file.folder_of(parse(address).copy_path)
    (path,) = scene_file.files(folder)
    found = scene_file.read(path, find_cipher(f"file:{key}"))
    assert np.allclose(found.votes[0], walk(1), atol=4e-3)
    with pytest.raises(SceneError, match="encrypted"):
        scene_file.read(path)
    assert main(["scene", "take", "hall", "--robot", "rover", "--gallery", str(tmp_path / "people")]) == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["..", ".", "", "a/b", "/tmp/x", "x" * 300])
def test_a_name_from_the_server_is_no_path(spot, kept, postgres, site, model, tmp_path):
    sees(spot, walk(1))
    spot.meet()
    row = "update rt_gait.scene_vote set model = %s where site = %s"
    with pytest.raises(psycopg.errors.CheckViolation):
        postgres.sql(row, model, site)
    with pytest.raises(SceneError, match="name of a gait model"):
        scene_file.file_of(tmp_path, model, "hall")


def test_who_is_deleted_by_hand_leaves_the_scenes_too(spot, kept, postgres, site):
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(1, near=1), walk(7))
    spot.meet()
    postgres.sql("delete from rt_gait.person where site = %s", site)
    assert counts(kept) == {("spot", "hall"): 1}
    spot.meet()
    assert has(spot, walk(7))


def test_the_server_refuses_walks_named_as_who_was_forgotten(spot, kept, server, postgres, site):
    ada = spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(7), walk(8))
    spot.meet()
    server.refresh()
    server.forget("Ada")
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 2}
    sees(spot, walk(7), walk(9), owners=("", ada.person_id))
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 1}
    with pytest.raises(psycopg.Error, match="forgotten"):
        postgres.sql("update rt_gait.scene_vote set owners = array[%s] where site = %s", ada.person_id, site)


def test_other_robots_walks_follow_a_merge_of_two(spot, rover, kept):
    ada, bob, cyd = (spot.add(name, [Template(walk(n), n)], **MODEL) for n, name in enumerate(("Ada", "Bob", "Cyd"), 1))
    spot.meet()
    rover.meet()
    sees(rover, walk(7), owners=(" ".join(sorted((bob.person_id, cyd.person_id))),))
    rover.meet()
    for other in ("Bob", "Cyd"):
        spot.merge("Ada", other)
    spot.meet()
    assert kept.walks_of(ada.person_id) == {"rover: hall": 1}
    rover.meet()
    assert record(rover).owners == (ada.person_id,)


def test_walks_leave_the_server_by_its_own_clock(spot, rover, kept, postgres, site):
    for each in (spot, rover):
        sees(each, walk(1))
        each.meet()
    postgres.sql("alter table rt_gait.scene_vote disable trigger refuse_walk_of_forgotten")
    try:
        postgres.sql(
            "update rt_gait.scene_vote set stored = stored - interval '31 days' where site = %s and robot = 'spot'",
            site,
        )
    finally:
        postgres.sql("alter table rt_gait.scene_vote enable trigger refuse_walk_of_forgotten")
    again = rover.store._exchange.scenes
    again._expiry = 0.0
    rover.meet()
    assert counts(kept) == {("rover", "hall"): 1}


def test_a_reader_sees_and_changes_nothing_of_scenes(spot, robot, networks, kept, postgres, site, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    sees(spot, walk(1))
    spot.meet()
    reads = robot("rover", postgres.of("reader", site, robot="rover"), networks=networks)
    sees(reads, walk(2))
    reads.meet()
    assert counts(kept) == {("spot", "hall"): 1}
    allowed = scenes_of(postgres.of("reader", site))
    assert counts(allowed) == {("spot", "hall"): 1}
    with pytest.raises(GalleryReadOnly, match="rt_gait_enroller"):
        allowed.forget(allowed.listed())
    for statement in (
        "delete from rt_gait.scene_vote",
        "update rt_gait.scene_vote set owners = '{}'",
        "insert into rt_gait.scene_vote select * from rt_gait.scene_vote",
    ):
        with raw(postgres, "reader", site) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def raw(postgres, role, site):
    return psycopg.connect(parse(postgres.of(role, site)).conninfo, autocommit=True)


def test_another_site_has_none_of_it(spot, postgres, site, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    sees(spot, walk(1))
    spot.meet()
    postgres.sql("delete from rt_gait.member where site = %s", site)
    with raw(postgres, "enroller", site) as connection:
        for statement in (
            "select from rt_gait.scene_vote where site = %s",
            "update rt_gait.scene_vote set owners = '{}' where site = %s returning 1",
            "delete from rt_gait.scene_vote where site = %s returning 1",
        ):
            assert connection.execute(statement, (site,)).fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "insert into rt_gait.scene_vote (site, robot, copy, model, scene, vote_id, stamp, owners, embedding,"
                " embedding_shape, embedding_type) values"
                " (%s, 'r', gen_random_uuid(), 'm', 's', 'v', 1, '{}', '', '{}', 'f')", (site,),
            )  # fmt: skip
    assert postgres.sql("select count(*) from rt_gait.scene_vote where site = %s", site) == [(1,)]


def test_every_table_of_sites_has_row_security(postgres):
    tables = postgres.sql(
        "select c.relname, c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'site' and not a.attisdropped"
        " where c.relnamespace = 'rt_gait'::regnamespace and c.relkind in ('r', 'p')"
    )
    assert "scene_vote" in dict(tables)
    assert [name for name, secured in tables if not secured and name != "member"] == []


def test_what_scenes_hold_of_somebody_is_exported_from_the_server(spot, rover, postgres, site, tmp_path, capsys):
    ada = spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(7), walk(8), owners=(ada.person_id, f"p0 {ada.person_id}"))
    sees(rover, walk(9), scene="yard", owners=(ada.person_id,))
    for each in (spot, rover):
        each.meet()
    folder = tmp_path / "ada"
    words = ["gallery", "export", "Ada", "--to", str(folder), "--gallery", f"{postgres.owner}&site={site}"]
    assert main(words) == 0
    found = json.loads((folder / "person.json").read_text())
    assert found["walks_counted_for_scenes"] == {"rover: yard": 1, "spot: hall": 2}
    assert [each["robot"] for each in found["walks"]] == ["spot"]
