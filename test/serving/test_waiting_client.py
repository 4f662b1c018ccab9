"""A client that waits: who asks gets futures that are done."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from rt_gait_ros.serving.inference import DeadlineExceeded, Sequence
from rt_gait_ros.serving.waiting_client import WaitingClient


class LateClient:
    """Answers in a thread of its own, and remembers with which deadline it was asked."""

    def __init__(self):
        self.asked = []
        self.error = None
        self.closed = False
        self._pool = ThreadPoolExecutor(1)
        self._never = Event()

    def submit(self, model, inputs, *, deadline=None, sequence=None):
        self.asked.append((model, deadline, sequence))

        def answer():
            self._never.wait(0.05)
            if self.error is not None:
                raise self.error
            return {"out": inputs["in"] + 1}

        return self._pool.submit(answer)

    def describe(self, model, *, deadline=None):
        return f"{model} is described within {deadline}"

    def close(self):
        self.closed = True


def test_what_was_asked_is_answered_when_the_call_returns():
    future = WaitingClient(LateClient()).submit("net", {"in": np.ones(2)})
    assert future.done()
    np.testing.assert_array_equal(future.result()["out"], [2, 2])


def test_a_failure_is_the_futures_own():
    client = LateClient()
    client.error = DeadlineExceeded("too late")
    future = WaitingClient(client).submit("net", {"in": np.ones(2)})
    with pytest.raises(DeadlineExceeded):
        future.result()


@pytest.mark.parametrize(("given", "passed"), [(None, None), (1.0, 60.0), (90.0, 90.0)])
def test_patience_is_the_least_deadline(given, passed):
    client, place = LateClient(), Sequence(1, start=True)
    WaitingClient(client, 60.0).submit("net", {"in": np.ones(2)}, deadline=given, sequence=place)
    assert client.asked == [("net", passed, place)]


def test_the_client_that_is_asked_stays_open():
    client = LateClient()
    waiting = WaitingClient(client)
    waiting.close()
    assert not client.closed
    assert waiting.describe("net", deadline=2.0) == "net is described within 2.0"
