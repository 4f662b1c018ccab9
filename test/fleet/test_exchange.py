"""What becomes of changes when something happens in the middle of an exchange; each contact is made by the test."""

import contextlib
import socket
import ssl
import threading
import time

import certificate
import numpy as np
import pytest
from meeting import SILHOUETTE, names
from postgres_server import PASSWORD

from rt_gait_ros.fleet import connection as connections
from rt_gait_ros.fleet import copy_state, exchange, rows
from rt_gait_ros.fleet.connection import AccessDenied, ServerAway, connected
from rt_gait_ros.gallery import extent_file, gallery_file, gallery_records
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.departures import Departure, Look
from rt_gait_ros.gallery.person import GalleryError, GalleryTooNew


def test_who_is_enrolled_while_the_copy_is_read_reaches_the_server(robot, server, template, monkeypatch):
    spot = robot("spot")
    settled = extent_file.settled

    def then_enrolled(descriptor, look):
        monkeypatch.setattr(extent_file, "settled", settled)
        found = settled(descriptor, look)
        spot.add("Ada", [template(20)], **SILHOUETTE)
        return found

    monkeypatch.setattr(extent_file, "settled", then_enrolled)
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert names(server) == ["Ada"]


def test_a_name_that_clashes_is_said_though_the_server_dies_then(robot, server, template, dies_at):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    server.add("Ada", [template(90)], **SILHOUETTE)
    dies_at("push")
    with pytest.raises(ServerAway):
        spot.meet()
    assert spot.meet() == ["Ada", "Ada (2)"]
    (line,) = spot.store.notices()
    assert "Ada (2)" in line
    assert spot.store.notices() == []
    server.refresh()
    assert names(server) == ["Ada", "Ada (2)"]


def test_two_people_of_one_name_from_two_robots_stay_two_and_it_is_said(robot, server, template):
    spot, rover = robot("spot"), robot("rover")
    first, second = (each.add("Ada", [template(angle)], **SILHOUETTE) for each, angle in ((spot, 20), (rover, 90)))
    spot.meet()
    assert rover.meet() == spot.meet() == ["Ada", "Ada (2)"]
    (line,) = rover.store.notices()
    assert "two people are called Ada" in line
    for gallery in (spot, rover, server):
        gallery.refresh()
        assert gallery.find("Ada").person_id == first.person_id
        assert gallery.find("Ada (2)").person_id == second.person_id


def test_a_server_that_is_lost_while_it_stores_is_asked_by_the_next_contact(
    robot, server, template, monkeypatch, postgres
):
    """Before, the line asked somebody to look there, where the robot does that itself."""
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    commit = connections.commit

    def lost(connection, *words):
        postgres.sql("select pg_terminate_backend(%s, 60000)", connection.info.backend_pid)
        commit(connection, *words)

    with monkeypatch.context() as patch:
        patch.setattr(connections, "commit", lost)
        with pytest.raises(ServerAway, match="not known whether this was stored: the next contact finds that out"):
            spot.meet()
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert names(server) == ["Ada"]


def test_who_was_forgotten_elsewhere_stays_so_though_the_server_dies_then(robot, server, template, dies_at):
    spot = robot("spot")
    ada = server.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()
    server.forget("Ada")
    spot.add("Bob", [template(60)], **SILHOUETTE)
    dies_at("push")
    with pytest.raises(ServerAway):
        spot.meet()
    spot.refresh()
    assert names(spot) == ["Bob"]
    assert copy_state.forgotten(spot.path) == {ada.person_id}
    assert spot.meet() == ["Bob"]
    server.refresh()
    assert names(server) == ["Bob"]


def test_who_left_while_the_server_died_is_told_to_the_next_one(robot, template, dies_at, postgres, site):
    spot, rover = robot("spot"), robot("rover")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    for each in (spot, rover):
        each.meet()
        each.store.handover.use(300.0, "angle")
    spot.store.handover.leave(Departure((Look(template(20).embedding, 1.0, 20, 1),)))
    postgres.sql("alter table rt_gait.departure rename to hidden")
    try:
        with pytest.raises(Exception, match="is not there"):
            spot.meet()
    finally:
        postgres.sql("alter table rt_gait.hidden rename to departure")
    spot.meet()
    rover.meet()
    assert len(rover.store.handover.others()) == 1


def test_whoever_forgets_somebody_leaves_nobodys_looks(robot, template, postgres, site):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()
    spot.store.handover.use(300.0, "angle")
    spot.store.handover.leave(Departure((Look(template(20).embedding, 1.0, 20, 1),), spot.find("Ada").person_id))
    spot.forget("Ada")
    spot.meet()
    assert postgres.sql("select count(*) from rt_gait.departure where site = %s", site) == [(0,)]


def test_robots_whose_clocks_are_an_hour_apart_lose_nobody(robot, template):
    early, late = robot("early"), robot("late", clock=lambda: time.time_ns() + 3600 * 10**9)
    for gallery, name, angle in ((early, "Ada", 20), (late, "Bob", 60)):
        gallery.add(name, [template(angle)], **SILHOUETTE)
    for gallery in (early, late, early):
        gallery.meet()
    late.rename("Ada", "Countess")
    late.meet()
    early.add("Ada", [template(21)], extend=True, **SILHOUETTE)  # it has not heard of it
    early.rename("Bob", "Bobby")
    assert early.meet() == ["Bobby", "Countess"]
    assert late.meet() == early.meet() == ["Bobby", "Countess"]
    assert len(early.find("Countess").templates) == len(late.find("Countess").templates) == 2
    early.forget("Bobby")
    early.meet()
    assert late.meet() == early.meet() == ["Countess"]


def test_consent_and_an_end_reach_every_copy_and_whose_time_is_over_goes_everywhere(robot, server, template):
    now = [time.time_ns()]
    spot, rover = (robot(name, clock=lambda: now[0]) for name in ("spot", "rover"))
    ada = spot.add("Ada", [template(20)], **SILHOUETTE, consent="asked", retention=10**15)
    spot.add("Bob", [template(60)], **SILHOUETTE)
    spot.meet()
    rover.meet()
    assert (rover.find("Ada").consent, rover.find("Ada").expires) == ("asked", ada.expires)
    rover.note("Ada", consent="signed", retention=10**14)
    rover.meet()
    spot.meet()
    assert (spot.find("Ada").consent, spot.find("Ada").expires) == ("signed", now[0] + 10**14)
    now[0] += 10**14
    rover.refresh()
    assert [person.name for person in rover.purge()] == ["Ada"]
    rover.meet()
    spot.meet()
    server.refresh()
    assert [[person.name for person in each._loaded.content.persons] for each in (spot, rover, server)] == [["Bob"]] * 3
    assert copy_state.forgotten(spot.path) == {ada.person_id}
    assert server.store.audit()[-1].what == "forget"
    assert [entry.what for entry in spot.store.audit()][-1] == "forget"


def test_a_site_that_is_too_large_for_a_copy_is_said_and_the_copy_stays(robot, server, template, monkeypatch):
    spot = robot("spot")
    server.add("Ada", [template(20)], **SILHOUETTE)
    assert spot.meet() == ["Ada"]
    server.add("Bob", [template(60)], **SILHOUETTE)
    monkeypatch.setattr(gallery_records, "MAX_EMBEDDINGS", server.find("Ada").templates[0].embedding.nbytes)
    with pytest.raises(GalleryError, match="2 persons, more than a copy can hold: give this robot a smaller site"):
        spot.meet()
    assert names(spot) == ["Ada"]


def test_the_people_of_a_copy_go_to_no_other_gallery(robot, template, postgres, site):
    """Before, an address that led to another database by its settings took the copy, and was given its people."""
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    assert spot.meet() == ["Ada"]
    postgres.sql("insert into rt_gait.gallery (site) values (%s)", f"{site}.other")
    spot = robot("spot", f"{postgres.owner}&site={site}.other")  # with the same copy
    spot.add("Bob", [template(60)], **SILHOUETTE)
    with pytest.raises(GalleryError, match=r"of another gallery .*write host, port and database .*delete \S+agreed$"):
        spot.meet()
    count = "select count(*) from rt_gait.person where site = %s"
    assert postgres.sql(count, f"{site}.other") == [(0,)]
    assert names(spot) == ["Ada", "Bob"]
    copy_state.agreed_path(spot.path).unlink()
    assert spot.meet() == ["Ada", "Bob"]
    assert postgres.sql(count, f"{site}.other") == [(2,)]


def test_a_clock_that_is_an_hour_off_is_said_once(robot, postgres, site, monkeypatch):
    spot = robot("spot")
    exchanged = spot.store._exchange
    with connected(exchanged.address) as connection:
        exchanged.compare_clocks(connection)
        assert spot.store.notices() == []
        monkeypatch.setattr(exchange, "_clock", lambda: time.time() - 3600)
        exchanged.compare_clocks(connection)
        exchanged.compare_clocks(connection)
    (line,) = spot.store.notices()
    assert "s behind that of gallery" in line
    assert "NTP" in line


def test_a_copy_with_another_key_keeps_what_was_agreed(robot, server, template):
    """Before, all was compared anew, and a walk that the server had deleted meanwhile came back."""
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.learn(spot.find("Ada").person_id, template(50), 2)
    spot.meet()
    server.unlearn("Ada")
    cipher = Cipher(bytes(range(32)))
    spot.encrypt(cipher)
    assert len(copy_state.read(spot.path, cipher).persons) == 1
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert len(spot.find("Ada").templates) == len(server.find("Ada").templates) == 1


@pytest.mark.parametrize("written", [False, True])
def test_a_copy_whose_encryption_is_killed_keeps_what_was_agreed(robot, server, template, monkeypatch, written):
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    cipher = Cipher(bytes(range(32)))
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.learn(spot.find("Ada").person_id, template(50), 2)
    spot.meet()
    server.unlearn("Ada")
    recrypt = gallery_file.recrypt

    def killed(*arguments):
        if written:
            recrypt(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gallery_file, "recrypt", killed)
        with pytest.raises(KeyboardInterrupt):
            spot.encrypt(cipher)
    spot = robot("spot", cipher=cipher if written else None)
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert len(spot.find("Ada").templates) == len(server.find("Ada").templates) == 1
    assert [file.name for file in spot.path.parent.glob("*.next")] == []


def test_a_restored_copy_that_gets_a_key_takes_nothing_from_the_server(robot, server, template):
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()
    old = spot.path.read_bytes()
    spot.add("Ada", [template(21)], extend=True, **SILHOUETTE)
    spot.meet()
    spot.path.write_bytes(old)
    spot = robot("spot")
    spot.encrypt(Cipher(bytes(range(32))))
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert len(spot.find("Ada").templates) == len(server.find("Ada").templates) == 2


def test_a_robot_that_may_only_read_takes_the_gallery_as_it_is_at_one_moment(
    robot, server, template, postgres, site, monkeypatch
):
    """Before, whoever left between two statements ended the contact, and the line said no more than a number."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    server.add("Ada", [template(20)], **SILHOUETTE)
    embeddings_of = rows.embeddings_of

    def then_forgotten(*arguments):
        monkeypatch.setattr(rows, "embeddings_of", embeddings_of)
        server.forget("Ada")
        return embeddings_of(*arguments)

    monkeypatch.setattr(rows, "embeddings_of", then_forgotten)
    spot = robot("spot", postgres.of("reader", site))
    assert spot.meet() == ["Ada"]
    assert spot.meet() == []


def test_a_robot_of_a_server_that_is_read_only_just_now_follows_and_tells_it_later_what_changed_here(
    robot, server, template, postgres, site
):
    """Before, nobody could be enrolled or forgotten there, though they can while the server is away."""
    server.add("Ada", [template(20)], **SILHOUETTE)
    read_only = f"{postgres.owner}&site={site}&options=-c%20default_transaction_read_only%3Don"
    spot = robot("spot", read_only)
    assert spot.meet() == ["Ada"]
    spot.store.handover.use(60.0, "m")
    spot.store.handover.leave(Departure((Look(np.zeros((2, 2), np.float32), 1.0, 20, 1),), ""))
    assert spot.meet() == ["Ada"]
    assert not spot.store.handover.waiting, "it would ask the server four times a second"
    spot.add("Bob", [template(60)], **SILHOUETTE)
    spot.forget("Ada")
    server.add("Cyd", [template(90)], **SILHOUETTE)
    for _ in range(2):
        assert robot("spot", read_only).meet() == ["Bob", "Cyd"]
    server.refresh()
    assert names(server) == ["Ada", "Cyd"]
    assert robot("spot").meet() == ["Bob", "Cyd"]
    server.refresh()
    assert names(server) == ["Bob", "Cyd"]


def test_a_server_of_a_newer_schema_or_with_a_full_disk_leaves_the_copy_as_it_is(robot, server, template, postgres):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    postgres.sql("insert into rt_gait.schema_version (version) values (99)")
    try:
        with pytest.raises(GalleryTooNew, match="update rt_gait_ros"):
            spot.meet()
    finally:
        postgres.sql("delete from rt_gait.schema_version where version = 99")
    postgres.sql(
        "create function full_disk() returns trigger language plpgsql as"
        " $$ begin raise exception 'no space' using errcode = '53100'; end $$"
    )
    postgres.sql("create trigger full_disk before insert on rt_gait.audit for each row execute function full_disk()")
    try:
        with pytest.raises(GalleryError, match="disk is full: make room"):
            spot.meet()
    finally:
        postgres.sql("drop function full_disk cascade")
    assert names(spot) == ["Ada"]
    assert spot.meet() == ["Ada"]
    server.refresh()
    assert names(server) == ["Ada"]


def test_a_certificate_that_does_not_fit_is_one_line(robot, template, tmp_path):
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    with tls_server(tmp_path) as port:
        place = f"postgresql://spot@localhost:{port}/people?sslmode=verify-full&sslrootcert=system"
        spot = robot("spot", place)
        spot.add("Ada", [template(20)], **SILHOUETTE)
        with pytest.raises(AccessDenied, match=r"TLS does not fit .*see sslmode and sslrootcert") as caught:
            spot.meet()
    assert "\n" not in str(caught.value)
    assert names(spot) == ["Ada"]


@contextlib.contextmanager
def tls_server(folder):
    """The port of a server that begins as PostgreSQL does, and shows a certificate that nobody trusts."""
    file = folder / "server.pem"
    file.write_bytes(b"".join(certificate.make("db.example")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                with near, contextlib.suppress(OSError):
                    near.settimeout(60)
                    near.recv(8)  # may we speak TLS?
                    near.sendall(b"S")
                    context.wrap_socket(near, server_side=True).close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
