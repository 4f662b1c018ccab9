"""Calls whose time is over before the server is done with them."""

import threading
import time
from concurrent.futures import Future

import pytest

from rt_gait_ros.serving.open_calls import OpenCall, OpenCalls, fail

LATE, CLOSED = TimeoutError("late"), ConnectionError("closed")


@pytest.fixture
def calls():
    made = OpenCalls()
    yield made
    made.close(CLOSED, 0.0)


def begun(calls: OpenCalls, seconds: float, model: str = "a") -> OpenCall:
    call = OpenCall(model, Future(), time.monotonic() + seconds, LATE)
    calls.begin(call)
    return call


def test_each_is_late_in_its_own_time_in_whatever_order_they_began(calls: OpenCalls) -> None:
    patient, hasty = begun(calls, 600.0), begun(calls, 0.01)
    assert hasty.future.exception(60.0) is LATE
    assert not patient.future.done()
    assert (calls.given_up("a"), calls.given_up("b")) == (1, 0)
    calls.over(hasty)
    assert calls.given_up("a") == 0


def test_an_answer_in_time_stays(calls: OpenCalls) -> None:
    call = begun(calls, 600.0)
    call.future.set_result(3)
    calls.over(call)
    fail(call.future, LATE)
    assert call.future.result() == 3


def test_whoever_hears_of_a_late_answer_may_ask_again_at_once(calls: OpenCalls) -> None:
    call = OpenCall("a", Future(), time.monotonic() + 0.05, LATE)
    again: Future[OpenCall] = Future()
    call.future.add_done_callback(lambda _: again.set_result(begun(calls, 0.01)))
    calls.begin(call)
    assert again.result(60.0).future.exception(60.0) is LATE


def test_where_no_thread_can_be_started_the_next_call_is_late_all_the_same(calls: OpenCalls, monkeypatch) -> None:
    """Before, none was ever late from then on."""

    def fails(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        with pytest.raises(RuntimeError, match="start new thread"):
            begun(calls, 0.0)
    assert begun(calls, 0.0).future.exception(5.0) is LATE


def test_closing_fails_what_is_waited_for_and_waits_for_the_server(calls: OpenCalls) -> None:
    open_call, late = begun(calls, 600.0), begun(calls, 0.0)
    assert late.future.exception(60.0) is LATE
    closing = threading.Thread(target=calls.close, args=(CLOSED, 600.0))
    closing.start()
    assert open_call.future.exception(60.0) is CLOSED
    assert closing.is_alive()
    calls.over(open_call)
    calls.over(late)
    closing.join(60.0)
    assert not closing.is_alive()


def test_closing_does_not_wait_for_ever(calls: OpenCalls) -> None:
    begun(calls, 600.0)
    calls.close(CLOSED, 0.01)
