"""What one robot changed reaches the server and all others, and theirs reaches it: a thread beside the copy."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError
from rt_gait_ros.fleet import copy_state, merging, rows, server_audit
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import READ_ONLY, Head, connected, head_of, speaking, transaction
from rt_gait_ros.fleet.copy_state import Agreed, Copy, Known, known
from rt_gait_ros.fleet.departures import CHANNEL, Departures
from rt_gait_ros.fleet.merging import Merged
from rt_gait_ros.fleet.rows import Walked
from rt_gait_ros.fleet.scene_back_up import SceneBackUp
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.scene_cleaning import forget_named, forget_near, left_by, relabel_files
from rt_gait_ros.gallery import gallery_file, gallery_records
from rt_gait_ros.gallery.gallery_edits import heirs_of
from rt_gait_ros.gallery.gallery_file import Loaded, Signature
from rt_gait_ros.gallery.gallery_records import Place
from rt_gait_ros.gallery.person import Content, GalleryError, Template

if TYPE_CHECKING:
    import psycopg

LOOK_EVERY = 1.0  # seconds between looks at the server where it says nothing, which also find out that it is gone
LISTEN = 0.25  # seconds between looks whether the copy was changed here
AGAIN_AFTER = 1.0  # seconds before a lost server is tried again, twice that each time
AGAIN_AT_MOST = 15.0
SLOW = 30.0  # seconds of one contact after which it is said to be slow, whatever the reason is
CLOCKS_APART = 60.0  # seconds between this robot's clock and the server's that somebody should hear of
_STOP_SECONDS = 5.0  # for a contact that is under way
_TRIES = 20
LOCK_SECONDS = 30.0  # for another process that exchanges for the same copy


_clock = time.time  # seconds since the epoch


class _ChangedMeanwhile(Exception):
    """The copy's file is not the one any more that was read."""


class Exchange:
    """Keeps a copy and its server alike, as long as there is a way between them.

    may_write: whether this role might change the gallery when the server was last asked. departures: what recognisers
    leave to those of other robots, and find from them.
    """

    def __init__(self, address: Address, copy: Copy) -> None:
        self.address, self._copy = address, copy
        self._problem = self._apart = ""  # apart: why copy and server stay of two networks
        self._asked: float | None = None  # when the contact under way began, by time.monotonic()
        self.departures = Departures(address)
        self.scenes = SceneBackUp(address, copy)
        self._said_scenes: list[str] = []
        self._cleared: frozenset[str] = frozenset()  # ids by which the scenes were cleaned
        self.may_write = copy_state.read(copy.path, copy.cipher).may_write
        self._notices: deque[str] = deque()
        self._said_clock = False
        self._settled: tuple[Signature, Head] | None = None
        self._ids: dict[Any, str] = {}  # of walks, by where they are in the file and when they were
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gallery exchange", daemon=True)

    def start(self) -> None:
        """Begin; what is done from now on is in the thread."""
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what was not exchanged yet is, the next time, and so is what a stuck server holds up now."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    @property
    def problem(self) -> str:
        """What keeps copy and server apart, in one line, or ""."""
        asked = self._asked
        if asked is not None and time.monotonic() - asked > SLOW:
            return (
                f"the exchange with gallery {self.address.name} is slow: it has taken more than {SLOW:g} s so far; "
                "look at the server, the way to it, and this machine's disk; this robot goes on with its copy"
            )
        return self._problem

    def notices(self) -> list[str]:
        """What happened that somebody should hear of, each line once."""
        said = []
        while self._notices:
            said.append(self._notices.popleft())
        return said

    def _run(self) -> None:
        pause = AGAIN_AFTER
        while not self._stopping.is_set():
            began = self._asked = time.monotonic()
            try:
                with connected(self.address) as connection:
                    self._settled, listens = None, False
                    self.departures.begin()
                    self.scenes.begin()
                    self.compare_clocks(connection)
                    while not self._stopping.is_set():
                        self._asked = time.monotonic()
                        head = self.contact(connection)
                        if not listens and not head.is_read_only:  # a standby lets nobody listen
                            connection.execute(f"listen rt_gait; listen {CHANNEL}")
                            listens = True
                            continue  # there may have been a change just before
                        self._asked = None
                        self._wait(connection)
            except GaitError as error:
                self._problem = f"{error}; this robot goes on with its copy"
            except Exception as error:  # the copy stays usable, whatever else there is
                what = f"{type(error).__name__}: {error!s:.200}"
                self._problem = (
                    f"gallery {self.address.name} cannot be exchanged ({what}): report it as a fault of this program; "
                    "this robot goes on with its copy"
                )
            self._asked = None
            pause = AGAIN_AFTER if time.monotonic() - began > AGAIN_AT_MOST else min(2 * pause, AGAIN_AT_MOST)
            self._stopping.wait(pause)

    def _waits(self, head: Head) -> str:
        """Why what this robot changes stays in its copy, in one line, or ""."""
        if self._apart:
            return f"{self._apart}; until then only who is forgotten is exchanged, and this robot goes on with its copy"
        if head.takes_changes or not head.may_write:
            return ""
        return (
            f"gallery {self.address.name} {READ_ONLY}; what this robot changes waits for that, and it goes on with its "
            "copy"
        )

    def contact(self, connection: "psycopg.Connection[Any]") -> Head:
        """Exchange all that there is, and say what the gallery's state is then. Raises GaitError as `once`."""
        head = self.once(connection)
        if head.is_read_only:  # a standby has no looks at walkers, and they are too old once it takes them
            self.departures.clear()
        else:
            self.departures.exchange(connection, may_write=head.may_write)
        self._keep_scenes(connection, head)
        self._problem = self._waits(head)
        return head

    def compare_clocks(self, connection: "psycopg.Connection[Any]") -> None:
        """Say once that this robot's clock is wrong, or the server's: ends of retention are times of the clock."""
        row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
        ahead = _clock() - row[0] if row else 0.0
        if abs(ahead) > CLOCKS_APART and not self._said_clock:
            where = "ahead of" if ahead > 0 else "behind"
            self._notices.append(
                f"the clock of this robot is {abs(ahead):.0f} s {where} that of gallery {self.address.name}: set both "
                "by NTP; until then people whose time is limited are deleted by the clock that is ahead"
            )
        self._said_clock = abs(ahead) > CLOCKS_APART

    def _wait(self, connection: "psycopg.Connection[Any]") -> None:
        """Until there may be something to do."""
        until = time.monotonic() + LOOK_EVERY
        while time.monotonic() < until and not self._stopping.is_set():
            for notice in connection.notifies(timeout=LISTEN, stop_after=1):
                if notice.payload == self.address.site:
                    return
            if self.departures.waiting:
                return
            if self._settled is None or gallery_file.signature(self._copy.path) != self._settled[0]:
                return

    def once(self, connection: "psycopg.Connection[Any]") -> Head:
        """Make both alike, as far as the server takes changes. Returns what it has then.

        Raises GaitError: what was done by then is whole, and the rest is done the next time.
        """
        path = self._copy.path
        signature, head = gallery_file.signature(path), head_of(connection, self.address)
        if self._settled == (signature, head):
            return head
        what = f"what copy {path} agreed on"
        with private_file.locked(copy_state.agreed_path(path), LOCK_SECONDS, what, GalleryError):
            for _ in range(_TRIES):
                try:
                    return self._exchange(connection, takes_changes=head.takes_changes)
                except _ChangedMeanwhile:  # by this robot's own node: nothing was done yet
                    continue
        raise GalleryError(f"copy {path} is changed all the time: trying again")

    def _keep_scenes(self, connection: "psycopg.Connection[Any]", head: Head) -> None:
        """Keep the back-up of scenes, after `once`; what is wrong with it is said once, and people go on."""
        try:
            with speaking(self.address):
                said = self.scenes.exchange(connection, head)
        except GaitError as error:
            if connection.closed:
                raise
            said = [str(error)]
        self._notices.extend(line for line in said if line not in self._said_scenes)
        self._said_scenes = said

    def _exchange(self, connection: "psycopg.Connection[Any]", *, takes_changes: bool) -> Head:
        path, cipher = self._copy.path, self._copy.cipher
        with transaction(connection, self.address, "the next contact finds that out"):
            if not takes_changes:  # all of one moment: others change people between these statements
                connection.execute("set transaction isolation level repeatable read")
            head = head_of(connection, self.address, lock=takes_changes)
            self.may_write = head.may_write
            held = gallery_file.read(path, cipher, gallery_file.rows(self._copy.seen))
            # Read after the copy: whoever is forgotten is noted first, so nobody is gone from it who is not in this.
            mine = copy_state.forgotten(path)
            copy_state.settle(path, cipher, held.state.file_id if held.state is not None else "")
            before = copy_state.read(path, cipher)
            if before.epoch and before.epoch != head.epoch:
                raise GalleryError(
                    f"copy {path} is of another gallery than the one that {self.address.name} leads to now: write "
                    "host, port and database into the address before its ?, so that each has a copy of its own; if the "
                    f"people of the copy are to go there, delete {copy_state.agreed_path(path)}"
                )
            before = _of_this_file(before, held)
            walkers = self._walked(held.content)
            anew = bool(held.content.model and head.model and held.content.model != head.model)
            self._apart = self._why_apart(held.content, head, walkers, before) if anew else ""
            if self._apart:
                return self._forget_only(connection, head, held, walkers, before, mine)
            if anew:
                before, walkers = Agreed(), []
            there = {each.person.person_id for each in walkers}
            having = {key: each for walker in walkers for key, each in walker.templates.items()}
            # Whose walks somebody else has by now was merged here, and the robot was cut off before that was noted.
            merged_away = {
                key for key in before.persons.keys() - there - mine if before.persons[key].templates & having.keys()
            }
            copy_state.remember(path, merged_away, "who was merged on this robot is not yet merged elsewhere")
            mine |= merged_away
            complete = (
                not before.persons
                or bool(before.persons.keys() - there - mine)
                or not rows.remembers(connection, self.address, before.version, before.mark)
            )
            since = -1 if complete else before.version
            found = rows.pull(connection, self.address, since, having)
            remote = {each.person.person_id: each for each in found}
            gone = frozenset(rows.forgotten(connection, self.address, since, there - before.persons.keys()))
            untold = mine - gone - (frozenset() if complete else before.told)
            copy_state.remember(path, gone, "who was forgotten elsewhere is still on this robot")  # before it deletes
            merged, after, content = self._store(head, walkers, before, remote, mine | gone, complete, held, anew)
            # The copy is changed, and its people are told so now: the server may die before it has heard of it.
            self._notices.extend(merged.said)
            if merged.gone or untold:
                self.departures.clear()
            now = head
            if head.takes_changes and (merged.pushed or untold):
                changed = {key: known(each) for key, each in remote.items()}
                either = {**before.persons, **changed}
                walks = {key: each.templates for key, each in either.items() if key in untold}
                now = self._tell(connection, content, merged, untold, changed if complete else either, walks)
        self._agree(before, after, merged, now, mine | gone if head.takes_changes else before.told | gone)
        self._settled = (after.signature, now)
        return now

    def _store(
        self,
        head: Head,
        walkers: Sequence[Walked],
        before: Agreed,
        remote: dict[str, Walked],
        forgotten: frozenset[str],
        complete: bool,
        held: Loaded,
        anew: bool,
    ) -> tuple[Merged, Loaded, Content]:
        """Merge into the copy's file. anew: nothing of what is in it stays."""
        with gallery_file.changing(self._copy.path, self._copy.cipher, held) as change:
            present = change.content
            if present is not held.content:
                raise _ChangedMeanwhile
            merged = merging.merge(walkers, before.persons, remote, forgotten, complete=complete)
            if merging.total(merged.persons) > gallery_records.MAX_EMBEDDINGS:
                raise GalleryError(
                    f"gallery {self.address.name} has {len(merged.persons)} persons, more than a copy can hold: "
                    "give this robot a smaller site"
                )
            persons = tuple(each.person for each in merged.persons)
            made_by = head.model or present.model, head.gait_frame_kind or present.gait_frame_kind
            content = Content(*made_by, persons) if persons else Content()
            self._clear_scenes(merged, present.model, forgotten)
            if content.model == present.model and list(map(id, persons)) == list(map(id, present.persons)):
                return merged, held, content
            goes = bool(merged.gone) or anew or any(each.person.person_id in remote for each in walkers)
            return merged, change.commit(content, "forget" if merged.gone else "exchange", thorough=goes), content

    def _clear_scenes(self, merged: Merged, model: str, forgotten: frozenset[str]) -> None:
        """What scenes hold of whoever leaves the copy goes first: later nobody could tell which walks were theirs.

        The rule is that of KnownPeople, which does the same with what is in memory. forgotten: ids of those who were,
        whether or not the copy has them: it may be younger than the scenes.
        """
        folder = scene_file.folder_of(self._copy.path)
        now = [each.person for each in merged.persons]
        heirs = heirs_of(now, merged.gone)
        for person_id, heir in heirs.items():
            if heir is not None:
                relabel_files(folder, person_id, heir.person_id, self._copy.cipher)
        lost = [person for person in merged.gone if heirs[person.person_id] is None]
        if lost:
            known = calibration.find_usable(self._copy.networks, model)
            forget_near(folder, known, *left_by(lost), self._copy.cipher)
        if not forgotten <= self._cleared:
            forget_named(folder, forgotten, self._copy.cipher)
            self._cleared |= forgotten

    def _tell(
        self,
        connection: "psycopg.Connection[Any]",
        content: Content,
        merged: Merged,
        untold: frozenset[str],
        had: Mapping[str, Known],
        walks: Mapping[str, frozenset[str]],
    ) -> Head:
        """had: persons as the server had them. walks: of those who are `untold`, those that are known."""
        version = rows.next_version(connection, self.address)
        rows.push(connection, self.address, merged.pushed, version)
        tags = rows.forget(connection, self.address, untold, version)
        changes = server_audit.changes(merged.pushed, had, walks, tags)
        rows.close_version(connection, self.address, content.model, content.gait_frame_kind, changes)
        return head_of(connection, self.address)

    def _agree(self, before: Agreed, after: Loaded, merged: Merged, head: Head, told: frozenset[str]) -> None:
        persons = {each.person.person_id: known(each) for each in merged.persons}
        if not head.takes_changes:  # what the server did not take is still to be told
            for each in merged.pushed:
                persons.pop(each.person.person_id)
                if each.person.person_id in before.persons:
                    persons[each.person.person_id] = before.persons[each.person.person_id]
        state = after.state
        file_id, commit = (state.file_id, state.commit) if state is not None else ("", 0)
        agreed = Agreed(head.epoch, head.version, head.mark, file_id, commit, head.may_write, persons, told)
        copy_state.write(self._copy.path, self._copy.cipher, agreed)

    def _why_apart(self, content: Content, head: Head, walkers: Sequence[Walked], before: Agreed) -> str:
        """Why the copy stays of another network than the server's gallery, in one line; "" where it is made anew."""
        gallery = f"gallery {self.address.name} is of gait network {head.model}"
        if self._copy.model not in ("", head.model):
            return f"{gallery}, and this robot uses {self._copy.model}: set its parameter model to {head.model}"
        if all(before.persons.get(each.person.person_id) == known(each) for each in walkers):
            return ""
        return (
            f"{gallery}, and its copy {self._copy.path} has changes made with {content.model}: move the copy away, and "
            "enrol again whom it alone has"
        )

    def _forget_only(
        self,
        connection: "psycopg.Connection[Any]",
        head: Head,
        held: Loaded,
        walkers: Sequence[Walked],
        before: Agreed,
        mine: frozenset[str],
    ) -> Head:
        """Exchange who was forgotten while copy and server are of two networks. mine: who was on this robot."""
        gone = frozenset(rows.forgotten(connection, self.address, -1, ()))
        copy_state.remember(self._copy.path, gone, "who was forgotten elsewhere is still on this robot")
        walks = {key for walker in walkers if walker.person.person_id not in mine for key in walker.templates}
        # Whose walks somebody else has by now was merged, and her walks are on the server under her id alone.
        merged_away = {key for key in mine & before.persons.keys() if before.persons[key].templates & walks}
        untold = mine - gone - merged_away
        of_copy = head._replace(model=held.content.model, gait_frame_kind=held.content.gait_frame_kind)
        merged, after, _ = self._store(of_copy, walkers, Agreed(), {}, mine | gone, False, held, False)
        if merged.gone or untold:
            self.departures.clear()
        now = head
        if head.takes_changes and untold:
            now = self._tell(connection, Content(head.model, head.gait_frame_kind), Merged(), untold, {}, {})
        self._settled = (after.signature, now)
        return now

    def _walked(self, content: Content) -> list[Walked]:
        """The persons with the ids of their walks, which are made once for each."""
        ids: dict[Any, str] = {}
        named: dict[int, str] = {}
        for person in content.persons:
            for template in person.templates:
                key = _spot(template)
                ids[key] = named[id(template)] = self._ids.get(key) or rows.template_id(template)
        self._ids = ids
        return [rows.walked(person, named) for person in content.persons]


def _spot(template: Template) -> Any:
    place = template.place
    return (place.embedding if isinstance(place, Place) else id(template), template.stamp, template.added)


def _of_this_file(agreed: Agreed, held: Loaded) -> Agreed:
    """What was agreed, if it was of this file; else nothing was, and all is compared.

    A file that is older than what was agreed is one that somebody restored.
    """
    state = held.state
    fits = state is not None and agreed.file_id == state.file_id and agreed.commit <= state.commit
    return agreed if fits else Agreed()
