import threading

import pytest

from rt_gait_ros.nodes.worker import Worker


class Gate:
    """A handler that waits for leave, so that the test decides what is busy."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.handled: list[int] = []

    def __call__(self, item: int) -> None:
        self.entered.release()
        assert self.open.wait(120)
        self.handled.append(item)


@pytest.mark.parametrize(("depth", "kept", "dropped"), [(1, [0, 5], 4), (3, [0, 3, 4, 5], 2)])
def test_oldest_waiting_items_are_dropped_and_counted(depth, kept, dropped):
    gate, drops = Gate(), []
    done = threading.Event()

    def handle(item: int) -> None:
        gate(item)
        if item == 5:
            done.set()

    worker = Worker(handle, depth=depth, on_drop=lambda: drops.append(1), on_crash=pytest.fail)
    worker.offer(0)
    assert gate.entered.acquire(timeout=120)
    for item in range(1, 6):
        worker.offer(item)
    assert worker.waiting == depth
    gate.open.set()
    assert done.wait(120)
    assert worker.stop()
    assert gate.handled == kept
    assert len(drops) == dropped


def test_only_the_newest_is_handled_while_nothing_else_is_wanted():
    gate, drops, alone = Gate(), [], [True]
    done = threading.Event()

    def handle(item: int) -> None:
        gate(item)
        if item == 3:
            alone[0] = False
            for later in (4, 5, 6):
                worker.offer(later)
        if item == 6:
            done.set()

    worker = Worker(
        handle, depth=3, newest_alone=lambda: alone[0], on_drop=lambda: drops.append(1), on_crash=pytest.fail
    )
    worker.offer(0)
    assert gate.entered.acquire(timeout=120)
    for item in (1, 2, 3):
        worker.offer(item)
    gate.open.set()
    assert done.wait(120)
    assert worker.stop()
    assert gate.handled == [0, 3, 4, 5, 6]
    assert len(drops) == 2


def test_crash_is_told_and_ends_the_thread():
    crashed = threading.Event()
    worker = Worker(lambda item: 1 / item, on_crash=lambda error: crashed.set())
    worker.offer(0)
    assert crashed.wait(120)
    assert worker.stop()


def test_nothing_is_handled_after_stop():
    handled: list[int] = []
    worker = Worker(handled.append, on_crash=pytest.fail)
    assert worker.stop()
    worker.offer(1)
    assert worker.waiting == 0
    assert not handled


@pytest.mark.parametrize("depth", [1, 3])
def test_no_item_is_slept_over(depth):
    """Offered one by one, each at another moment of the worker's turn, all are handled: none has to be dropped."""
    answered = threading.Semaphore(0)
    handled: list[int] = []

    def handle(item: int) -> None:
        handled.append(item)
        answered.release()

    worker = Worker(handle, depth=depth, on_drop=pytest.fail, on_crash=pytest.fail)
    for item in range(5000):
        worker.offer(item)
        assert answered.acquire(timeout=120)
    assert worker.stop()
    assert handled == list(range(5000))


def test_every_item_of_several_threads_is_handled_or_counted():
    handled, drops = [], []
    worker = Worker(handled.append, depth=2, on_drop=lambda: drops.append(1), on_crash=pytest.fail)
    threads = [threading.Thread(target=lambda: [worker.offer(item) for item in range(2000)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    last = threading.Event()
    worker._handle = lambda item: (handled.append(item), item == "last" and last.set())
    worker.offer("last")
    assert last.wait(120)
    assert worker.stop()
    assert len(handled) + len(drops) == 6001


def test_it_is_stopped_from_its_own_thread():
    stopped = threading.Event()
    worker = Worker(lambda item: (worker.stop(), stopped.set()), on_crash=pytest.fail)
    worker.offer(1)
    assert stopped.wait(120)
    worker._thread.join(120)
    assert not worker._thread.is_alive()
