"""Connections that search a gallery on a server, for the threads of one process."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import CONNECT_SECONDS, ServerAway, connect, driver, speaking
from rt_gait_ros.fleet.server_search import Found, ServerSearch

IDLE_SECONDS = 600  # a connection that nobody needed for so long is closed when another one is given back


class _Idle(NamedTuple):
    since: float
    search: ServerSearch


class Searches:
    """Up to so many connections that search at once; whoever finds none idle makes one in its own thread.

    So each thread hears at once, and from the server itself, why there is none. psycopg's own pool makes connections
    in the background, one after the other, and after an outage with pauses of up to minutes.
    """

    def __init__(self, address: Address, most: int, patience: float = CONNECT_SECONDS) -> None:
        """patience: seconds that a search waits for another one to end."""
        self._address, self._most, self._patience = address, most, patience
        self._places = threading.BoundedSemaphore(most)
        self._mutex = threading.Lock()  # of what follows; nobody talks to the server with it
        self._idle: list[_Idle] = []
        self._is_open = True
        self._process = os.getpid()

    @property
    def is_usable(self) -> bool:
        """Whether this process made it: the child of a fork has its parent's sockets, and none of its threads."""
        return self._process == os.getpid()

    @contextmanager
    def one(self, *, new: bool = False) -> Iterator[ServerSearch]:
        """A connection that is set for searching, alone. new: one that is just made. Raises GalleryError."""
        if not self._places.acquire(timeout=self._patience):
            raise ServerAway(
                f"gallery {self._address.name} is asked by {self._most} threads of this process already: try again"
            )
        try:
            with speaking(self._address):
                search = None if new else self._taken()
                if search is None:
                    search = self._made()
                try:
                    yield search
                finally:
                    self._give_back(search)
        finally:
            self._places.release()

    def candidates(self, embedding: np.ndarray) -> Found:
        """As ServerSearch.candidates, and once more by a new connection where that one was ended."""
        search: ServerSearch | None = None
        try:
            with self.one() as search:
                return search.candidates(embedding)
        except ServerAway:
            if search is None or not search.connection.closed:
                raise
        self._close_idle(0.0)  # what ended one has likely ended all
        with self.one(new=True) as search:
            return search.candidates(embedding)

    def close(self) -> None:
        """Close those that are idle at once, and each other one when its search ends."""
        with self._mutex:
            self._is_open = False
        self._close_idle(0.0)

    def _taken(self) -> ServerSearch | None:
        with self._mutex:
            return self._idle.pop().search if self._idle else None

    def _made(self) -> ServerSearch:
        connection = connect(self._address)
        try:
            return ServerSearch(connection, self._address)
        except BaseException:
            connection.close()
            raise

    def _give_back(self, search: ServerSearch) -> None:
        connection = search.connection
        is_at_rest = connection.info.transaction_status == driver().pq.TransactionStatus.IDLE
        with self._mutex:
            is_kept = self._is_open and is_at_rest
            if is_kept:
                self._idle.append(_Idle(time.monotonic(), search))
        if not is_kept:
            connection.close()
        self._close_idle(IDLE_SECONDS)

    def _close_idle(self, seconds: float) -> None:
        """Those that have been idle for so long."""
        until = time.monotonic() - seconds
        with self._mutex:
            old = [each for each in self._idle if each.since <= until]
            self._idle = [each for each in self._idle if each.since > until]
        for each in old:
            each.search.connection.close()
