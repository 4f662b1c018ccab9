"""Merging and forgetting while something happens in the middle of an exchange; see meeting.py."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from meeting import SILHOUETTE, names, no_space, with_ada_and_bob

from rt_gait_ros.fleet import copy_state, exchange
from rt_gait_ros.gallery import extent_file
from rt_gait_ros.gallery.person import GalleryError


def test_a_walk_of_whom_another_robot_merged_meanwhile_is_not_lost(robot, server, template):
    spot, rover = robot("spot"), robot("rover")
    for name, angle in (("Ada", 20), ("Bob", 60), ("Cyd", 90)):
        spot.add(name, [template(angle)], **SILHOUETTE)
    spot.meet()
    rover.meet()
    rover.merge("Bob", "Ada")
    spot.add("Ada", [template(21, np.ones((20, 64, 64), np.uint8))], extend=True, **SILHOUETTE)
    rover.add("Cyd", [template(91)], extend=True, **SILHOUETTE)
    spot.merge("Bob", "Cyd")
    rover.meet()
    for _ in range(2):
        spot.meet()
        rover.meet()
    server.refresh()
    for gallery in (spot, rover, server):
        (bob,) = gallery.persons
        assert (bob.name, len(bob.templates)) == ("Bob", 5)
        assert [np.asarray(t.frames).shape for t in bob.templates if t.frames is not None] == [(20, 64, 64)]


def test_whose_merge_fails_is_nowhere_forgotten(robot, server, template, monkeypatch):
    spot = with_ada_and_bob(robot, template)

    with monkeypatch.context() as patch:
        patch.setattr(extent_file, "write", no_space)
        with pytest.raises(GalleryError):
            spot.merge("Bob", "Ada")
    spot = robot("spot")
    assert spot.meet() == ["Ada", "Bob"]
    server.refresh()
    assert names(server) == ["Ada", "Bob"]
    spot.merge("Bob", "Ada")
    assert spot.meet() == ["Bob"]
    server.refresh()
    assert [len(person.templates) for person in server.persons] == [2]


def test_a_merge_that_is_cut_off_before_it_was_noted_loses_no_walk(robot, server, template, monkeypatch):
    spot = with_ada_and_bob(robot, template)

    def ended(*_):
        raise GalleryError("ended")

    with monkeypatch.context() as patch:
        patch.setattr(copy_state, "remember", ended)
        with pytest.raises(GalleryError, match="ended"):
            spot.merge("Bob", "Ada")
    for _ in range(2):
        spot.refresh()
        assert spot.meet() == ["Bob"]
        server.refresh()
        for gallery in (spot, server):
            assert [len(person.templates) for person in gallery.persons] == [2]


def test_a_merge_that_cannot_be_noted_says_that_it_stands(robot, server, template, monkeypatch):
    spot = with_ada_and_bob(robot, template)
    ada = spot.find("Ada").person_id

    with monkeypatch.context() as patch:
        patch.setattr(copy_state, "os", SimpleNamespace(**{**vars(os), "fdatasync": no_space}))
        with pytest.raises(GalleryError, match=r"No space left on device.*merged on this robot all the same"):
            spot.merge("Bob", "Ada")
        with pytest.raises(GalleryError, match=r"No space left on device.*nobody was forgotten"):
            spot.forget("Bob")
        spot.refresh()
        assert names(spot) == ["Bob"]
        with pytest.raises(GalleryError, match=r"No space left on device.*not yet merged elsewhere"):
            spot.meet()
    assert spot.meet() == ["Bob"]
    server.refresh()
    for gallery in (spot, server):
        assert [len(person.templates) for person in gallery.persons] == [2]
    assert ada in copy_state.forgotten(spot.path)


def test_who_is_forgotten_while_an_exchange_waits_stays_so(robot, server, template, monkeypatch):
    spot = with_ada_and_bob(robot, template)
    server.add("Cyd", [template(90)], **SILHOUETTE)
    real = exchange.head_of

    def then_forgotten(*arguments, **settings):
        if settings.get("lock"):
            monkeypatch.setattr(exchange, "head_of", real)
            spot.forget("Ada")
        return real(*arguments, **settings)

    monkeypatch.setattr(exchange, "head_of", then_forgotten)
    assert spot.meet() == ["Bob", "Cyd"]
    server.refresh()
    assert names(server) == ["Bob", "Cyd"]


def test_whose_forgetting_could_not_be_written_is_told_that_it_is_noted(robot, server, template, monkeypatch):
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()

    with monkeypatch.context() as patch:
        patch.setattr(extent_file, "write", no_space)
        with pytest.raises(GalleryError, match=r"is noted, and goes everywhere"):
            spot.forget("Ada")
    assert names(spot) == ["Ada"]
    server.add("Bob", [template(60)], **SILHOUETTE)
    assert spot.meet() == ["Bob"]
