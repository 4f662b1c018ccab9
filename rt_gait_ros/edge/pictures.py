"""Figures of sweeps and of choices, drawn by matplotlib (extra [bench])."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rt_gait_ros.edge.choice import AXES, Variant
from rt_gait_ros.edge.sweep import SUBJECT_RATE, Point
from rt_gait_ros.errors import MissingPackage, UsageError, of_file
from rt_gait_ros.paths import replace_file
from rt_gait_ros.pip_packages import extra


def figure(columns: int) -> tuple[Any, Sequence[Any]]:
    """A figure of so many drawings side by side, which opens no window. Raises MissingPackage."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingPackage(f"pictures need matplotlib: {extra('bench')}", name="matplotlib") from None
    made = Figure(figsize=(5.2 * columns, 4.2), layout="constrained")
    axes = made.subplots(1, columns, squeeze=False)[0]
    return made, list(axes)


def save(made: Any, path: Path) -> None:
    """Write a figure, whole or as the file was before; the ending of the name is the format. Raises GaitError."""
    try:
        replace_file(path, lambda file: made.savefig(file, format=path.suffix[1:], dpi=120))
    except OSError as error:
        raise of_file(error, f"{path} cannot be written") from None


def sweep_figure(model: str, points: Sequence[Point], protocol: str) -> Any:
    """Inferences per second and p95 over concurrency, a line for each batch, and the one over the other."""
    made, (rates, latencies, both) = figure(3)
    measured = [point for point in points if point.protocol == protocol and point.rate is not None]
    for batch in sorted({point.batch for point in measured}):
        line = sorted((point for point in measured if point.batch == batch), key=lambda point: point.concurrency)
        clients = [point.concurrency for point in line]
        rates.plot(clients, [point.rate for point in line], marker="o", label=f"batch {batch}")
        latencies.plot(clients, [point.p95_ms for point in line], marker="o")
        both.plot([point.rate for point in line], [point.p95_ms for point in line], marker="o")
    rates.set(xlabel="requests under way", ylabel="inferences/s", title=f"{model} by {protocol}")
    subjects = rates.secondary_yaxis("right", functions=_subjects())
    subjects.set_ylabel(f"subjects at {SUBJECT_RATE:.0f} inferences/s")
    latencies.set(xlabel="requests under way", ylabel="p95 latency, ms", yscale="log")
    both.set(xlabel="inferences/s", ylabel="p95 latency, ms", yscale="log")
    if measured:
        rates.legend(fontsize="small")
    for axes in (rates, latencies, both):
        axes.grid(alpha=0.3)
    return made


def front_figure(variants: Sequence[Variant], front: Sequence[Variant], chosen: Variant | None = None) -> Any:
    """Each figure over the accuracy, or over the latency where there is none; those of the front are filled.

    A variant is in the drawings of the figures that it has. Raises UsageError where there are no two figures to draw.
    """
    figures = {variant.name: variant.axes() for variant in variants}
    present = [axis for axis in AXES if any(axis in each for each in figures.values())]
    upright = "accuracy" if "accuracy" in present else "latency"
    across = [axis for axis in present if any({axis, upright} <= each.keys() for each in figures.values())]
    across = [axis for axis in across if axis != upright]
    if not across:
        raise UsageError("there is nothing to draw: no network has two of latency, energy, accuracy and memory")
    made, drawings = figure(len(across))
    for axes, axis in zip(drawings, across, strict=True):
        for variant in variants:
            each = figures[variant.name]
            if {axis, upright} <= each.keys():
                filled = "full" if variant in front else "none"
                colour = "tab:red" if variant is chosen else "tab:blue"
                axes.plot(each[axis], each[upright], marker="o", linestyle="", fillstyle=filled, color=colour)
                axes.annotate(variant.name, (each[axis], each[upright]), (4, 4), textcoords="offset points", fontsize=8)
        axes.set(xlabel=_LABELS[axis], ylabel=_LABELS[upright])
        axes.margins(x=0.25)  # room for the names
        axes.grid(alpha=0.3)
    made.suptitle("filled: on the Pareto front" + (f"; red: {chosen.name}" if chosen else ""))
    return made


_LABELS = {"latency": "latency, ms", "energy": "energy of a look, mJ", "accuracy": "accuracy", "memory": "memory, MiB"}


def _subjects() -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    return lambda rate: rate / SUBJECT_RATE, lambda subjects: subjects * SUBJECT_RATE
