"""Which variant of a network to take: the Pareto front of what was measured, and the one that meets a demand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One way of running a network that was measured.

    what: in words. rate: inferences per second. latency_ms: of a request. watts: of the whole machine meanwhile.
    energy_mj: of one inference. None: not measured.
    """

    what: str
    rate: float | None = None
    latency_ms: float | None = None
    watts: float | None = None
    energy_mj: float | None = None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share 0..1. protocol: of `rt-gait evaluate`, or prune. basis: what figure it is and of whom, in words."""

    share: float
    protocol: str
    basis: str


@dataclass(frozen=True, slots=True)
class Variant:
    """A network and what was measured of it.

    operations: none where only the accuracy is known. memory_mib: of the server and its networks. sha256: the beginning
    of the measured file's, or empty. per_look: inferences of one look at a person.
    """

    name: str
    operations: tuple[Operation, ...] = ()
    memory_mib: float | None = None
    accuracy: Accuracy | None = None
    sha256: str = ""
    per_look: int = 1

    def axes(self) -> dict[str, float]:
        """The figures that are compared, by axis, without those that are missing.

        latency: ms, the least of all operations. energy: mJ of a look, the least. accuracy: 0..1. memory: MiB.
        """
        energies = [self.per_look * each.energy_mj for each in self.operations if each.energy_mj is not None]
        figures = {
            "latency": min((each.latency_ms for each in self.operations if each.latency_ms is not None), default=None),
            "energy": min(energies, default=None),
            "accuracy": self.accuracy.share if self.accuracy else None,
            "memory": self.memory_mib,
        }
        return {axis: value for axis, value in figures.items() if value is not None}


AXES = ("latency", "energy", "accuracy", "memory")


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for; None: not asked. looks: at people per second, of all together. accuracy: 0..1, at least; the
    others at most: latency_ms of a request, watts of the machine, memory_mib of the server."""

    looks: float | None = None
    latency_ms: float | None = None
    watts: float | None = None
    accuracy: float | None = None
    memory_mib: float | None = None

    @property
    def asks(self) -> bool:
        """Whether there is anything to choose by."""
        return any(getattr(self, name) is not None for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Miss:
    """A demand that is not met. text: by how much. relative: the same as a share of what is asked; infinite where
    nothing was measured."""

    demand: str
    text: str
    relative: float


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a variant meets a demand in the operation that meets it best (None: of accuracy and memory alone)."""

    variant: Variant
    operation: Operation | None
    misses: tuple[Miss, ...]


def capacity(variant: Variant, latency_ms: float) -> float | None:
    """Most looks a second of all loads whose latency is up to `latency_ms`; None where none was measured."""
    rates = [
        each.rate / variant.per_look
        for each in variant.operations
        if each.rate and each.latency_ms is not None and each.latency_ms <= latency_ms
    ]
    return max(rates, default=None)


def pareto_front(variants: Sequence[Variant]) -> list[Variant]:
    """The variants that no other one beats.

    One is beaten by another that has all of its figures, none of them worse and one better. A figure that is missing
    is left out, and is no disadvantage: nothing is assumed in its place. Variants without figures are not of the front.
    """
    figures = {variant.name: variant.axes() for variant in variants}
    return [
        variant
        for variant in variants
        if figures[variant.name]
        and not any(_beats(figures[other.name], figures[variant.name]) for other in variants if other is not variant)
    ]


def _beats(other: dict[str, float], one: dict[str, float]) -> bool:
    if not one.keys() <= other.keys():
        return False
    gains = [(other[axis] - one[axis]) * (1 if axis == "accuracy" else -1) for axis in one]
    return min(gains) >= 0 and max(gains) > 0


def fit(variant: Variant, demand: Demand) -> Fit:
    """The operation of the variant that meets the demand best: of those that meet it, the one of least power and then
    of least latency."""
    standing = _standing_misses(variant, demand)
    fits = [
        Fit(variant, operation, (*_operation_misses(variant, operation, demand), *standing))
        for operation in variant.operations or (None,)
    ]
    return min(fits, key=_distance)


def choose(fits: Sequence[Fit]) -> Fit | None:
    """Of those that meet the demand the most accurate; of equals the one of least energy, latency and memory."""
    meeting = [each for each in fits if not each.misses]
    return min(meeting, key=_preference, default=None)


def nearest(fits: Sequence[Fit]) -> Fit:
    """Of those that miss the demand, the one with the fewest figures missing, and then the smallest miss."""
    return min(fits, key=_distance)


def _preference(found: Fit) -> tuple[float, float, float, float]:
    figures = found.variant.axes()
    latency = found.operation.latency_ms if found.operation else None
    return (
        -figures.get("accuracy", -math.inf),
        figures.get("energy", math.inf),
        math.inf if latency is None else latency,
        figures.get("memory", math.inf),
    )


def _distance(found: Fit) -> tuple[float, float, float, float]:
    unknown = [miss for miss in found.misses if math.isinf(miss.relative)]
    known = [miss.relative for miss in found.misses if not math.isinf(miss.relative)]
    watts = found.operation.watts if found.operation else None
    latency = found.operation.latency_ms if found.operation else None
    return (
        float(len(unknown)),
        max(known, default=0.0),
        math.inf if watts is None else watts,
        math.inf if latency is None else latency,
    )


def _operation_misses(variant: Variant, operation: Operation | None, demand: Demand) -> list[Miss]:
    misses = []
    if demand.looks is not None:
        asked, rate = demand.looks, None if operation is None or operation.rate is None else operation.rate
        looks = None if rate is None else rate / variant.per_look
        misses.append(_too_little("rate", "looks/s", looks, asked))
    latency, watts = (operation.latency_ms, operation.watts) if operation else (None, None)
    misses.append(_too_much("latency", "ms", latency, demand.latency_ms))
    misses.append(_too_much("power", "W", watts, demand.watts))
    return [miss for miss in misses if miss is not None]


def _standing_misses(variant: Variant, demand: Demand) -> list[Miss]:
    share = variant.accuracy.share if variant.accuracy else None
    misses = [
        None if demand.accuracy is None else _too_little("accuracy", "", share, demand.accuracy),
        _too_much("memory", "MiB", variant.memory_mib, demand.memory_mib),
    ]
    return [miss for miss in misses if miss is not None]


def _too_little(name: str, unit: str, value: float | None, asked: float) -> Miss | None:
    if value is None:
        return Miss(name, f"its {name} was not measured", math.inf)
    if value >= asked:
        return None
    return Miss(name, _line(name, unit, value, asked, "too little"), (asked - value) / asked)


def _too_much(name: str, unit: str, value: float | None, asked: float | None) -> Miss | None:
    if asked is None:
        return None
    if value is None:
        return Miss(name, f"its {name} was not measured", math.inf)
    if value <= asked:
        return None
    return Miss(name, _line(name, unit, value, asked, "too much"), (value - asked) / asked)


def _line(name: str, unit: str, value: float, asked: float, verdict: str) -> str:
    unit = f" {unit}" if unit else ""
    return f"{name} {value:.4g}{unit} where {asked:.4g}{unit} is asked, {abs(value - asked):.3g} {verdict}"
