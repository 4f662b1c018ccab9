"""What happens, told while it happens: a table that redraws itself on a terminal, plain lines anywhere else."""

import math
from typing import TextIO

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.report import Enrolment
from rt_gait_ros.gait.identity import Identity, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackState

HEADER = f"{'body':6} {'state':10} {'walks':5}  {'who':24} {'sure':>5}  {'frames':>6}"


class LiveTable:
    """Who is there and who they are, as of now."""

    def __init__(self, out: TextIO, frames_wanted: int) -> None:
        """frames_wanted: gait frames that a first claim needs."""
        self._out = out
        self._tty = out.isatty()
        self._frames_wanted = frames_wanted
        self._lines = 0
        self._said: dict[str, str] = {}
        self._enrolment: Enrolment | None = None

    def show(self, recording: Recording, enrolment: Enrolment | None) -> None:
        """Draw the newest state."""
        if not recording.tracks:
            return
        stamp = max(recording.tracks)
        identities = recording.identities.get(stamp) or recording.identities.get(max(recording.identities, default=0))
        known = {} if identities is None else {identity.body_id: identity for identity in identities.identities}
        people = [track for track in recording.tracks[stamp].tracks if track.state != TrackState.LOST]
        if self._tty:
            self._redraw(recording, stamp, people, known, enrolment)
        else:
            self._tell_changes(recording.seconds(stamp), people, known, enrolment)

    def say(self, line: str) -> None:
        """One line about what is done now; on a terminal it stands where the table will be."""
        self._out.write(f"{line}\n")
        self._out.flush()

    def progress(self, name: str, done: int, total: int) -> None:
        """How far a download or another long job is: a line that renews itself, or one line for each tenth."""
        tenth = f"{name} {10 * done // max(total, 1) * 10} %"
        if self._tty:
            self._out.write(f"\x1b[2K\r{name}  {done / max(total, 1):.0%}" + ("\n" if done >= total else ""))
            self._out.flush()
        elif self._said.get(name) != tenth:
            self._said[name] = tenth
            self.say(tenth)

    def _redraw(
        self,
        recording: Recording,
        stamp: int,
        people: list[Track],
        known: dict[str, Identity],
        enrolment: Enrolment | None,
    ) -> None:
        lines = [
            f"{recording.seconds(stamp):5.1f} s   {recording.frames_sent} images, {len(recording.identities)} answers, "
            f"p95 {recording.latency_ms(95):.0f} ms   {_enrolment_line(enrolment)}",
            HEADER,
        ]
        for track in people:
            identity = known.get(track.body_id)
            frames = f"{identity.frames_used}" if identity else "0"
            if identity is None or identity.status == IdentityStatus.COLLECTING:
                frames += f"/{self._frames_wanted}"
            lines.append(
                f"{track.body_id:6} {track.state.name.lower():10} {'yes' if track.walking else 'no':5}  "
                f"{_who(identity):24} {_sure(identity):>5}  {frames:>6}"
            )
        back = f"\x1b[{self._lines}F" if self._lines else ""
        self._out.write(back + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[0J")
        self._out.flush()
        self._lines = len(lines)

    def _tell_changes(
        self, seconds: float, people: list[Track], known: dict[str, Identity], enrolment: Enrolment | None
    ) -> None:
        if enrolment != self._enrolment:
            self._enrolment = enrolment
            self.say(f"{seconds:5.1f} s  {_enrolment_line(enrolment)}")
        for track in people:
            identity = known.get(track.body_id)
            who = _who(identity)
            if track.state == TrackState.CONFIRMED and self._said.get(track.body_id) != who:
                self._said[track.body_id] = who
                self.say(f"{seconds:5.1f} s  {track.body_id}  {who} {_sure(identity)}".rstrip())


def _who(identity: Identity | None) -> str:
    if identity is None or identity.status == IdentityStatus.COLLECTING:
        return "collecting"
    return identity.name if identity.status == IdentityStatus.IDENTIFIED else identity.status.name


def _sure(identity: Identity | None) -> str:
    return "" if identity is None or math.isnan(identity.confidence) else f"{identity.confidence:.0%}"


def _enrolment_line(enrolment: Enrolment | None) -> str:
    if enrolment is None:
        return "nobody is enrolled yet"
    if enrolment.error:
        return f"{enrolment.name} is not enrolled: {enrolment.error}"
    return f"{enrolment.name} is enrolled, by body {enrolment.body_id}"
