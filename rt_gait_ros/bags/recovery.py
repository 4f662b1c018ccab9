"""MCAP files that were cut off: a recorder that is killed, or a full disk, leaves no footer behind.

The format is that of https://mcap.dev/spec: records of an opcode (1 byte), a length (8 bytes, little endian) and as
many bytes of content, between two magic words. All that was written whole is read; the last, unfinished record is not.
"""

import io
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

from rt_gait_ros.bags.errors import BagError
from rt_gait_ros.masking import readable

MAGIC = b"\x89MCAP0\r\n"
_FOOTER, _DATA_END = 0x02, 0x0F
_RECORD = struct.Struct("<BQ")
# What follows the last record of a file that has no summary: the end of its data, and a footer that names none.
_END = _RECORD.pack(_DATA_END, 4) + bytes(4) + _RECORD.pack(_FOOTER, 20) + bytes(20) + MAGIC


def cut_at(path: Path) -> int | None:
    """Where the last whole record of a file that was cut off ends, in bytes; None for a file that has its end.

    Raises BagError for what is no MCAP file, OSError.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(MAGIC)) != MAGIC:
            what = "is empty" if not size else "is no MCAP file: its first bytes are others"
            raise BagError(f"{readable(str(path))} {what}")
        file.seek(max(size - len(MAGIC), len(MAGIC)))
        if file.read() == MAGIC:
            return None
        end = len(MAGIC)
        while True:
            file.seek(end)
            head = file.read(_RECORD.size)
            if len(head) < _RECORD.size:
                return end
            kind, length = _RECORD.unpack(head)
            if kind in (0, _FOOTER, _DATA_END) or end + _RECORD.size + length > size:
                return end
            end += _RECORD.size + length


class CutRecording:
    """A file that was cut off, as if it had an end: a path as the library for bags wants one (its RPath)."""

    def __init__(self, path: Path, end: int) -> None:
        """end: as of `cut_at`."""
        self._path = path
        self._end = end
        self.suffix, self.stem = path.suffix, path.stem

    def __str__(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        """As Path.exists."""
        return self._path.exists()

    def is_dir(self) -> bool:
        """A file."""
        return False

    def open(self, *how: Any, **more: Any) -> BinaryIO:
        """Open it for reading."""
        return io.BufferedReader(_Ended(self._path.open("rb"), self._end))


class _Ended(io.RawIOBase):
    """The first bytes of a file, and the end of an MCAP file behind them."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end + len(_END)}[whence]
        self._place = max(begin + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._place < self._end:
            self._file.seek(self._place)
            data = self._file.read(min(len(view), self._end - self._place))
        else:
            data = _END[self._place - self._end :][: len(view)]
        view[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
