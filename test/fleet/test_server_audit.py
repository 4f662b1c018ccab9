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
