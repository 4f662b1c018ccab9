"""What systemd is told of a process that it started with Type=notify: that it is ready, and that it still turns."""

import os
import socket
import time

HELD_SHARE = 0.3  # of the watchdog's time: sd_watchdog_enabled(3) asks for a sign in half of it


class ServiceManager:
    """Sends what sd_notify(3) describes to $NOTIFY_SOCKET; does nothing where systemd did not start the process."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = os.environ.get("WATCHDOG_USEC", "") if mine else ""
        # Seconds between signs of life; None where nobody waits for them.
        self.period = HELD_SHARE * int(microseconds) * 1e-6 if microseconds.isdecimal() and int(microseconds) else None
        self._next = 0.0

    def ready(self) -> None:
        """The process is up."""
        self._send("READY=1")

    def turn(self) -> None:
        """Its executor still turns; to be called at least every half `period`."""
        now = time.monotonic()
        if self.period is not None and now >= self._next:
            self._next = now + self.period
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto(text.encode(), self._address)
        except OSError:  # systemd is not there: nobody waits for it
            self._address = ""
