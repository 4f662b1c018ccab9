"""Robots with a copy each, a server, and what may come between them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from postgres_server import PASSWORD

from rt_gait_ros.fleet import copy_state, exchange
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.opening import open_for_robot, open_gallery
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.departures import Departure, Look
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryReadOnly, Template

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setattr(exchange, "AGAIN_AFTER", 0.1)
    monkeypatch.setattr(exchange, "AGAIN_AT_MOST", 0.2)


@pytest.fixture
def robot(postgres, site, tmp_path, opened):
    """robot("spot") is a robot with a copy of its own; the same name again is the robot after a restart."""

    def make(name, *, role="enroller", port=None, cipher=None):
        address = postgres.of(role, site, robot=name)
        if port:
            address = address.replace(f":{postgres.port}", f":{port}")
        opened.append(Gallery(CopyStore(parse(address), tmp_path / name, cipher)))
        return opened[-1]

    return make


def until(what, *arguments):
    deadline = time.monotonic() + 300
    while not (found := what(*arguments)):
        about = [(each.problem, each.persons) for each in arguments if isinstance(each, Gallery)]
        assert time.monotonic() < deadline, f"it did not happen: {about}"
        time.sleep(0.05)
    return found


def has(gallery, *names):
    """Whether exactly these are known there."""
    gallery.refresh()
    return sorted(person.name for person in gallery.persons) == sorted(names)


def test_the_people_of_a_file_that_is_laid_where_the_copy_belongs_reach_the_server(robot, server, template, tmp_path):
    """As docs/fleet.md has it done before the first start."""
    own = Gallery(tmp_path / "people.gallery")
    own.add("Ada", [template(10)], **SILHOUETTE)
    own.close()
    (tmp_path / "spot").write_bytes((tmp_path / "people.gallery").read_bytes())
    spot = robot("spot")
    until(has, server, "Ada")
    assert has(spot, "Ada")


def of_model(gallery, model):
    gallery.refresh()
    return gallery.model == model


def test_who_is_enrolled_on_one_is_known_on_the_other_and_forgotten_on_both(robot, server, template):
    frames = np.arange(20 * 64 * 64, dtype=np.uint8).reshape(20, 64, 64)
    spot, rover = robot("spot"), robot("rover")
    stored = spot.add("Ada", [template(20, frames), template(30)], **SILHOUETTE, consent="asked")
    until(has, rover, "Ada")
    (ada,) = rover.persons
    assert (ada.person_id, ada.consent, ada.tag) == (stored.person_id, "asked", stored.tag)
    np.testing.assert_array_equal(np.asarray(ada.templates[0].frames), frames)
    np.testing.assert_allclose(ada.embeddings, stored.embeddings, atol=1e-3)
    assert rover.model == "angle"
    rover.add("Ada", [template(40)], extend=True, **SILHOUETTE)
    until(lambda: spot.refresh() and len(spot.find("Ada").templates) == 3)
    for gallery in (spot, rover, robot("rover")):
        assert [each.robot for each in gallery.find("Ada").templates] == ["spot", "spot", "rover"]
    rover.rename("Ada", "Countess")
    until(has, spot, "Countess")
    rover.forget("Countess")
    until(has, spot)
    until(has, server)
    for file in (spot.path, rover.path):
        assert ada.person_id.encode() not in file.read_bytes()


def test_what_the_command_line_does_on_the_server_reaches_robots(robot, server, template):
    spot = robot("spot")
    spot.add("Ada", [template(20, np.ones((20, 64, 64), np.uint8))], **SILHOUETTE)
    until(has, server, "Ada")
    server.strip("Ada")
    until(lambda: spot.refresh() and spot.find("Ada").templates[0].frames is None)
    server.forget("Ada")
    until(has, spot)


@pytest.mark.parametrize(("how", "said"), [("cut", "cannot be reached"), ("stall", "has taken more than")])
def test_changes_on_both_sides_of_a_cut_are_merged(robot, server, template, link, monkeypatch, how, said):
    """A way that ends, and one that is jammed; RT_GAIT_CUT is for how many seconds more than it takes to notice."""
    if how == "stall":
        monkeypatch.setattr(exchange, "SLOW", 1.0)
    spot = robot("spot", port=link.port)
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.add("Bob", [template(60)], **SILHOUETTE)
    until(has, server, "Ada", "Bob")
    getattr(link, how)()
    line = until(lambda: said in spot.problem and spot.problem)
    assert "goes on with its copy" in line
    assert "\n" not in line
    spot.add("Cyd", [template(64)], **SILHOUETTE)
    time.sleep(float(os.environ.get("RT_GAIT_CUT", "0")))
    spot.add("Ada", [template(21)], extend=True, **SILHOUETTE)
    spot.add("Eve", [template(90)], **SILHOUETTE)
    spot.forget("Bob")
    server.add("Ada", [template(22)], extend=True, **SILHOUETTE)
    server.add("Eve", [template(120)], **SILHOUETTE)
    server.add("Bob", [template(61)], extend=True, **SILHOUETTE)
    assert has(spot, "Ada", "Cyd", "Eve")
    link.mend()
    for gallery in (server, spot):
        until(has, gallery, "Ada", "Cyd", "Eve", "Eve (2)")
        assert len(gallery.find("Ada").templates) == 3
    until(lambda: not spot.problem)
    (notice,) = until(spot.store.notices)
    assert "Eve (2)" in notice
    assert spot.find("Eve").person_id == server.find("Eve").person_id


def test_who_was_forgotten_does_not_come_back_from_a_stale_copy(robot, server, template, link):
    spot = robot("spot", port=link.port)
    spot.add("Ada", [template(20)], **SILHOUETTE)
    until(has, server, "Ada")
    until(lambda: copy_state.read(spot.path, None).persons)
    link.cut()
    until(lambda: spot.problem)
    spot.add("Ada", [template(21)], extend=True, **SILHOUETTE)
    server.forget("Ada")
    copy_state.agreed_path(spot.path).unlink()  # and nobody knows any more what was agreed
    link.mend()
    until(has, spot)
    assert has(server)


def test_a_robot_answers_while_the_server_is_killed_and_started_again(robot, postgres, template):
    spot, rover = robot("spot"), robot("rover")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    until(has, rover, "Ada")
    postgres.stop(3)  # SIGQUIT: as a crash
    until(lambda: spot.problem and rover.problem)
    assert "\n" not in spot.problem
    assert PASSWORD not in spot.problem
    spot.add("Bob", [template(60)], **SILHOUETTE)
    rover.forget("Ada")
    assert has(rover)
    postgres.start()
    for gallery in (spot, rover):
        until(has, gallery, "Bob")


def test_a_robot_that_starts_without_its_server_knows_who_it_knew(robot, server, template, link):
    spot = robot("spot", port=link.port)
    spot.add("Ada", [template(20)], **SILHOUETTE)
    until(has, server, "Ada")
    spot.close()
    link.cut()
    again = robot("spot", port=link.port)
    assert has(again, "Ada")
    again.forget("Ada")
    again.close()
    link.mend()
    robot("spot", port=link.port)
    until(has, server)


def test_a_reader_follows_and_may_change_nothing(robot, server, template):
    server.add("Ada", [template(20)], **SILHOUETTE)
    spot = robot("spot", role="reader")
    until(has, spot, "Ada")
    with pytest.raises(GalleryReadOnly, match="rt_gait_enroller"):
        spot.forget("Ada")
    server.forget("Ada")
    until(has, spot)
    spot.close()
    with pytest.raises(GalleryReadOnly):  # it is remembered
        robot("spot", role="reader").require_writable()


def test_a_robot_of_a_standby_follows_it_and_tells_it_what_changed_here_once_it_is_the_primary(
    robot, postgres, site, server, template, make_server
):
    """Before, it followed nobody, since a standby lets nobody listen, and none of its own could be changed."""
    server.add("Ada", [template(20)], **SILHOUETTE)
    standby = make_server(primary=postgres)
    spot = robot("spot", port=standby.port)
    spot.store.handover.use(300.0, "angle")
    until(has, spot, "Ada")
    line = until(lambda: spot.problem)
    assert "takes no changes just now" in line
    assert "goes on with its copy" in line
    server.add("Bob", [template(60)], **SILHOUETTE)
    until(has, spot, "Ada", "Bob")
    spot.forget("Ada")
    assert has(spot, "Bob")
    standby.sql("select pg_promote()")
    until(lambda: not spot.problem)
    until(has, open_gallery(f"{standby.owner}&site={site}"), "Bob")
    assert has(server, "Ada", "Bob")


def test_a_wrong_password_keeps_the_robot_going(robot, template, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "falsch")
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    line = until(lambda: spot.problem)
    assert "pgpass" in line
    assert "falsch" not in line
    assert has(spot, "Ada")


def test_a_gallery_of_another_network_is_said_and_a_rebuilt_one_followed(robot, server, template, link):
    frames = np.ones((20, 64, 64), np.uint8)
    spot = robot("spot", port=link.port)
    spot.add("Ada", [template(20, frames)], **SILHOUETTE)
    until(has, server, "Ada")
    until(lambda: copy_state.read(spot.path, None).persons)
    server.rebuild("gaitset", "silhouette", lambda frames: np.eye(2, dtype=np.float32))
    until(of_model, spot, "gaitset")
    link.cut()
    until(lambda: spot.problem)
    spot.add("Bob", [Template(np.eye(2, dtype=np.float32), 1)], model="gaitset", gait_frame_kind="silhouette")
    server.rebuild("other", "silhouette", lambda frames: np.eye(3, dtype=np.float32))
    link.mend()
    until(lambda: "gait network other" in spot.problem)
    assert has(spot, "Ada", "Bob")


def test_looks_at_who_left_one_robot_reach_the_other_and_end_with_whoever_is_forgotten(robot, server, template):
    spot, rover = robot("spot"), robot("rover")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    until(has, rover, "Ada")
    for each in (spot, rover):
        each.store.handover.use(300.0, "angle")
    departure = Departure((Look(template(20).embedding, 1.0, 20, 1),), spot.find("Ada").person_id)
    spot.store.handover.leave(departure)
    (found,) = until(rover.store.handover.others)
    assert found.person_id == departure.person_id
    server.forget("Ada")
    until(lambda: not rover.store.handover.others())


def test_an_encrypted_copy_holds_nothing_that_can_be_read(robot, server, template):
    cipher = Cipher(bytes(range(32)))
    server.add("Ada", [template(20)], **SILHOUETTE, consent="asked")
    spot = robot("spot", cipher=cipher)
    until(has, spot, "Ada")
    until(lambda: copy_state.read(spot.path, cipher).persons)
    spot.close()
    key = server.find("Ada").person_id.encode()
    for file in spot.path.parent.iterdir():
        if file.is_file() and not file.name.endswith(".forgotten"):
            assert key not in file.read_bytes(), file


def test_a_copy_restored_from_an_older_one_takes_nothing_from_the_server(robot, server, template):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    until(has, server, "Ada")
    spot.close()
    old = spot.path.read_bytes()
    later = robot("spot")
    later.add("Bob", [template(60)], **SILHOUETTE)
    later.add("Ada", [template(22)], extend=True, **SILHOUETTE)
    until(lambda: has(server, "Ada", "Bob") and len(server.find("Ada").templates) == 2)
    until(lambda: sorted(len(each.templates) for each in copy_state.read(spot.path, None).persons.values()) == [1, 2])
    later.close()
    spot.path.write_bytes(old)
    third = robot("spot")
    until(has, third, "Ada", "Bob")
    assert has(server, "Ada", "Bob")
    assert len(third.find("Ada").templates) == len(server.find("Ada").templates) == 2


def test_a_server_restored_from_an_older_back_up_gets_back_what_robots_know(robot, postgres, site, server, template):
    spot, rover = robot("spot"), robot("rover")
    for name, angle in (("Ada", 20), ("Bob", 60), ("Cyd", 64)):
        spot.add(name, [template(angle)], **SILHOUETTE)
    until(has, rover, "Ada", "Bob", "Cyd")
    spot.forget("Ada")
    until(has, rover, "Bob", "Cyd")
    (ada,) = until(copy_state.forgotten, rover.path)
    until(lambda: len(copy_state.read(rover.path, None).persons) == 2)
    spot.close()
    rover.close()
    postgres.sql("alter table rt_gait.person disable trigger remember_forgotten")  # a back-up that had Ada, and not Cyd
    postgres.sql("delete from rt_gait.person where site = %s and name = 'Cyd'", site)
    postgres.sql("alter table rt_gait.person enable trigger remember_forgotten")
    postgres.sql("delete from rt_gait.forgotten where site = %s", site)
    postgres.sql("insert into rt_gait.person values (%s, %s, default, 'Ada', 1, 1, '', 0, '', 1)", site, ada)
    postgres.sql("delete from rt_gait.change where site = %s and version > 1", site)
    postgres.sql("update rt_gait.gallery set version = 1 where site = %s", site)
    again = robot("rover")
    until(has, server, "Bob", "Cyd")
    assert has(again, "Bob", "Cyd")
    until(lambda: not postgres.sql("select from rt_gait.person where site = %s and person_id = %s", site, ada))


def test_a_copy_that_is_damaged_is_kept_aside_and_made_anew(postgres, site, server, template, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    server.add("Ada", [template(20)], **SILHOUETTE)
    address = postgres.of("enroller", site)
    gallery, said = open_for_robot(address)
    until(has, gallery, "Ada")
    gallery.close()
    assert said == ""
    for damage in (b"nothing of the kind", gallery.path.read_bytes()[:5000]):
        gallery.path.write_bytes(damage)
        gallery, said = open_for_robot(address)
        assert "kept as" in said
        until(has, gallery, "Ada")
        gallery.close()
    assert has(server, "Ada")


def test_who_is_forgotten_in_the_copys_file_is_forgotten_everywhere(robot, server, template):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    until(has, server, "Ada")
    until(lambda: copy_state.read(spot.path, None).persons)
    open_gallery(spot.path).forget("Ada")  # `rt-gait gallery forget Ada --gallery COPY`
    until(has, server)


def test_robots_that_are_killed_lose_nothing_and_double_nothing(postgres, site, server, tmp_path):
    """kill -9 of either of two robots at random; RT_GAIT_KILLS says how many times."""
    kills = os.environ.get("RT_GAIT_KILLS", "6")
    script = Path(__file__).with_name("restless_robots.py")
    done = subprocess.run(
        [sys.executable, script, f"{postgres.owner}&site={site}", tmp_path, kills],
        capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    server.refresh()
    on_server = {person.person_id: person for person in server.persons}
    assert set(told["spot"]) == set(told["rover"]) == set(on_server)
    assert not set(on_server) & set(told["forgotten"])
    assert set(told["enrolled"]) - set(told["asked to forget"]) <= set(on_server)
    assert all(len(person.templates) == 1 for person in on_server.values())
    assert len({person.name for person in on_server.values()}) == len(on_server)
