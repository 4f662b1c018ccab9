"""Each change of the networks' health is said once."""

from rt_gait_ros.serving.health import ServerHealth
from rt_gait_ros.serving.inference import DeadlineExceeded, ModelUnavailable, ServerUnavailable


def test_silence_while_all_is_well() -> None:
    health = ServerHealth()
    assert [health.succeeded() for _ in range(3)] == [None, None, None]
    assert health.error is None


def test_failure_and_recovery_are_said_once_with_the_time_between() -> None:
    now = [10.0]
    health = ServerHealth(clock=lambda: now[0])
    assert health.failed(ServerUnavailable("nobody there")) == "nobody there"
    now[0] = 12.5
    assert health.failed(ServerUnavailable("nobody there")) is None
    assert isinstance(health.error, ServerUnavailable)
    assert health.succeeded() == "the networks answer again after 2.5 s"
    assert health.succeeded() is None
    assert health.error is None


def test_another_kind_of_failure_is_news_and_counts_from_the_first() -> None:
    now = [0.0]
    health = ServerHealth(clock=lambda: now[0])
    health.failed(ServerUnavailable("nobody there"))
    now[0] = 1.0
    assert health.failed(ModelUnavailable("no such model")) == "no such model"
    now[0] = 4.0
    assert health.succeeded() == "the networks answer again after 4.0 s"


def test_a_single_late_answer_is_no_news_but_three_in_a_row_are() -> None:
    health = ServerHealth()
    late = DeadlineExceeded("too late")
    assert [health.failed(late), health.failed(late), health.succeeded()] == [None, None, None]
    assert [health.failed(late) for _ in range(4)] == [None, None, "too late", None]
