"""Where a training run keeps its state: resumable after any interruption, its log readable by anything."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.kinds import FORMER_NAMES
from rt_gait_ros.paths import replace_file

_SAID_LATER = ("data", "init weights")  # settings that runs of earlier versions do not say


def started_from(weights: Mapping[str, torch.Tensor] | None) -> dict[str, str]:
    """What tells a run's initial weights from others; None: it began with new ones. A setting of RunFolder."""
    if weights is None:
        return {"init weights": "none"}
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        values = value.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}\n".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return {"init weights": digest.hexdigest()[:8]}


def going_on(done: int, epochs: int, path: Path) -> str:
    """What a run says that begins after `done` of its epochs."""
    if done >= epochs:
        return f"the run in {path} has its {epochs} epochs; more --epochs extend it"
    return f"going on after epoch {done} of the run in {path}, to epoch {epochs}"


class RunFolder:
    """A folder with `state.pt` (all that resuming needs), `network.pth` (weights alone) and `log.csv`.

    settings: what defines the run, `epochs` among it; resuming with other settings is refused, since the result would
    be neither's. Only a finished run may have more epochs: it is extended.
    """

    def __init__(self, path: Path, settings: dict[str, Any]):
        self.path = path
        self.settings = settings
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the run's folder {path}: {error.strerror}") from error

    def resume(self) -> dict[str, Any] | None:
        """The state of the last finished epoch, or None for a new run. Raises CheckpointError for another run's."""
        file = self.path / "state.pt"
        if not file.exists():
            return None
        try:
            saved = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises a different class for every kind of damage
            raise CheckpointError(f"{file} is damaged: delete it to start over") from error
        try:
            before, done = dict(saved["settings"]), int(saved["state"]["epoch"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{file} is no state of a run: delete it to start over") from error
        planned = before.get("epochs", 0)
        for name in dict.fromkeys((*self.settings, *before)):
            if name in _SAID_LATER and name not in before:
                continue
            value, was = self.settings.get(name), before.get(name)
            was = FORMER_NAMES.get(was, was) if name == "network" and was is not None else was
            if was == value or (name == "epochs" and done >= planned and value > planned):
                continue
            advice = "give another folder"
            if name == "epochs":
                advice += f", or finish its {was} first" if done < planned else f", or {name} above {was} to extend it"
            raise CheckpointError(f"{self.path} holds a run with {name} {_said(was)}, not {_said(value)}: {advice}")
        return saved["state"]

    def save(
        self,
        state: dict[str, Any],
        weights: dict[str, torch.Tensor],
        row: Mapping[str, float | int],
        more: Mapping[str, bytes] = {},
    ) -> None:
        """Replace state, weights and log, each atomically; the state last, so that nothing is older than it.

        row: of log.csv, with its `epoch`; one of this or a later epoch, whose state a kill or a full disk kept from
        being saved, goes. more: further files of this epoch by their names.

        Raises GaitError for weights that are no numbers any more, and leaves the last epoch's in place.
        """
        if not all(values.isfinite().all() for values in weights.values()):
            raise GaitError(
                f"training diverged in epoch {state['epoch']}: weights are NaN or infinite. {self.path} has the epoch "
                "before; give another folder and a lower --learning-rate"
            )
        for name, content in more.items():
            self._write(name, content)
        self._write("network.pth", _saved(weights))
        before = [former for former in self._logged() if float(former["epoch"]) < row["epoch"]]
        self._write("log.csv", _table([*before, row]))
        self._write("state.pt", _saved({"settings": self.settings, "state": state}))

    def rows(self) -> list[dict[str, float]]:
        """All of log.csv, the newest last; NaN where an epoch was not evaluated."""
        return [{name: float(value) for name, value in row.items()} for row in self._logged()]

    def last_row(self) -> dict[str, float]:
        """The newest row of log.csv."""
        return self.rows()[-1]

    def _logged(self) -> list[dict[str, str]]:
        """The rows of log.csv that are whole: earlier versions could leave half of one, two processes one of both."""
        file = self.path / "log.csv"
        if not file.exists():
            return []
        with file.open(newline="", encoding="utf-8") as stream:
            return [row for row in csv.DictReader(stream) if _is_whole(row)]

    def _write(self, name: str, content: bytes) -> None:
        try:
            replace_file(self.path / name, content)
        except OSError as error:
            raise UsageError(f"{self.path / name} cannot be written: {error.strerror}") from error


def _said(value: Any) -> str:
    return "left out" if value is None else str(value)


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether each column has one number: DictReader gives None for a field too few, and a list of those too many."""
    try:
        for value in row.values():
            float(value)
    except (TypeError, ValueError):
        return False
    return True


def _saved(value: Any) -> bytes:
    content = io.BytesIO()
    try:
        torch.save(value, content)
    except RuntimeError as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # closing what Ctrl-C cut short failed in turn
            raise error.__context__ from None
        raise
    return content.getvalue()


def _table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, list(rows[-1]), restval="nan", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return content.getvalue().encode()
