"""One thread behind a short slot: callbacks drop items in, the thread handles them, what is dropped is counted."""

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Worker(Generic[T]):
    """Handles the newest items one after another in a thread of its own.

    depth: items that may wait; with 1 this is a latest-frame slot. When it is full the oldest waiting item is dropped.
    newest_alone: asked before each turn whether only the newest of those that wait is wanted; the others are dropped.
    on_drop: called for each dropped item. on_crash: called with an exception that `handle` did not expect; the thread
    ends then.
    """

    def __init__(
        self,
        handle: Callable[[T], None],
        *,
        depth: int = 1,
        newest_alone: Callable[[], bool] = lambda: False,
        on_drop: Callable[[], None] = lambda: None,
        on_crash: Callable[[Exception], None],
        name: str = "worker",
    ) -> None:
        self._handle = handle
        self._items: deque[T] = deque()
        self._depth = depth
        self._newest_alone = newest_alone
        self._on_drop = on_drop
        self._on_crash = on_crash
        self._lock = threading.Lock()
        # Rung after every change of what the thread looks at, so that it never sleeps over one; too often does no harm.
        # A Condition is Python's own code, and cost a tenth of what a stage does.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: T) -> None:
        """Hand an item over; returns at once. Ignored after `stop`."""
        with self._lock:
            if self._stopping:
                return
            full = len(self._items) >= self._depth
            if full:
                self._items.popleft()
            self._items.append(item)
        self._bell.put(None)
        if full:
            self._on_drop()

    @property
    def waiting(self) -> int:
        """Items in the slot now."""
        return len(self._items)

    def stop(self, timeout: float = 5.0) -> bool:
        """Let the item in hand finish, forget the waiting ones, end the thread. False when `timeout` seconds pass."""
        with self._lock:
            self._stopping = True
            self._items.clear()
        self._bell.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._bell.get()
            with self._lock:
                if self._stopping:
                    return
                if not self._items:  # it was dropped for a newer one, which rang as well
                    continue
                unwanted = len(self._items) - 1 if len(self._items) > 1 and self._newest_alone() else 0
                for _ in range(unwanted):
                    self._items.popleft()
                item = self._items.popleft()
            for _ in range(unwanted):
                self._on_drop()
            try:
                self._handle(item)
            except Exception as error:  # anything unexpected ends the process with its traceback, not only this thread
                self._on_crash(error)
                return
