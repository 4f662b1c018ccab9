"""One accepted goal of an action, as an object that is looked at until it has a result."""

from abc import ABC, abstractmethod
from typing import Any

from rt_gait_ros.nodes.recognition_stage import RecognitionStage


class Goal(ABC):
    """One accepted goal."""

    def __init__(self, node: RecognitionStage, handle: Any) -> None:
        self.node = node
        self.handle = handle

    @abstractmethod
    def poll(self) -> Any:
        """The result, or None after having published feedback. Asked only while the node is active."""

    @abstractmethod
    def abort(self, message: str) -> Any:
        """Give up; the result that says so."""


def check_seconds(name: str, value: float, zero: str) -> str:
    """Why a request's time means nothing; empty when it does. zero: what 0 stands for."""
    return "" if value >= 0.0 else f"{name} is {value:g}: give seconds, or 0 {zero}"  # NaN, too


def check_confidence(value: float) -> str:
    """Why a request's least confidence means nothing; empty when it does."""
    return "" if 0.0 <= value <= 1.0 else f"min_confidence is {value:g}: give 0 to 1; 0 accepts any"
