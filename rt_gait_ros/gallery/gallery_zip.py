"""Galleries of schema 1 and 2, which this version reads and writes anew with the first change.

After the header of private_file comes a zip archive: index.json, and one .npy per embedding and per sequence of gait
frames. Schema 2 added the scene of each template.
"""

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.archives import DAMAGED
from rt_gait_ros.gallery.frames_on_disk import FramesOnDisk
from rt_gait_ros.gallery.person import Content, Person, Template

SCHEMATA = 1, 2
MAX_BYTES = 512 << 20  # of a whole file: 2000 persons of two walks take 300 MB
MAX_FRAMES, MAX_INDEX = 64 << 20, 64 << 20  # bytes of one unpacked sequence, and of the index


@dataclass(frozen=True, slots=True)
class ZippedFrames(FramesOnDisk):
    """Gait frames in the archive of an old gallery, as its member of that name."""

    member: str

    def _read(self) -> np.ndarray:
        with os.fdopen(private_file.open_file(self.path), "rb") as file, zipfile.ZipFile(file) as archive:
            return _array(archive, self.member, MAX_FRAMES)


def read(file: BinaryIO, path: Path) -> Content | None:
    """What the file holds; None where its checksum does not fit. Raises OSError; ValueError for what no gallery holds.

    Nothing is unpacked that could be larger than the file, but the index and, when asked for, single gait frames.
    """
    payload = private_file.payload_of(file.read(), bare=True)
    if payload is None:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            with archive.open("index.json") as member:
                text = member.read(MAX_INDEX + 1)
            if len(text) > MAX_INDEX:
                raise ValueError("its index is too large")
            index = json.loads(text)
            persons = tuple(_person(archive, path, record) for record in index["persons"])
        return Content(index["model"], index["gait_frame_kind"], persons)
    except ValueError:
        raise
    except DAMAGED as error:
        raise ValueError(f"it does not hold what it should ({error!r:.80})") from error


def _person(archive: zipfile.ZipFile, path: Path, record: dict[str, Any]) -> Person:
    folder = record["person_id"]
    templates = []
    for number, template in enumerate(record["templates"]):
        name = f"{folder}/{number}.embedding.npy"
        if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
            raise ValueError("an embedding is packed, as none ever was")
        frames = _frames(archive, path, f"{folder}/{number}.frames.npy") if template["frames"] else None
        embedding = _array(archive, name, MAX_BYTES)
        templates.append(Template(embedding, template["stamp"], frames, template.get("scene", "")))
    return Person(folder, record["name"], record["enrolled"], record["updated"], tuple(templates))


def _frames(archive: zipfile.ZipFile, path: Path, name: str) -> ZippedFrames:
    with archive.open(name) as member:
        shape, kind = _header(member)
    return ZippedFrames(path, shape, kind.str, name)


def _array(archive: zipfile.ZipFile, name: str, most: int) -> np.ndarray:
    with archive.open(name) as member:
        shape, dtype = _header(member)
        count = int(np.prod(shape, dtype=object))
        if not 0 <= count * dtype.itemsize <= most:
            raise ValueError(f"an array of shape {shape} is too large")
        data = member.read(count * dtype.itemsize)
    return np.frombuffer(data, dtype, count).reshape(shape)


def _header(member: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(member)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(member)
    if fortran or dtype.hasobject or dtype.kind not in "uif" or not 1 <= len(shape) <= 4:
        raise ValueError(f"an array of {dtype} and shape {shape} is neither an embedding nor gait frames")
    return shape, dtype
