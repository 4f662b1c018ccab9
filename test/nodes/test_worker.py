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
