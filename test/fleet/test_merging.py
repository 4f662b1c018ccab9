from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.fleet import merging
from rt_gait_ros.fleet.copy_state import known
from rt_gait_ros.fleet.rows import template_id, walked
from rt_gait_ros.gallery.person import LEARNT, Person


@pytest.fixture
def person(template):
    """person("p1", "Ada", 20, 30): somebody with a walk of each angle."""

    def make(key, name, *angles, frames=None):
        walks = tuple(replace(template(angle, frames), added=7) for angle in angles or (20,))
        return walked(Person(key, name, 1, 1, walks, tag="aa"))

    return make


def merge(local, base, remote, forgotten=(), complete=False):
    return merging.merge(
        local,
        {each.person.person_id: known(each) for each in base},
        {each.person.person_id: each for each in remote},
        forgotten,
        complete=complete,
    )


def names(sides):
    return [each.person.name for each in sides]


def test_a_walk_is_called_the_same_on_every_machine(template):
    one = replace(template(20), added=5)
    assert template_id(one) == template_id(replace(one, embedding=one.embedding.astype(np.float16)))
    assert template_id(one) != template_id(replace(one, origin=LEARNT))
    assert template_id(one) != template_id(replace(template(21), added=5))


def test_where_nothing_changed_nothing_is_done(person):
    ada = person("p1", "Ada")
    merged = merge([ada], [ada], [])
    assert (merged.persons, merged.pushed, merged.gone) == ([ada], [], [])
    assert merged.persons[0].person is ada.person


def test_what_one_side_did_reaches_the_other(person):
    ada, bob = person("p1", "Ada"), person("p2", "Bob")
    assert names(merge([ada], [], []).pushed) == ["Ada"]
    merged = merge([ada], [ada], [bob])
    assert (names(merged.persons), merged.pushed) == (["Ada", "Bob"], [])


def test_both_sides_walks_are_kept_and_both_sides_deletions(person):
    before = person("p1", "Ada", 10, 20, 30)
    merged = merge([person("p1", "Ada", 20, 30, 40)], [before], [person("p1", "Ada", 10, 20, 50)])
    (ada,) = merged.persons
    assert set(ada.templates) == set(person("p1", "Ada", 20, 40, 50).templates)
    assert merged.pushed == [ada]


@pytest.mark.parametrize(("here", "there", "name"), [("X", "Ada", "X"), ("Ada", "Y", "Y"), ("X", "Y", "Y")])
def test_of_a_name_that_both_changed_the_servers_stands(person, here, there, name):
    merged = merge([person("p1", here, 1)], [person("p1", "Ada", 1)], [person("p1", there, 1, 2)])
    assert names(merged.persons) == [name]


def test_frames_that_either_side_deleted_are_gone(person):
    frames = np.ones((20, 64, 64), np.uint8)
    framed, bare = person("p1", "Ada", 10, frames=frames), person("p1", "Ada", 10)
    for here, there in ((framed, bare), (bare, framed)):
        (ada,) = merge([here], [framed], [there]).persons
        assert ada.person.templates[0].frames is None


def test_who_was_forgotten_anywhere_does_not_come_back(person):
    ada = person("p1", "Ada")
    changed = person("p1", "Ada", 20, 30)
    for local, base, remote in (([ada], [ada], []), ([changed], [ada], []), ([ada], [], []), ([], [ada], [changed])):
        merged = merge(local, base, remote, forgotten={"p1"})
        assert (merged.persons, merged.pushed) == ([], [])
        assert [person.person_id for person in merged.gone] == [each.person.person_id for each in local]


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_walk_of_whom_the_other_side_merged_goes_to_that_person(person, where):
    ada, bob = person("p1", "Ada", 10), person("p2", "Bob", 60)
    walked_again, both = person("p1", "Ada", 10, 20), person("p2", "Bob", 60, 10)
    if where == "there":
        merged = merge([walked_again, bob], [ada, bob], [both], forgotten={"p1"})
    else:
        merged = merge([both], [ada, bob], [walked_again], forgotten={"p1"})
    (found,) = merged.persons
    assert merged.pushed == [found]
    assert found.person.person_id == "p2"
    assert set(found.templates) == set(person("p2", "Bob", 60, 10, 20).templates)
    gone = merge([walked_again, bob], [ada, bob], [], forgotten={"p1"})  # forgotten, and not merged
    assert (gone.persons, gone.pushed) == ([bob], [])


@pytest.mark.parametrize("where", ["here", "there"])
def test_whom_both_sides_merged_in_a_chain_leave_all_walks_to_the_last(person, where):
    ada, bob, cyd = person("p1", "Ada", 10), person("p2", "Bob", 60), person("p3", "Cyd", 90)
    into_bob = person("p2", "Bob", 60, 10)  # Ada was merged into Bob on one side
    walked_again, into_cyd = person("p1", "Ada", 10, 20), person("p3", "Cyd", 90, 60)  # and Bob into Cyd on the other
    if where == "here":
        local, remote = [walked_again, into_cyd], [into_bob]
    else:
        local, remote = [into_bob, cyd], [walked_again, into_cyd]
    merged = merge(local, [ada, bob, cyd], remote, forgotten={"p1", "p2"})
    (found,) = merged.persons
    assert merged.pushed == [found]
    assert found.person.person_id == "p3"
    assert set(found.templates) == set(person("p3", "Cyd", 90, 60, 10, 20).templates)


def test_two_people_of_one_name_are_kept_apart_and_it_is_said(person):
    mine, theirs = person("p1", "Ada", 20), person("p2", "ada", 90)
    merged = merge([mine], [], [theirs])
    assert sorted(names(merged.persons)) == ["Ada (2)", "ada"]
    assert names(merged.pushed) == ["Ada (2)"]
    assert "Ada (2)" in merged.said[0]
    third = merge([person("p3", "Ada", 1), *merged.persons], merged.persons, [])
    assert names(third.pushed) == ["Ada (3)"]


def test_a_long_name_stays_one(person):
    long = "x" * 64
    merged = merge([person("p1", long)], [], [person("p2", long, 90)])
    assert names(merged.pushed) == [f"{'x' * 60} (2)"]


def test_a_server_that_lost_somebody_gets_them_again(person):
    ada = person("p1", "Ada")
    assert names(merge([ada], [ada], [], complete=True).pushed) == ["Ada"]
