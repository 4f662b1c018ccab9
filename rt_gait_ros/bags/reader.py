"""Reading a bag: a folder with metadata.yaml, a folder of files, or one file, in sqlite3 (.db3) or MCAP (.mcap)."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.rosbag2 import Reader, ReaderError

from rt_gait_ros.bags.definitions import other_version
from rt_gait_ros.bags.errors import BagError
from rt_gait_ros.bags.formats import STORAGES
from rt_gait_ros.bags.recovery import CutRecording, cut_at
from rt_gait_ros.masking import readable
from rt_gait_ros.paths import expand

SUFFIXES = tuple(STORAGES.values())
_METADATA = "metadata.yaml"


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """A topic of a bag. kind: type of its messages, as "sensor_msgs/msg/Image". count: of its messages."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Record:
    """One message. received: ns since the epoch, when it was recorded. data: in CDR, as it travels."""

    topic: str
    kind: str
    received: int
    data: bytes


class BagReader:
    """A bag, open. A context manager.

    topics: what is in it, by name. notes: what whoever reads it should hear of, one line each: that it was cut off.
    Every error is a BagError of one line.
    """

    def __init__(self, path: str | Path) -> None:
        """path: of the folder, or of a file of it. Raises BagError."""
        self.path = expand(path)
        self.name = readable(str(self.path))
        self.notes: list[str] = []
        self._stack = ExitStack()
        self._readers: list[Reader] = []
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        self.topics: dict[str, TopicInfo] = {}
        for connection in self._connections():
            known = self.topics.get(connection.topic)
            count = connection.msgcount + (known.count if known else 0)
            self.topics[connection.topic] = TopicInfo(connection.topic, connection.msgtype, count)

    def records(self, topics: Collection[str]) -> Iterator[Record]:
        """The messages of these topics in the order in which they were recorded. Raises BagError where it is damaged.

        Messages of this package that were recorded with other definitions are refused: their bytes mean other fields.
        """
        wanted = [connection for connection in self._connections() if connection.topic in topics]
        for connection in wanted:
            try:
                difference = other_version(connection)
            except Exception as error:  # as below: what stands there is somebody else's
                raise BagError(
                    f"{self.name} is damaged: what {connection.msgtype} is made of cannot be read "
                    f"({type(error).__name__})"
                ) from None
            if difference:
                raise BagError(
                    f"{self.name}: {connection.topic} holds {connection.msgtype} of another version of this package "
                    f"({difference}): replay its images, or use the version that recorded it"
                )
        count = 0
        for reader in self._readers:
            chosen = [connection for connection in reader.connections if connection.topic in topics]
            if not chosen:
                continue
            try:
                for connection, received, data in reader.messages(chosen):
                    count += 1
                    yield Record(connection.topic, connection.msgtype, received, bytes(data))
            except GeneratorExit:
                raise
            except Exception as error:  # a damaged file raises whatever the library meets: of struct, sqlite, zstd
                raise BagError(f"{self.name} is damaged after {count} messages: {_reason(error)}") from None

    def close(self) -> None:
        """Let go of its files."""
        with suppress(Exception):  # files that were damaged are not closed without complaint
            self._stack.close()

    def __enter__(self) -> "BagReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connections(self) -> list[Any]:
        return [connection for reader in self._readers for connection in reader.connections]

    def _open(self) -> None:
        path = self.path
        if not path.exists():
            raise BagError(f"{self.name} is not there: name the folder that `ros2 bag record` made, or a file in it")
        if not path.is_dir():
            if path.suffix not in SUFFIXES:
                raise BagError(f"{self.name} is no bag: its name should end in {' or '.join(SUFFIXES)}")
            self._add_file(path)
            return
        files = sorted(file for suffix in SUFFIXES for file in path.glob(f"*{suffix}"))
        if (path / _METADATA).is_file() and not any(self._is_cut(file) for file in files):
            self._add(path)
            return
        if not files:
            raise BagError(f"{self.name} is no bag: no {_METADATA}, and no file that ends in {' or '.join(SUFFIXES)}")
        if not (path / _METADATA).is_file():
            self.notes.append(f"{self.name} has no {_METADATA}, as when recording was cut off: its files are read")
        for file in files:
            self._add_file(file)
        self._readers.sort(key=lambda reader: reader.start_time)  # by name, bag_10 would come before bag_2

    def _add_file(self, path: Path) -> None:
        end = self._cut(path)
        if end is None:
            self._add(path)
            return
        self.notes.append(
            f"{readable(str(path))} has no footer, as when recording was cut off: what was written whole is read"
        )
        self._add(CutRecording(path, end))

    def _is_cut(self, path: Path) -> bool:
        return self._cut(path) is not None

    def _cut(self, path: Path) -> int | None:
        try:
            return cut_at(path) if path.suffix == ".mcap" else None
        except OSError as error:
            raise BagError(f"{readable(str(path))} cannot be read: {error.strerror}") from None

    def _add(self, path: Any) -> None:
        """Open a folder or a file."""
        try:
            reader = Reader(path)
            reader.open()
        except Exception as error:  # as in `records`
            raise BagError(f"{self.name} cannot be read as a bag: {_reason(error)}") from None
        self._stack.callback(reader.close)
        self._readers.append(reader)


def _reason(error: Exception) -> str:
    """What the library said, or met."""
    said = str(error).rstrip(".")
    return said if isinstance(error, (ReaderError, OSError)) and said else f"{type(error).__name__} {said}".strip()
