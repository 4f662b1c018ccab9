"""What robots' cameras learnt of their places, backed up on a server where that was asked for."""

import numpy as np
import pytest
from backed_up import LINE, MODEL, SHAPE, counts, has, record, walk
from meeting import NOW, sees

from rt_gait_ros.fleet import scene_rows
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.scene import MAX_AGE
from rt_gait_ros.gait.scene_cleaning import relabel_files
from rt_gait_ros.gallery.person import Template


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


def test_only_what_differs_is_made_into_rows_and_sent(spot, kept, postgres, site, monkeypatch):
    made, row_of = [], scene_rows.row_of
    monkeypatch.setattr(scene_rows, "row_of", lambda *given: made.append(given) or row_of(*given))
    sees(spot, walk(1), walk(2))
    spot.meet()
    assert len(made) == 2
    before = dict(postgres.sql("select vote_id, stored from rt_gait.scene_vote where site = %s", site))
    sees(spot, walk(1), walk(2), walk(3))
    spot.meet()
    after = dict(postgres.sql("select vote_id, stored from rt_gait.scene_vote where site = %s", site))
    assert len(made) == len(after) == 3
    assert after.items() > before.items()


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


def test_scenes_wait_until_the_copy_knows_who_was_forgotten(spot, kept, server, monkeypatch):
    spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    spot.meet()
    sees(spot, walk(1, near=1), walk(7))
    once = type(spot.store._exchange).once

    def forgotten_meanwhile(self, connection):
        head = once(self, connection)
        server.refresh()
        server.forget("Ada")
        return head

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
    sees(spot, walk(3), scene="yard")
    for _ in range(2):
        spot.meet()
    assert "not backed up" not in " ".join(spot.store.notices()), "it is said once"
    assert postgres.sql("select name from rt_gait.person where site = %s", site) == [("Ada",)]
