"""What the page shows, between the node that hears it and the browsers that ask for it."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from rt_gait_ros.errors import LONGEST, UsageError
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.lines import one_line
from rt_gait_ros.tracking.track import TrackFrame
from rt_gait_ros.web.activity import KEPT, MOST, Activity
from rt_gait_ros.web.words import FRESH, NodeReport, nodes_of, people_of, remembered, situation

LOOKS = 15.0  # seconds for which a page that asked counts as open; each asks every few seconds
MOST_PAGES = 100


class Board:
    """The newest of everything. Callable from any thread.

    Browsers wait for what is newer than what they have (`state`, `picture`), so that each goes at its own pace, however
    many look. What they ask for is put on a list that the node works off.
    """

    def __init__(self, where: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """where: namespace and domain that are listened to, in words. clock: seconds."""
        self._where, self._clock = where, clock
        self._changed = threading.Condition()
        self._closed = False
        self._picture: tuple[int, bytes, float] = (0, b"", -1e9)  # number, JPEG, when
        self._state: tuple[int, bytes] = (0, b"")
        self._tracks: tuple[TrackFrame, float] | None = None
        self._identities: tuple[IdentityFrame, float] | None = None
        self._nodes: dict[str, NodeReport] = {}
        self._gallery: dict[str, Any] = {"known": False, "persons": [], "note": "", "path": ""}
        self._pages: dict[str, float] = {}
        self._asked: deque[Activity] = deque()
        self._activities: list[Activity] = []
        self._count = 0

    # From the node.

    def show_picture(self, jpeg: bytes) -> None:
        """Take the newest picture."""
        with self._changed:
            self._picture = (self._picture[0] + 1, jpeg, self._clock())
            self._changed.notify_all()

    def show_tracks(self, tracks: TrackFrame) -> None:
        """Take the newest tracks."""
        self._tracks = tracks, self._clock()

    def show_identities(self, identities: IdentityFrame) -> None:
        """Take the newest identities."""
        self._identities = identities, self._clock()

    def show_node(self, name: str, level: int, message: str) -> None:
        """Take what a node says of itself."""
        self._nodes[one_line(name)] = NodeReport(level, one_line(message, LONGEST), self._clock())

    def show_gallery(self, path: str, persons: Sequence[dict[str, Any]], note: str) -> None:
        """Take who is enrolled. persons: as the page shows them. note: why there are no silhouettes, or ""."""
        self._gallery = {"known": True, "path": one_line(path), "persons": list(persons), "note": one_line(note, 600)}

    def refresh(self) -> None:
        """Put the state together; browsers hear of it if it is another one. To be called some times a second."""
        now = self._clock()
        tracks = self._tracks
        age = None if tracks is None else now - tracks[1]
        self._nodes = remembered(self._nodes, now)
        nodes = nodes_of(self._nodes, now)
        level, sentence = situation(nodes, age, self._where)
        heard = self._identities
        identities = heard[0] if heard is not None and now - heard[1] <= FRESH else None
        people = people_of(tracks[0], identities) if tracks is not None and age is not None and age <= FRESH else []
        with self._changed:
            self._activities = [a for a in self._activities if a.done is None or now - a.done < KEPT]
            self._pages = {page: seen for page, seen in self._pages.items() if now - seen < LOOKS}
            picture_age = now - self._picture[2]
            state = {
                "level": level,
                "sentence": sentence,
                "people": people,
                "nodes": nodes,
                "gallery": self._gallery,
                "activities": [activity.record() for activity in reversed(self._activities)],
                "viewers": len(self._pages),
                "picture": self._picture[0] > 0 and picture_age <= FRESH,
            }
            body = json.dumps(state, ensure_ascii=True).encode()
            if body != self._state[1]:
                self._state = (self._state[0] + 1, body)
                self._changed.notify_all()

    def next_request(self) -> Activity | None:
        """The oldest request that nobody has taken yet."""
        with self._changed:
            return self._asked.popleft() if self._asked else None

    def finish(self, activity: Activity, well: bool, message: str) -> None:
        """A request came to its end."""
        activity.well, activity.message, activity.done = well, message, self._clock()

    @property
    def watched(self) -> bool:
        """Whether a page is open."""
        with self._changed:
            return any(self._clock() - seen < LOOKS for seen in self._pages.values())

    def close(self) -> None:
        """Nothing comes any more: whoever waits is told so."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nothing comes any more."""
        return self._closed

    # From the pages.

    def looks(self, page: str) -> None:
        """A page is open; page: what tells it from others."""
        with self._changed:
            if page in self._pages or len(self._pages) < MOST_PAGES:
                self._pages[page] = self._clock()

    def state(self, after: int, seconds: float) -> tuple[int, bytes] | None:
        """The state as JSON with its number, once that is not `after`; None when nothing came in so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._state[0] not in (0, after), seconds)
            return self._state if self._state[0] not in (0, after) and not self._closed else None

    def picture(self, after: int, seconds: float) -> tuple[int, bytes] | None:
        """The newest picture as a JPEG with its number, likewise."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._picture[0] not in (0, after), seconds)
            return self._picture[:2] if self._picture[0] not in (0, after) and not self._closed else None

    def ask(self, kind: str, fields: dict[str, Any]) -> int:
        """Put a request on the list (fields: as activity.read_request gives them). Returns its number.

        Raises UsageError where too many are on it, or none is there to cancel.
        """
        with self._changed:
            if kind == "cancel":
                found = next((a for a in self._activities if a.number == fields["number"] and a.done is None), None)
                if found is None:
                    raise UsageError("that has ended already")
                found.cancel = True
                return found.number
            if sum(activity.done is None for activity in self._activities) >= MOST:
                raise UsageError(f"{MOST} requests are waiting already")
            self._count += 1
            target = fields.get("body_id") or fields.get("person_id", "")
            activity = Activity(self._count, kind, fields["name"], target, fields.get("extend", False))
            self._activities = [*self._activities, activity][-2 * MOST :]
            self._asked.append(activity)
            return activity.number
