"""What a robot told the server in one exchange, in the words that the audit has for changes made on the server."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rt_gait_ros.fleet.copy_state import Known, known
from rt_gait_ros.fleet.rows import Walked
from rt_gait_ros.gallery.person import LEARNT

Change = tuple[str, Sequence[str]]  # what, and the tags of whom


def changes(
    pushed: Sequence[Walked], before: Mapping[str, Known], walks_of_gone: Mapping[str, frozenset[str]],
    tags_of_gone: Mapping[str, str],
) -> list[Change]:  # fmt: skip
    """One change for each kind of what was done; none where somebody was enrolled and forgotten between two contacts.

    pushed: persons as they are on the server from now on. before: as it had them, by id. walks_of_gone: ids of the
    walks of those who were forgotten or merged on the robot, by id. tags_of_gone: of those of them whom the server had.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    forgotten = dict(tags_of_gone)
    for each in pushed:
        had = before.get(each.person.person_id)
        new = each.templates.keys() - (had.templates if had is not None else frozenset())
        heirs = [key for key, walks in walks_of_gone.items() if walks & new]
        for kind in _kinds(had, each, frozenset().union(*(walks_of_gone[key] for key in heirs))):
            found[kind].add(each.person.tag)
        if heirs:
            found["merge"] |= {each.person.tag, *(forgotten.pop(key, "") for key in heirs)}
    if forgotten:
        found["forget"] = set(forgotten.values())
    return [(kind, sorted(tags - {""})) for kind, tags in sorted(found.items())]


def _kinds(had: Known | None, each: Walked, of_others: frozenset[str]) -> Iterator[str]:
    """of_others: walks of whoever was merged into this person."""
    if had is None:
        yield "enrol"
        return
    now = known(each)
    new = now.templates - had.templates - of_others
    learnt = any(each.templates[key].origin == LEARNT for key in new)
    if learnt:
        yield "learn"
    if any(each.templates[key].origin != LEARNT for key in new):
        yield "extend"
    if now.fields[0] != had.fields[0]:
        yield "rename"
    if now.fields[1:] != had.fields[1:]:
        yield "note"
    if had.templates - now.templates and not learnt:  # whoever learns a view lets go of another
        yield "unlearn"
    if (had.framed - now.framed) & now.templates:
        yield "strip"
