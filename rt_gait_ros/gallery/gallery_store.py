"""Where a gallery keeps what it holds: the seam between `Gallery`, which is asked, and what stores the answer.

`FileStore` is a file of this machine. `rt_gait_ros.fleet` has those of a PostgreSQL server, and chooses by the address.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rt_gait_ros.gallery import audit, gallery_file
from rt_gait_ros.gallery.audit import Entry
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery_file import Loaded, Signature
from rt_gait_ros.gallery.person import Content

if TYPE_CHECKING:
    from rt_gait_ros.gallery.departures import Handover


# Nanoseconds since a file was touched after which another touch shows in its times, however coarse they are kept (two
# seconds by FAT), and seconds after which its inside is looked at anyway: a network's file system may hold times back.
SETTLED, TRUSTED = 3_000_000_000, 1.0


class Change(Protocol):
    """A gallery held for writing by one process alone."""

    @property
    def content(self) -> Content:
        """What the gallery holds."""

    def commit(self, content: Content, what: str, *, thorough: bool = False) -> Loaded:
        """Store it in the place of that, durably, and say what the gallery holds now. Raises GalleryError: as it was.

        what: for the audit. thorough: nothing of what went may be left anywhere. A copy of a server's gallery notes
        before whom to forget; that note stands though this fails, and the error says so.
        """


class Store(Protocol):
    """What keeps a gallery. Every error is a GalleryError, and then nothing was changed unless it says otherwise.

    path: the gallery's file, or where it would be; the scenes of this machine lie beside it. name: the gallery's, for
    people, without passwords. cipher: of what is on this machine. is_shared: others change it from other machines.
    robot: what this machine is called beside the walks that it stores. handover: carries evidence between the cameras
    that share it; None: nothing does. share_scenes: whether a server is to keep a back-up of the scenes of this
    machine; None until somebody has said so.
    """

    path: Path
    cipher: Cipher | None
    is_shared: bool
    robot: str
    handover: "Handover | None"
    share_scenes: bool | None

    @property
    def name(self) -> str:
        """What the gallery is called."""

    def open(self) -> Loaded:
        """What is stored; made where it is not there yet."""

    def read(self, known: Loaded) -> Loaded:
        """What is stored now. known: what was; of that nothing need be read again."""

    def signature(self) -> Signature:
        """What tells one state from another, as cheaply as can be; () where it cannot be looked at."""

    def changing(self, held: Loaded) -> AbstractContextManager[Change]:
        """Be the only one who changes it. held: what the caller has of it."""

    def require_writable(self) -> None:
        """Raise GalleryReadOnly where this process may only read."""

    def recrypt(self, cipher: Cipher | None) -> None:
        """Write what is on this machine anew with another key, or with none."""

    def asides(self) -> list[Path]:
        """Unreadable galleries that were kept beside this one."""

    def audit(self) -> list[Entry]:
        """Who changed it, and when; oldest first. Raises OSError and ValueError as audit.read."""

    @property
    def problem(self) -> str:
        """What keeps this machine from what others changed, in one line, or ""."""

    def notices(self) -> list[str]:
        """What others' changes did that somebody should hear of, each line once."""

    def close(self) -> None:
        """Let go of it; what was stored stays."""


class FileStore:
    """A gallery in a file of this machine."""

    is_shared = False
    handover: "Handover | None" = None
    share_scenes: bool | None = None

    def __init__(self, path: Path, cipher: Cipher | None = None, clock: Callable[[], int] = time.time_ns) -> None:
        """clock: nanoseconds, of the clock by which files are stamped."""
        self.path, self.cipher = path, cipher
        self.robot = socket.gethostname()[:64]
        self._clock = clock
        self._looked: tuple[tuple[int, ...], Signature, float] | None = None

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def open(self) -> Loaded:
        """As Store.open."""
        if not os.path.lexists(self.path):
            gallery_file.make_folder(self.path.parent)
            gallery_file.create_empty(self.path, self.cipher)
        return gallery_file.read(self.path, self.cipher)

    def read(self, known: Loaded) -> Loaded:
        """As Store.read."""
        return gallery_file.read(self.path, self.cipher, gallery_file.rows(known))

    def signature(self) -> Signature:
        """As Store.signature. While nobody has touched the file for a while, its times are enough."""
        try:
            about = os.lstat(self.path)
        except OSError:
            return gallery_file.signature(self.path)
        outside = about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
        now, looked = time.monotonic(), self._looked
        if looked is not None and looked[0] == outside and now < looked[2]:
            return looked[1]
        untouched = self._clock() - max(about.st_mtime_ns, about.st_ctime_ns)
        inside = gallery_file.signature(self.path)
        self._looked = (outside, inside, now + TRUSTED) if inside and untouched > SETTLED else None
        return inside

    @contextmanager
    def changing(self, held: Loaded) -> Iterator[Change]:
        """As Store.changing."""
        with gallery_file.changing(self.path, self.cipher, held) as change:
            yield change

    def require_writable(self) -> None:
        """As Store.require_writable."""
        gallery_file.require_writable(self.path)

    def recrypt(self, cipher: Cipher | None) -> None:
        """As Store.recrypt; the audit goes on, chained with the new key."""
        gallery_file.recrypt(self.path, self.cipher, cipher)
        self.cipher = cipher

    def asides(self) -> list[Path]:
        """As Store.asides."""
        return gallery_file.asides(self.path)

    def audit(self) -> list[Entry]:
        """As Store.audit."""
        return audit.read(self.path, self.cipher)

    @property
    def problem(self) -> str:
        """Nobody else's changes are waited for."""
        return ""

    def notices(self) -> list[str]:
        """Nothing: only this machine changes it."""
        return []

    def close(self) -> None:
        """As Store.close."""
