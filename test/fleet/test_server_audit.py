"""What the server's audit says of that which robots did; each contact is made by the test."""

import numpy as np
from meeting import SILHOUETTE


def test_the_servers_audit_says_what_robots_did_as_if_it_were_done_there(robot, server, template, postgres, site):
    """Before, it said of everything but forgetting "exchange", and of forgetting not of whom."""
    spot, rover = (robot(name, f"{postgres.owner}&site={site}&robot={name}") for name in ("spot", "rover"))
    tags, seen = {}, 0

    def did(what):
        """What the audit has since, by kind."""
        nonlocal seen
        entries = server.store.audit()[seen:]
        seen += len(entries)
        assert {entry.role for entry in entries} <= {"owner on spot"}
        assert sorted(entry.what for entry in entries) == sorted(what)
        return {entry.what: sorted(entry.tags) for entry in entries}

    frames = np.ones((20, 64, 64), np.uint8)
    for name, angle in (("Ada", 20), ("Bob", 60), ("Cyd", 90)):
        tags[name] = spot.add(name, [template(angle, frames)], **SILHOUETTE).tag
    spot.meet()
    rover.meet()
    assert did(["enrol"]) == {"enrol": sorted(tags.values())}
    spot.rename("Ada", "Countess")
    spot.note("Bob", consent="asked")
    spot.learn(spot.find("Bob").person_id, template(61), 2)
    spot.add("Cyd", [template(91)], extend=True, **SILHOUETTE)
    spot.meet()
    rover.meet()
    assert did(["rename", "note", "learn", "extend"]) == {
        "rename": [tags["Ada"]], "note": [tags["Bob"]], "learn": [tags["Bob"]], "extend": [tags["Cyd"]]
    }  # fmt: skip
    spot.unlearn("Bob")
    spot.strip(spot.find("Countess").person_id)
    spot.meet()
    assert did(["unlearn", "strip"]) == {"unlearn": [tags["Bob"]], "strip": [tags["Ada"]]}
    spot.merge("Bob", "Cyd")
    spot.forget("Countess")
    assert spot.meet() == rover.meet() == ["Bob"]
    assert did(["merge", "forget"]) == {"merge": sorted([tags["Bob"], tags["Cyd"]]), "forget": [tags["Ada"]]}
    spot.meet()
    assert did([]) == {}


def test_who_is_merged_into_somebody_new_is_not_told_as_forgotten(robot, server, template):
    """Before, the audit said so, though her walks are on the server under the other name."""
    spot = robot("spot")
    ada = spot.add("Ada", [template(20)], **SILHOUETTE).tag
    spot.meet()
    before = len(server.store.audit())
    bob = spot.add("Bob", [template(60)], **SILHOUETTE).tag
    spot.merge("Bob", "Ada")
    assert spot.meet() == ["Bob"]
    entries = server.store.audit()[before:]
    assert [(entry.what, sorted(entry.tags)) for entry in entries] == [("enrol", [bob]), ("merge", sorted([ada, bob]))]


def test_who_came_and_went_between_two_contacts_is_in_no_line_of_the_audit(robot, server, template):
    """Before, it said that somebody was forgotten, and of nobody."""
    spot = robot("spot")
    spot.add("Ada", [template(20)], **SILHOUETTE)
    spot.meet()
    before = server.store.audit()
    spot.add("Bob", [template(60)], **SILHOUETTE)
    spot.forget("Bob")
    assert spot.meet() == ["Ada"]
    assert server.store.audit() == before
