"""Two states of one gallery become one: what a robot changed while it was cut off, and what others did meanwhile.

Each side is compared with what both last agreed on, so that no clock is asked. Who was forgotten anywhere stays
forgotten; what is new of somebody whom one side merged into another is that person's. Walks are those of both sides
without those that either side deleted; gait frames are kept where neither side deleted them. Of a name, a consent or an
end that both sides changed, the server's stands. Two people of one name stay two people: the one whom the server did
not know yet gets a number behind the name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rt_gait_ros.fleet.copy_state import Known, known
from rt_gait_ros.fleet.rows import Walked
from rt_gait_ros.gallery import gallery_edits
from rt_gait_ros.gallery.names import MAX_NAME, comparable
from rt_gait_ros.gallery.person import Person

_FIELDS = ("name", "consent", "expires")  # as copy_state.known has them


@dataclass(slots=True)
class Merged:
    """persons: of the copy from now on. pushed: for the server. gone: who leaves the copy. said: lines for people."""

    persons: list[Walked] = field(default_factory=list)
    pushed: list[Walked] = field(default_factory=list)
    gone: list[Person] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def merge(
    local: Collection[Walked],
    base: Mapping[str, Known],
    remote: Mapping[str, Walked],
    forgotten: Collection[str],
    *,
    complete: bool,
) -> Merged:
    """local: of the copy. base: what both had. remote: what changed on the server, or all of it if `complete`."""
    merged = Merged()
    seen: set[str] = set()
    for mine in local:
        key = mine.person.person_id
        seen.add(key)
        theirs = remote.get(key)
        if key in forgotten:
            merged.gone.append(mine.person)
            continue
        before = None if theirs is None and complete else base.get(key)
        both = mine if theirs is None else _joined(before, mine, theirs)
        merged.persons.append(both)
        if known(both) != (before if theirs is None else known(theirs)):
            merged.pushed.append(both)
    merged.persons += [each for key, each in remote.items() if key not in seen and key not in forgotten]
    lost = [each for each in (*local, *remote.values()) if each.person.person_id in forgotten]
    holders = {key: number for number, each in enumerate(merged.persons) for key in each.templates}
    while any(_leave_to_heir(merged, each, base, holders) for each in lost):
        pass  # a walk that one left may show who the heir of another is
    _keep_names_apart(merged, remote)
    return merged


def _leave_to_heir(merged: Merged, lost: Walked, base: Mapping[str, Known], holders: dict[str, int]) -> bool:
    """Give new walks of somebody who is gone to whom they were merged into, if that is why; whether there were any.

    holders: by walk, who of merged.persons has it.
    """
    agreed = base.get(lost.person.person_id)
    found = next((holders[key] for key in lost.templates if key in holders), None)
    if found is None or agreed is None:
        return False
    new = {key: walk for key, walk in lost.templates.items() if key not in agreed.templates and key not in holders}
    if not new:
        return False
    holders.update(dict.fromkeys(new, found))
    each = merged.persons[found]
    templates = {**each.templates, **new}
    person = replace(each.person, templates=tuple(templates.values()))
    merged.persons[found] = Walked(person, templates, each.framed | (lost.framed & new.keys()))
    merged.pushed = [other for other in merged.pushed if other is not each] + [merged.persons[found]]
    return True


def _joined(before: Known | None, mine: Walked, theirs: Walked) -> Walked:
    agreed = before or Known(("",) * len(_FIELDS), frozenset(), frozenset())
    there = known(theirs)
    if there == known(mine):
        return mine
    chosen = {
        name: getattr(mine.person if before and there.fields[n] == agreed.fields[n] else theirs.person, name)
        for n, name in enumerate(_FIELDS)
    }
    templates = {}
    for key in [*theirs.templates, *(key for key in mine.templates if key not in theirs.templates)]:
        in_both = key in theirs.templates and key in mine.templates
        if in_both or key not in agreed.templates:
            templates[key] = mine.templates.get(key) or theirs.templates[key]
    templates = templates or dict(theirs.templates)  # nobody is left without a walk
    framed = frozenset(
        key for key in templates if all(key in side.framed for side in (mine, theirs) if key in side.templates)
    )
    templates = {key: each if key in framed else gallery_edits.bare(each) for key, each in templates.items()}
    person = replace(
        theirs.person,
        **chosen,
        updated=max(mine.person.updated, theirs.person.updated),
        templates=tuple(templates.values()),
    )
    return Walked(person, templates, framed)


def _keep_names_apart(merged: Merged, remote: Mapping[str, Walked]) -> None:
    """Rename whose name the server, or an earlier one of those whom it does not know yet, has for somebody else."""
    new = {each.person.person_id for each in merged.pushed}
    settled = [
        each
        for each in merged.persons
        if each.person.person_id not in new or _has_name_there(each, remote.get(each.person.person_id))
    ]
    taken = {comparable(each.person.name) for each in settled}
    fixed = {each.person.person_id for each in settled}
    for number, each in enumerate(merged.persons):
        person = each.person
        if person.person_id in fixed:
            continue
        name = _free(person.name, taken)
        taken.add(comparable(name))
        if name != person.name:
            merged.said.append(
                f"two people are called {person.name}: the one whom this robot enrolled is called {name} from now on; "
                "rename or merge them"
            )
            renamed = replace(each, person=replace(person, name=name))
            merged.persons[number] = renamed
            merged.pushed = [renamed if other is each else other for other in merged.pushed]


def _has_name_there(each: Walked, theirs: Walked | None) -> bool:
    return theirs is not None and theirs.person.name == each.person.name


def _free(name: str, taken: Collection[str]) -> str:
    number, found = 1, name
    while comparable(found) in taken:
        number += 1
        behind = f" ({number})"
        found = f"{name[: MAX_NAME - len(behind)].rstrip()}{behind}"
    return found


def total(sides: Sequence[Walked]) -> int:
    """Bytes of all embeddings."""
    return sum(template.embedding.nbytes for each in sides for template in each.templates.values())
