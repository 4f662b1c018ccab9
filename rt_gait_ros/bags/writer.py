"""Writing a bag: whole or not there, and readable for its owner alone, because it shows people."""

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.rosbag2 import StoragePlugin, Writer

from rt_gait_ros import private_file
from rt_gait_ros.bags.definitions import our_types
from rt_gait_ros.bags.errors import BagError
from rt_gait_ros.bags.formats import STORAGES
from rt_gait_ros.errors import GaitError, of_file
from rt_gait_ros.masking import readable
from rt_gait_ros.paths import expand

# Of rosbag2's metadata: 9, which Jazzy writes, has qualities of service in a form that older releases cannot read.
_VERSION: Literal[8] = 8
_FAULTS = (OSError, sqlite3.Error)  # of a disk, say, that is full


class BagWriter:
    """A new bag. A context manager: the folder has its name once the bag is complete, and is not there after an error.

    count: messages written so far.
    """

    def __init__(self, folder: str | Path, storage: str = "mcap") -> None:
        """folder: where the bag goes; must not be there yet. storage: of STORAGES. Raises BagError, GaitError."""
        self.folder = expand(folder)
        self.count = 0
        name = readable(str(self.folder))
        if storage not in STORAGES:
            raise BagError(f"storage {storage!r} is not known: {' or '.join(STORAGES)}")
        if self.folder.exists():
            raise BagError(f"{name} is there already: name a folder that is not")
        self._part = self.folder.with_name(f".{self.folder.name}.part")
        plugin = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}[storage]
        try:
            shutil.rmtree(self._part, ignore_errors=True)  # of a process that was killed
            private_file.make_own_folder(self._part)
            self._writer = Writer(self._part / self.folder.name, version=_VERSION, storage_plugin=plugin)
            self._writer.open()
        except _FAULTS as error:
            shutil.rmtree(self._part, ignore_errors=True)
            raise self._error(error) from error
        self._connections: dict[tuple[str, str], Any] = {}

    def write(self, topic: str, kind: str, stamp: int, data: bytes | memoryview) -> None:
        """Append a message. kind: as "sensor_msgs/msg/Image". stamp: ns, when it was received. data: in CDR."""
        connection = self._connections.get((topic, kind))
        try:
            if connection is None:
                connection = self._writer.add_connection(topic, kind, typestore=our_types())
                self._connections[topic, kind] = connection
            self._writer.write(connection, stamp, data)
        except _FAULTS as error:
            raise self._error(error) from error
        self.count += 1

    def close(self) -> None:
        """Complete the bag, and give it its name."""
        try:
            self._writer.close()
            made = self._part / self.folder.name
            for path in made.iterdir():
                path.chmod(0o600)
            made.chmod(0o700)
            made.rename(self.folder)
        except _FAULTS as error:
            raise self._error(error) from error
        finally:
            shutil.rmtree(self._part, ignore_errors=True)

    def discard(self) -> None:
        """Leave nothing behind."""
        try:
            with suppress(*_FAULTS):  # the disk is still full
                self._writer.abort()
        finally:
            shutil.rmtree(self._part, ignore_errors=True)

    def _error(self, error: Exception) -> GaitError:
        what = f"{readable(str(self.folder))} cannot be written"
        return of_file(error, what) if isinstance(error, OSError) else GaitError(f"{what}: {error}")

    def __enter__(self) -> "BagWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
