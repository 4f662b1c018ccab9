"""Looks at somebody who left one robot's view, on their way to the others by the gallery's server.

They are rows that the server's clock ends: no robot's is asked. Robots delete what is over whenever they are in
contact, and whoever forgets somebody deletes all of them. The table is not in the server's write-ahead log.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from rt_gait_ros.fleet.address import Address
from rt_gait_ros.gallery.departures import Departure, Look
from rt_gait_ros.gallery.gallery_records import narrow

if TYPE_CHECKING:
    import psycopg

CHANNEL = "rt_gait_departure"
MOST = 32  # departures that are kept here, and fetched at once: 6 MB of GaitSet's looks
_SLACK = 10.0  # seconds that a row's number is kept longer than the row: clocks run at other speeds
LONGEST = 300.0  # seconds that one is kept at the most; the server's table refuses more


class Departures:
    """As gait.handover.Handover: for the recognisers of this process, and for the thread that talks to the server."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._origin = secrets.token_hex(8)  # what this process left is not for itself: its tracker knows better
        self._mutex = threading.Lock()
        self._seconds, self._model = 0.0, ""
        self._to_tell: deque[tuple[float, Departure]] = deque(maxlen=MOST)  # with when they left
        self._there: deque[tuple[float, Departure]] = deque(maxlen=MOST)  # with when they end
        # Numbers of the rows that were looked at, with when they end. Not the last number alone: of two robots that
        # tell at once, the one with the lower number may be done later.
        self._heard: dict[int, float] = {}

    @property
    def waiting(self) -> bool:
        """Whether there is something to tell the server."""
        return bool(self._to_tell)

    def use(self, seconds: float, model: str) -> None:
        """As Handover.use."""
        if (seconds, model) == (self._seconds, self._model):
            return
        with self._mutex:
            self._seconds, self._model = seconds, model
            self._to_tell.clear()
            self._there.clear()

    def leave(self, departure: Departure) -> None:
        """As Handover.leave."""
        with self._mutex:
            if self._seconds:
                self._to_tell.append((time.monotonic(), departure))

    def others(self) -> list[Departure]:
        """As Handover.others."""
        now = time.monotonic()
        with self._mutex:
            return [departure for end, departure in self._there if end > now]

    def discard(self, departure: Departure) -> None:
        """As Handover.discard."""
        with self._mutex:
            self._there = deque((each for each in self._there if each[1] is not departure), MOST)

    def clear(self) -> None:
        """Let go of all of them: somebody was forgotten whose they may be, or the server takes none."""
        with self._mutex:
            self._to_tell.clear()
            self._there.clear()

    def begin(self) -> None:
        """There is another connection, perhaps to a server that numbers rows anew: all of them are looked at again."""
        with self._mutex:
            self._heard.clear()
            self._there.clear()

    def exchange(self, connection: "psycopg.Connection[Any]", *, may_write: bool) -> None:
        """Tell the server who left here, and hear who left elsewhere. may_write: whether this role may tell."""
        with self._mutex:
            seconds, model = self._seconds, self._model
            now = time.monotonic()
            leaving = [(at, each) for at, each in self._to_tell if now - at < seconds]
            self._to_tell = deque(leaving, MOST)
            self._there = deque((each for each in self._there if each[0] > now), MOST)
            heard = [number for number, end in self._heard.items() if end > now]
            self._heard = {number: self._heard[number] for number in heard}
        if not seconds:
            return
        if not may_write:
            self._told(leaving)
        else:
            connection.execute("delete from rt_gait.departure where site = %s and ends < clock_timestamp()",
                               (self._address.site,))  # fmt: skip
            for each in leaving:  # one that a dying server has not got is told again, to the next one
                self._insert(connection, each[1], model, seconds - (now - each[0]))
                self._told([each])
        found = connection.execute(
            "select number, extract(epoch from ends - clock_timestamp())::float8, person_id, embeddings, shape, type,"
            " weights, frames, degrees from rt_gait.departure where site = %s and number <> all(%s) and origin <> %s"
            " and model = %s and ends > clock_timestamp() order by number desc limit %s",
            (self._address.site, heard, self._origin, model, MOST),
            binary=True,
        ).fetchall()
        with self._mutex:
            for number, left, person_id, *sent in reversed(found):
                now = time.monotonic()
                self._heard[number] = now + left + _SLACK
                looks = _looks(*sent)
                if looks and self._seconds:
                    self._there.append((now + min(left, seconds), Departure(looks, person_id)))

    def _told(self, told: Collection[tuple[float, Departure]]) -> None:
        with self._mutex:
            self._to_tell = deque((each for each in self._to_tell if not any(each is one for one in told)), MOST)

    def _insert(self, connection: "psycopg.Connection[Any]", departure: Departure, model: str, left: float) -> None:
        stack = narrow(np.stack([look.embedding for look in departure.looks]))
        connection.execute(
            "insert into rt_gait.departure (site, origin, robot, model, person_id, ends, embeddings, shape, type,"
            " weights, frames, degrees) values (%s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s,"
            " %s, %s, %s, %s, %s)",
            (
                self._address.site,
                self._origin,
                self._address.robot,
                model,
                departure.person_id,
                min(left, LONGEST),
                stack.tobytes(),
                list(stack.shape),
                stack.dtype.newbyteorder("<").str,
                [look.weight for look in departure.looks],
                [look.frames for look in departure.looks],
                [look.degrees for look in departure.looks],
            ),
        )
        connection.execute("select pg_notify(%s, %s)", (CHANNEL, self._address.site))


def _looks(
    data: bytes, shape: list[int], kind: str, weights: list[float], frames: list[int], degrees: list[float]
) -> tuple[Look, ...]:
    """What another robot sent; nothing where it cannot be looks: they are no more than a help."""
    try:
        counts = {len(weights), len(frames), len(degrees)}
        if kind not in ("<f2", "<f4") or len(shape) != 3 or counts != {shape[0]} or np.isinf(degrees).any():
            return ()
        stack = np.frombuffer(data, kind).reshape(shape).astype(np.float32)
        if not (np.isfinite(stack).all() and np.isfinite(weights).all() and min(weights) >= 0.0):
            return ()
        return tuple(
            Look(embedding, float(weight), int(count), 0, float(side))
            for embedding, weight, count, side in zip(stack, weights, frames, degrees, strict=True)
        )
    except (TypeError, ValueError):
        return ()
