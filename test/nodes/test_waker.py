"""An executor whose wait ends when somebody asks for it: no wake-up is lost, whenever it comes."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from subprocess import PIPE, run

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from rt_gait_ros.nodes.waker import Waker

PATIENCE = 300.0  # seconds that no wait takes unless its wake-up is lost

# Ends one stage after the other, each at another moment of its start or its work, in one process without signals.
ENDING_STAGES = """
import threading
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.overlay_node import OverlayNode

def build(moment):
    stage = OverlayNode()
    ending = threading.Timer(moment, stage.finish)
    ending.daemon = True
    ending.start()
    if moment == 0.0:
        stage.finish()
    return [stage]

for number in range(12):
    assert runner.run_in_process(lambda: build(number * 0.008), []) == 0
print("each ended")
"""


@pytest.fixture
def executor(node: Node) -> Iterator[SingleThreadedExecutor]:
    """Of a node without timers: nothing but a waker ends its wait."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    yield executor
    executor.shutdown()


def turns(executor: SingleThreadedExecutor, count: int, ask: Callable[[], None], asked: threading.Semaphore) -> int:
    """Spin until `asked` was released `count` times, by what `ask` brings about. Returns how often it was."""
    answered = threading.Semaphore(0)

    def keep_asking() -> None:
        for _ in range(count):
            ask()
            if not answered.acquire(timeout=2 * PATIENCE):
                return

    thread = threading.Thread(target=keep_asking, daemon=True)
    thread.start()
    done = 0
    while done < count:
        executor.spin_once(timeout_sec=PATIENCE)
        if asked.acquire(blocking=False):
            done += 1
            answered.release()
        elif not thread.is_alive():
            break
    thread.join(PATIENCE)
    return done


def test_no_wake_up_is_lost(executor: SingleThreadedExecutor) -> None:
    """Each comes at another moment of the executor's turn: the one before was answered somewhere within it."""
    asked = threading.Semaphore(0)
    with Waker(executor) as waker:

        def ask() -> None:
            asked.release()
            waker.wake()

        assert turns(executor, 3000, ask, asked) == 3000


@pytest.mark.parametrize("thread", ["any", "another"])
def test_a_signal_ends_the_wait(executor: SingleThreadedExecutor, thread: str) -> None:
    """Python runs its handler in the main thread, which waits in C, whichever thread the signal interrupts."""
    asked = threading.Semaphore(0)
    before = signal.signal(signal.SIGUSR1, lambda number, frame: asked.release())

    def ask() -> None:
        if thread == "any":
            os.kill(os.getpid(), signal.SIGUSR1)
        else:
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    try:
        with Waker(executor):
            assert turns(executor, 300, ask, asked) == 300
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_many_wake_ups_at_once_are_one_and_none_blocks(executor: SingleThreadedExecutor) -> None:
    with Waker(executor) as waker:
        threads = [threading.Thread(target=partial(wake_often, waker), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        executor.spin_once(timeout_sec=PATIENCE)


def wake_often(waker: Waker) -> None:
    for _ in range(10_000):
        waker.wake()


def test_what_is_left_wakes_nobody_and_gives_back_what_it_took(executor: SingleThreadedExecutor) -> None:
    before = set(threading.enumerate())
    with Waker(executor) as waker:
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) == before
    assert signal.set_wakeup_fd(-1) == -1
    waker.wake()


def test_a_stage_ends_its_process_at_whatever_moment(domain: int) -> None:
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
    code = [sys.executable, "-c", ENDING_STAGES]
    ended = run(code, env=environment, stdout=PIPE, text=True, timeout=2 * PATIENCE, check=True)
    assert ended.stdout.splitlines()[-1] == "each ended"
