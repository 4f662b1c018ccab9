"""Many people whose time is over at once: what one leaves, hundreds leave, and in a few statements."""

import psycopg
import pytest
from backed_up import MODEL, counts, has, walk
from meeting import NOW, names, sees
from postgres_server import PASSWORD

from rt_gait_ros.fleet import copy_state, rows
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.gallery.person import Content, Person, Template

COUNT = rows._FORGOTTEN_AT_ONCE + 10  # the first of them stays
END = NOW + 10**15


def person(number):
    walks = (Template(walk(number), NOW + number, added=NOW + number, robot="spot"),)
    return Person(f"p{number:09x}", f"Walker {number}", NOW, NOW, walks, "", END if number > 1 else 0, f"{number:08x}")


@pytest.mark.parametrize("how", ["on a robot", "on the server", "by hand"])
def test_hundreds_leave_the_server_every_copy_and_all_scenes_and_do_not_come_back(
    robot, networks, server, kept, postgres, site, monkeypatch, how
):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    now = [NOW]
    spot, rover, late = (
        robot(name, postgres.of("enroller", site, robot=name), networks=networks, clock=lambda: now[0])
        for name in ("spot", "rover", "late")
    )
    crowd = [person(number) for number in range(1, COUNT + 1)]
    gone = {each.person_id: each.tag for each in crowd[1:]}
    spot._change("enrol", lambda content: Content("m", "silhouette", tuple(crowd)))
    spot.meet()
    staying, stranger = walk(1, near=1), walk(10_000)
    theirs = (walk(2, near=1), walk(COUNT, near=1), walk(10_001))
    sees(rover, staying, stranger, *theirs, owners=("", "", "", "", crowd[5].person_id))
    for each in (rover, late):
        assert len(each.meet()) == COUNT
    assert counts(kept) == {("rover", "hall"): 5}
    late.add("Walker 3", [Template(walk(10_002), NOW)], extend=True, **MODEL)  # while it is cut off
    before = version(postgres, site)
    server._clock = lambda: END
    with psycopg.connect(parse(postgres.owner).conninfo, autocommit=True) as listening:
        listening.execute("listen rt_gait")
        if how == "on a robot":
            now[0] = END
            spot.refresh()
            assert len(spot.purge()) == COUNT - 1
            spot.meet()
        elif how == "on the server":
            server.refresh()
            assert len(server.purge()) == COUNT - 1
        else:
            postgres.sql("delete from rt_gait.person where site = %s and expires > 0", site)
        assert [each.payload for each in listening.notifies(timeout=1)] == [site]
    assert version(postgres, site) - before <= 4
    assert counts(kept) == {("rover", "hall"): 2}
    now[0] = NOW  # nobody leaves a copy by the clock
    for each in (rover, late, spot):
        assert each.meet() == ["Walker 1"]
        assert copy_state.forgotten(each.path) == gone.keys()
    assert has(rover, staying, stranger)
    server.refresh()
    assert names(server) == ["Walker 1"]
    found = {row[0] for row in postgres.sql("select person_id from rt_gait.forgotten where site = %s", site)}
    assert found == gone.keys()
    if how != "by hand":
        (tags,) = (entry.tags for entry in server.store.audit() if entry.what in ("forget", "expire"))
        assert sorted(tags) == sorted(gone.values())
    with pytest.raises(psycopg.errors.Error, match="was forgotten and cannot come back"):
        postgres.sql(
            "insert into rt_gait.person select site, %s, 1, 'Ada', 1, 1, '', 0, '0', 1 from rt_gait.gallery"
            " where site = %s", crowd[3].person_id, site,
        )  # fmt: skip


def version(postgres, site):
    return postgres.sql("select version from rt_gait.gallery where site = %s", site)[0][0]


def test_a_walk_that_is_deleted_of_somebody_who_stays_takes_nothing_along(spot, kept, postgres, site):
    spot.add("Ada", [Template(walk(1), 1), Template(walk(2), 2)], **MODEL)
    sees(spot, walk(1, near=1), walk(2, near=1))
    spot.meet()
    postgres.sql("delete from rt_gait.template where site = %s and stamp = 1", site)
    assert counts(kept) == {("spot", "hall"): 2}
    postgres.sql("delete from rt_gait.person where site = %s", site)
    assert counts(kept) == {("spot", "hall"): 1}  # what nobody has a walk of any more cannot be found


def test_who_is_deleted_is_forgotten_whatever_operators_a_role_has_of_its_own(spot, kept, postgres, site):
    ada = spot.add("Ada", [Template(walk(1), 1)], **MODEL)
    sees(spot, walk(1, near=1), walk(7))
    spot.meet()
    postgres.sql(
        "create schema own; create function own.never(text, text) returns bool language sql return false;"
        " create operator own.= (leftarg = text, rightarg = text, function = own.never)"
    )
    try:
        postgres.sql(
            f"set search_path = own, pg_catalog; delete from rt_gait.person where person_id like '{ada.person_id}'"
        )
    finally:
        postgres.sql("drop schema own cascade")
    assert postgres.sql("select person_id from rt_gait.forgotten where site = %s", site) == [(ada.person_id,)]
    assert counts(kept) == {("spot", "hall"): 1}


def test_no_function_of_the_schema_takes_names_from_whoever_calls_it(postgres):
    every = postgres.sql("select proname, proconfig from pg_proc where pronamespace = 'rt_gait'::regnamespace")
    assert dict(every)
    assert {name for name, settings in every if settings != ["search_path=pg_catalog, pg_temp"]} == set()
