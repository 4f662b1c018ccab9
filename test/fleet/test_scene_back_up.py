"""What robots' cameras learnt of their places, backed up on a server where that was asked for."""

import json
import shutil

import numpy as np
import psycopg
import pytest
from meeting import NOW, sees

from rt_gait_ros.cli.main import main
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.opening import scenes_of
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import MAX_AGE, MAX_VOTES, SceneError
from rt_gait_ros.gait.scene_cleaning import relabel_files
from rt_gait_ros.gallery.cipher import Cipher, find_cipher
from rt_gait_ros.gallery.person import GalleryReadOnly, Template

MODEL = {"model": "m", "gait_frame_kind": "silhouette"}
SHAPE = (16, 256)  # long enough for a search key; two of these numbers are 22 apart
LINE = 11.0  # distance within which two walks may be one person's
PASSWORD = "Geheim-7!"


def walk(seed, near=0):
    """A walk of somebody; with `near`, another one of the same person, at a distance of 5."""
    found = np.random.default_rng(seed).normal(size=SHAPE)
    other = np.random.default_rng(100 * seed + near).normal(size=SHAPE) * (0.31 if near else 0.0)
    return (found + other).astype(np.float32)


@pytest.fixture
def networks(tmp_path):
    """A model repository with the calibration of one gait network."""
    folder = tmp_path / "networks"
    (folder / "m").mkdir(parents=True)
    calibration.save(folder / "m" / calibration.FILE_NAME,
                     Calibration("m", 1.0, LINE, 10.0, 0.1, 0.01, 10, 10, "generated"))  # fmt: skip
    return folder


@pytest.fixture
def spot(robot, networks):
    return robot("spot", networks=networks)


@pytest.fixture
def rover(robot, networks):
    return robot("rover", networks=networks)


@pytest.fixture
def kept(postgres, site):
    """What the server keeps of scenes, for the database's owner."""
    return scenes_of(f"{postgres.owner}&site={site}")


def record(gallery, scene="hall", cipher=None):
    return scene_file.read(scene_file.file_of(scene_file.folder_of(gallery.path), "m", scene), cipher)


def has(gallery, *walks, **of):
    """Whether the robot's scene counts exactly these walks."""
    found = record(gallery, **of)
    votes = [] if found is None else list(found.votes)
    return len(votes) == len(walks) and all(any(np.allclose(w, v, atol=4e-3) for v in votes) for w in walks)


def counts(kept):
    return {(each.robot, each.scene): each.walks for each in kept.listed()}


def take(gallery, kept, scene="hall", of="rover", cipher=None):
    return kept.take(scene, of, scene_file.folder_of(gallery.path), cipher)


@pytest.mark.parametrize("said", [None, False])
def test_nothing_leaves_a_robot_unless_that_is_said(robot, kept, said):
    spot = robot("spot", shares=said)
    sees(spot, walk(1))
    spot.meet()
    assert counts(kept) == {}
    assert has(spot, walk(1))


def test_turning_it_off_deletes_what_this_robot_sent_and_nobody_elses(spot, rover, kept):
    for each, seed in ((spot, 1), (rover, 2)):
        sees(each, walk(seed))
        each.meet()
    for wanted, there in ((None, 2), (False, 1), (True, 2)):
        spot.store.share_scenes = wanted
        spot.meet()
        assert len(counts(kept)) == there
    assert has(spot, walk(1))


def test_the_server_follows_the_disk(spot, kept):
    sees(spot, walk(1), walk(2))
    sees(spot, walk(3), scene="yard")
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 2, ("spot", "yard"): 1}
    sees(spot, walk(1), *map(walk, range(4, 44)), owners=("p1", *[""] * 40))
    scene_file.delete(scene_file.file_of(scene_file.folder_of(spot.path), "m", "yard"))
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 41}
    assert kept.walks_of("p1") == {"spot: hall": 1}


def test_only_what_differs_is_sent(spot, kept, postgres, site):
    sees(spot, walk(1), walk(2))
    spot.meet()
    before = dict(postgres.sql("select vote_id, stored from rt_gait.scene_vote where site = %s", site))
    sees(spot, walk(1), walk(2), walk(3))
    spot.meet()
    after = dict(postgres.sql("select vote_id, stored from rt_gait.scene_vote where site = %s", site))
    assert len(after) == 3
    assert after.items() > before.items()


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


def test_two_robots_of_one_name_leave_each_others_rows(robot, networks, kept):
    name = "robot=spot"
    front, rear = (robot(each, place(robot, name), networks=networks) for each in ("front", "rear"))
    for _ in range(2):
        for each, seed in ((front, 1), (rear, 2)):
            sees(each, walk(seed))
            each.meet()
    assert counts(kept) == {("spot", "hall"): 2}
    assert has(front, walk(1))
    assert has(rear, walk(2))


def place(robot, setting):
    return f"{robot.place}&{setting}"


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
    assert main(["scene", "take", "hall", "--of", "rover", "--gallery", address, "--key", f"file:{key}"]) == 0
    assert "1 walks of scene hall of rover" in capsys.readouterr().out
    folder = scene_file.folder_of(parse(address).copy_path)
    (path,) = scene_file.files(folder)
    found = scene_file.read(path, find_cipher(f"file:{key}"))
    assert np.allclose(found.votes[0], walk(1), atol=4e-3)
    with pytest.raises(SceneError, match="encrypted"):
        scene_file.read(path)
    assert main(["scene", "take", "hall", "--of", "rover", "--gallery", str(tmp_path / "people")]) == 2
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


def test_who_is_forgotten_anywhere_leaves_all_scenes_of_all_robots(spot, rover, kept, server):
    ada = spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    spot.add("Bob", [Template(walk(2), 1)], **MODEL)
    spot.meet()
    sees(spot, walk(1, near=1), walk(2, near=1), walk(7))
    sees(rover, walk(1, near=2), walk(8), walk(9), owners=("", ada.person_id, ""))
    for each in (spot, rover, spot):
        each.meet()
    assert counts(kept) == {("spot", "hall"): 3, ("rover", "hall"): 3}
    server.refresh()
    server.forget("Ada")
    assert counts(kept) == {("spot", "hall"): 2, ("rover", "hall"): 1}
    for each in (spot, rover):
        each.meet()
    assert has(spot, walk(2, near=1), walk(7))
    assert has(rover, walk(9))
    assert counts(kept) == {("spot", "hall"): 2, ("rover", "hall"): 1}


def test_who_is_deleted_by_hand_leaves_the_scenes_too(spot, kept, postgres, site):
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(1, near=1), walk(7))
    spot.meet()
    postgres.sql("delete from rt_gait.person where site = %s", site)
    assert counts(kept) == {("spot", "hall"): 1}
    spot.meet()
    assert has(spot, walk(7))


def test_walks_of_who_was_forgotten_do_not_come_back_from_scenes_older_than_the_copy(
    robot, spot, networks, kept, server
):
    """The robot names walks while it is cut off, its copy is lost, and a new one has never had Ada."""
    ada = spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    spot.meet()
    sees(spot, walk(7), walk(8), owners=(f"p0 {ada.person_id}", ""))
    server.refresh()
    server.forget("Ada")
    spot.path.unlink()
    again = robot("spot", networks=networks)
    again.meet()
    assert has(again, walk(8))
    assert counts(kept) == {("spot", "hall"): 1}


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


def test_scenes_wait_until_the_copy_knows_who_was_forgotten(spot, kept, server, monkeypatch):
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    spot.meet()
    sees(spot, walk(1, near=1), walk(7))
    once = type(spot.store._exchange).once

    def forgotten_meanwhile(self, connection):
        once(self, connection)
        server.refresh()
        server.forget("Ada")

    with monkeypatch.context() as patch:
        patch.setattr(type(spot.store._exchange), "once", forgotten_meanwhile)
        spot.meet()
    assert counts(kept) == {}
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 1}


def test_without_a_calibration_all_walks_of_scenes_go(robot, kept, server, tmp_path):
    spot = robot("spot", networks=tmp_path)
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(7))
    spot.meet()
    server.refresh()
    server.forget("Ada")
    assert counts(kept) == {}
    spot.meet()
    assert record(spot) is None


def test_walks_get_the_line_of_a_calibration_that_comes_later(robot, spot, networks, kept, postgres, site):
    file = networks / "m" / calibration.FILE_NAME
    text = file.read_text()
    file.unlink()
    sees(spot, walk(1))
    lines = []
    for _ in range(2):
        spot.meet()
        spot.store._exchange.scenes.begin()
        lines += postgres.sql("select near from rt_gait.scene_vote where site = %s", site)
        file.write_text(text)
    assert lines[0] == (None,)
    assert lines[1][0] > LINE


def test_of_two_who_are_merged_into_one_all_walks_are_hers(spot, kept, server):
    ada, bob, cyd = (spot.add(name, [Template(walk(n), n)], **MODEL) for n, name in enumerate(("Ada", "Bob", "Cyd"), 1))
    spot.meet()
    sees(spot, walk(7), owners=(" ".join(sorted((bob.person_id, cyd.person_id))),))
    spot.meet()
    for other in ("Bob", "Cyd"):
        spot.merge("Ada", other)  # both before the next contact; the scenes' own owner is not here
    folder = scene_file.folder_of(spot.path)
    for other in (bob, cyd):
        relabel_files(folder, other.person_id, ada.person_id)
    spot.meet()
    assert kept.walks_of(ada.person_id) == {"spot: hall": 1}
    server.refresh()
    server.forget("Ada")
    assert counts(kept) == {}


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


@pytest.mark.parametrize("age", [MAX_AGE + 10**9, -3 * 86_400 * 10**9])
def test_walks_that_are_too_old_or_of_the_future_are_not_backed_up(spot, rover, kept, postgres, site, age):
    sees(spot, walk(1))
    sees(rover, walk(2), age=age)
    spot.meet()
    rover.meet()
    assert counts(kept) == {("spot", "hall"): 1}
    postgres.sql("update rt_gait.scene_vote set stamp = stamp - %s where site = %s", age, site)
    rover.store._exchange.scenes._expiry = 0.0
    rover.meet()
    assert counts(kept) == {}


def test_a_damaged_scene_and_a_refused_one_stop_nobody(spot, kept, postgres, site):
    sees(spot, walk(1))
    sees(spot, walk(2), scene="yard")
    broken = scene_file.file_of(scene_file.folder_of(spot.path), "m", "attic")
    with scene_file.locked(broken):
        nothing = np.full((1, *SHAPE), np.nan, np.float32)
        scene_file.write(broken, scene_file.Record("m", "attic", nothing, np.array([NOW])))
    path = scene_file.file_of(scene_file.folder_of(spot.path), "m", "hall")
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 1, ("spot", "yard"): 1}
    path.write_bytes(b"no scene")
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    assert spot.meet() == ["Ada"]
    assert path.read_bytes() == b"no scene"
    assert counts(kept) == {("spot", "hall"): 1, ("spot", "yard"): 1}
    assert spot.store.problem == ""
    said = " ".join(spot.store.notices())
    assert "scene 'hall' is not backed up" in said
    assert "scene 'attic' is not backed up" in said
    assert postgres.sql("select name from rt_gait.person where site = %s", site) == [("Ada",)]


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
