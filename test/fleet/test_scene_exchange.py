"""What robots' cameras learnt of their places, kept on a server for the day when a robot or its disk is lost."""

import json
import shutil

import numpy as np
import pytest
from meeting import sees

from rt_gait_ros.cli.main import main
from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet import scene_exchange
from rt_gait_ros.fleet.connection import AccessDenied
from rt_gait_ros.fleet.opening import scenes_of
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import MAX_AGE, MAX_VOTES, SceneError
from rt_gait_ros.gallery.cipher import Cipher
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
    return knows_network(robot("spot"), networks)


@pytest.fixture
def rover(robot, networks):
    return knows_network(robot("rover"), networks)


@pytest.fixture
def kept(postgres, site):
    """What the server keeps of scenes, for the database's owner."""
    return scenes_of(f"{postgres.owner}&site={site}")


def knows_network(gallery, networks):
    gallery.store.networks = networks
    return gallery


def record(gallery, scene="hall", cipher=None):
    return scene_file.read(scene_file.file_of(scene_file.folder_of(gallery.path), "m", scene), cipher)


def has(gallery, *walks, **of):
    """Whether the robot's scene counts exactly these walks."""
    found = record(gallery, **of)
    votes = [] if found is None else list(found.votes)
    return len(votes) == len(walks) and all(any(np.allclose(w, v, atol=4e-3) for v in votes) for w in walks)


def counts(kept):
    return {(each.robot, each.scene): each.walks for each in kept.listed()}


def test_a_robot_whose_disk_was_lost_gets_its_scenes_back_and_no_other_does(robot, spot, rover, kept, tmp_path):
    sees(spot, walk(1), walk(2), owners=("p1 p2", ""))
    learnt = sorted(zip(record(spot).stamps.tolist(), record(spot).owners, strict=True))
    spot.meet()
    rover.meet()
    assert counts(kept) == {("spot", "hall"): 2}
    assert record(rover) is None
    for place in tmp_path.glob("spot*"):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    again = robot("spot")
    again.meet()
    assert has(again, walk(1), walk(2))
    assert sorted(zip(record(again).stamps.tolist(), record(again).owners, strict=True)) == learnt
    again.meet()
    assert counts(kept) == {("spot", "hall"): 2}


def test_what_is_learnt_and_forgotten_on_either_side_reaches_the_other(spot, kept, tmp_path):
    sees(spot, walk(1), walk(2))
    sees(spot, walk(3), scene="yard")
    spot.meet()
    sees(spot, walk(1), walk(4), walk(5))
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 3, ("spot", "yard"): 1}
    kept.forget([each for each in kept.listed() if each.scene == "yard"])
    spot.meet()
    assert has(spot, scene="yard")
    assert counts(kept) == {("spot", "hall"): 3}
    scene_file.delete(scene_file.file_of(scene_file.folder_of(spot.path), "m", "hall"))  # `rt-gait scene forget hall`
    spot.meet()
    assert counts(kept) == {}
    assert has(spot)


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


def test_what_a_camera_saw_of_whom_others_forgot_meanwhile_reaches_no_server(spot, kept, server):
    """The robot is cut off, sees Ada, and is killed as soon as it has heard that she is forgotten."""
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    spot.meet()
    sees(spot, walk(1, near=1), walk(7))
    server.refresh()
    server.forget("Ada")
    spot.meet()
    assert has(spot, walk(7))
    assert counts(kept) == {("spot", "hall"): 1}


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
    spot = knows_network(robot("spot"), tmp_path)
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(7))
    spot.meet()
    server.refresh()
    server.forget("Ada")
    assert counts(kept) == {}
    spot.meet()
    assert record(spot) is None


def test_walks_of_whom_somebody_was_merged_into_are_theirs(spot, rover, kept, server):
    ada, countess = (spot.add(name, [Template(walk(n), n)], **MODEL) for n, name in enumerate(("Ada", "Countess"), 1))
    spot.meet()
    rover.meet()
    sees(spot, walk(7), owners=(countess.person_id,))
    spot.meet()
    server.refresh()
    server.merge("Ada", "Countess")
    assert kept.walks_of(ada.person_id) == {"spot: hall": 1}
    spot.meet()
    assert record(spot).owners == (ada.person_id,)
    server.forget("Ada")
    assert counts(kept) == {}


def test_a_scene_of_another_robot_is_taken_where_it_is_asked_for(spot, rover, kept, postgres, site, capsys):
    sees(rover, walk(1), walk(2))
    sees(rover, walk(3), scene="yard")
    sees(spot, walk(4))
    for each in (spot, rover):
        each.meet()
    place = f"{postgres.owner}&site={site}&robot=spot"
    assert main(["scene", "take", "hall", "--of", "rover", "--gallery", place]) == 0
    spot.meet()
    assert has(spot, walk(1), walk(2), walk(4))
    assert record(spot, scene="yard") is None
    assert main(["scene", "list", "--json", "--gallery", place]) == 0
    said = capsys.readouterr().out
    listed = json.loads(said[said.index("{") :])["scenes"]
    assert [(each["robot"], each["scene"], each["walks"]) for each in listed] == [
        ("rover", "hall", 2), ("rover", "yard", 1), ("spot", "hall", 3),
    ]  # fmt: skip
    assert main(["scene", "forget", "hall", "--robot", "spot", "--gallery", place]) == 0
    spot.meet()
    assert has(spot)
    assert counts(kept) == {("rover", "hall"): 2, ("rover", "yard"): 1}
    for other, scene, error in (("spot", "hall", UsageError), ("rover", "cellar", SceneError)):
        with pytest.raises(error):
            scenes_of(place).take(scene, other)


def test_a_scene_has_no_more_walks_for_being_kept_in_two_places(robot, spot, kept, tmp_path):
    sees(spot, *map(walk, range(40)))
    spot.meet()
    shutil.rmtree(scene_file.folder_of(spot.path))
    sees(spot, *map(walk, range(40, 80)))
    spot.meet()
    assert len(record(spot).votes) == MAX_VOTES
    assert counts(kept) == {("spot", "hall"): MAX_VOTES}


def test_a_server_that_was_restored_gets_back_what_robots_know_and_nothing_that_they_deleted(
    spot, kept, postgres, site
):
    sees(spot, walk(1), walk(2))
    spot.meet()
    backed_up = "create table public.kept as select * from rt_gait.scene_vote; create table public.mark as select *"
    postgres.sql(f"{backed_up} from rt_gait.scene_exchange")
    try:
        sees(spot, walk(2), walk(3))
        spot.meet()
        for table, of in (("scene_vote", "kept"), ("scene_exchange", "mark")):
            postgres.sql(f"delete from rt_gait.{table} where site = %s", site)
            postgres.sql(f"insert into rt_gait.{table} select * from public.{of} where site = %s", site)
    finally:
        postgres.sql("drop table public.kept; drop table public.mark")
    spot.store._exchange.scenes.begin()
    stamps = record(spot).stamps.tolist()
    spot.meet()
    assert record(spot).stamps.tolist() == stamps
    assert counts(kept) == {("spot", "hall"): 2}


def test_walks_that_are_too_old_leave_the_server_though_their_robot_is_away(spot, rover, kept):
    sees(spot, walk(1))
    spot.meet()
    sees(rover, walk(2), age=MAX_AGE + 10**9)
    rover.meet()
    sees(rover, walk(3))
    rover.meet()
    assert counts(kept) == {("spot", "hall"): 1, ("rover", "hall"): 1}


def test_a_robot_that_is_killed_before_it_noted_what_was_exchanged_doubles_nothing(spot, kept, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    sees(spot, walk(1))
    with monkeypatch.context() as patch:
        patch.setattr(scene_exchange, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            spot.meet()
    sees(spot, walk(1), walk(2))
    spot.meet()
    spot.meet()
    assert counts(kept) == {("spot", "hall"): 2}
    assert has(spot, walk(1), walk(2))


def test_scenes_of_an_encrypted_copy_come_back_sealed(robot, networks, kept):
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    cipher = Cipher(bytes(32))
    spot = knows_network(robot("spot", cipher=cipher), networks)
    sees(spot, walk(1), cipher=cipher)
    spot.meet()
    shutil.rmtree(scene_file.folder_of(spot.path))
    spot.store._exchange.scenes.begin()
    spot.meet()
    assert has(spot, walk(1), cipher=cipher)
    with pytest.raises(SceneError, match="encrypted"):
        record(spot)
    assert counts(kept) == {("spot", "hall"): 1}


def test_a_scene_that_cannot_be_read_stays_as_it_is_on_both_sides(spot, kept):
    sees(spot, walk(1))
    spot.meet()
    path = scene_file.file_of(scene_file.folder_of(spot.path), "m", "hall")
    path.write_bytes(b"no scene")
    spot.meet()
    assert path.read_bytes() == b"no scene"
    assert counts(kept) == {("spot", "hall"): 1}


def test_a_reader_leaves_nothing_and_another_site_sees_nothing(robot, networks, kept, postgres, site, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    writes = knows_network(robot("spot", postgres.of("enroller", site, robot="spot")), networks)
    reads = knows_network(robot("rover", postgres.of("reader", site, robot="rover")), networks)
    for each in (writes, reads):
        sees(each, walk(1))
        each.meet()
    assert counts(kept) == {("spot", "hall"): 1}
    allowed = scenes_of(postgres.of("reader", site))
    assert counts(allowed) == {("spot", "hall"): 1}
    with pytest.raises(GalleryReadOnly, match="rt_gait_enroller"):
        allowed.forget(allowed.listed())
    postgres.sql("delete from rt_gait.member where site = %s and member = 'reader'", site)
    with pytest.raises(AccessDenied):
        allowed.listed()


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
