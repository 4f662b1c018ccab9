"""What systemd, or the health check of a container, is told of a process: that it is ready, and that it still turns."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

# The file whose time the health check of a container looks at, at most every minute.
HEARTBEAT_VARIABLE, HEARTBEAT_PERIOD = "RT_GAIT_HEARTBEAT", 10.0
HELD_SHARE = 0.3  # of the watchdog's time: sd_watchdog_enabled(3) asks for a sign in half of it


class ServiceManager:
    """Sends what sd_notify(3) describes to $NOTIFY_SOCKET, and gives the file $RT_GAIT_HEARTBEAT a new time.

    Does nothing where neither is set. Processes with one environment share the file: any one that turns renews it.
    """

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = os.environ.get("WATCHDOG_USEC", "") if mine else ""
        self._watched = microseconds.isdecimal() and int(microseconds) > 0
        self._heartbeat = os.environ.get(HEARTBEAT_VARIABLE, "")
        periods = [HEARTBEAT_PERIOD] if self._heartbeat else []
        periods += [HELD_SHARE * int(microseconds) * 1e-6] if self._watched else []
        # Seconds between signs of life; None where nobody waits for them.
        self.period = min(periods, default=None)
        self._next = 0.0

    def ready(self) -> None:
        """The process is up."""
        self._send("READY=1")
        self._beat()

    def turn(self) -> None:
        """Its executor still turns; to be called at least every half `period`."""
        now = time.monotonic()
        if self.period is not None and now >= self._next:
            self._next = now + self.period
            if self._watched:
                self._send("WATCHDOG=1")
            self._beat()

    def _beat(self) -> None:
        if self._heartbeat:
            with suppress(OSError):  # then the check finds no sign of life, and says so
                Path(self._heartbeat).touch()

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with (
            suppress(OSError),  # systemd is not there, or just starts anew: the next sign of life may arrive
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.sendto(text.encode(), self._address)
