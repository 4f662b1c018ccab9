"""The table of who is there that `rt-gait run --table` shows."""

import math
import sys
from collections.abc import Callable, Sequence

from rt_gait_ros.gait.identity import Identity, IdentityStatus
from rt_gait_ros.lines import one_line

# (camera, whom it sees) in the order to show; the camera is empty where there is only one.
Present = Callable[[], Sequence[tuple[str, Identity]]]


class Table:
    """Who is there, renewed in place on a terminal; elsewhere one line for each change."""

    def __init__(self, present: Present = lambda: ()) -> None:
        self.present = present
        self._shown: list[str] = []

    def show(self) -> None:
        """Draw, unless nothing has changed."""
        rows = list(self.present())
        claims = [_claim(camera, identity) for camera, identity in rows]
        if sys.stdout.isatty():
            used = [identity.frames_used for _, identity in rows]
            lines = [f"{claim} {count:4} frames" for claim, count in zip(claims, used, strict=True)]
            up = f"\x1b[{len(self._shown)}F" if self._shown else ""
            text = up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[0J"
        else:
            lines = claims
            text = "".join(f"{line}\n" for line in lines if line not in self._shown)
        if lines != self._shown:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._shown = lines


def _claim(camera: str, identity: Identity) -> str:
    who = one_line(identity.name) if identity.status == IdentityStatus.IDENTIFIED else identity.status.name.lower()
    sure = f"{identity.confidence:5.0%}" if not math.isnan(identity.confidence) else "    -"
    return f"{f'{camera:12} ' if camera else ''}{identity.body_id:6} {who:24} {sure}"
