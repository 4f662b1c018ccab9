"""Files under a good checksum whose content is not good: whoever can write them can make a checksum, too."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gallery import extent_file, gallery_file
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_records import pack_frames
from rt_gait_ros.resources import resource

Random = np.random.Generator
Corrupt = Callable[[bytes, Random], bytes]
Text = Callable[[Random], str]
SCENE = "hall"
_TYPES = ("<f4", "<f2", "<f8", "<i8", "|u1", "<U3", "|S2", "<c8", "<M8[s]", "|b1", "i4,f4")


class SealedScene:
    """A scene's statistics: arrays of other types, shapes and values, or the bytes of their archive changed."""

    def __init__(self, folder: Path, corrupt: Corrupt, text: Text) -> None:
        folder.mkdir(parents=True)
        known = next(resource("model_repository").glob("*/calibration.json"))
        self._folder, self._corrupt, self._text = folder, corrupt, text
        self._calibration = calibration.load(known, known.parent.name)
        self._path = scene_file.file_of(folder, known.parent.name, SCENE)
        with scene_file.locked(self._path):  # makes the folders
            pass

    def __call__(self, random: Random) -> None:
        """Break and read one."""
        arrays = self._arrays()
        if random.random() < 0.7:
            for _ in range(int(random.integers(1, 3))):
                name = str(random.choice(list(arrays)))
                self._disturb(arrays, name, random)
            self._read(_archive(arrays))
        else:
            self._read(self._corrupt(_archive(arrays), random))

    def good(self) -> None:
        """Read the sample."""
        self._read(_archive(self._arrays()))
        if scene_file.read(self._path) is None:
            raise ValueError("a good scene is not read")

    def _arrays(self) -> dict[str, np.ndarray]:
        votes = np.linspace(0, 1, 4 * 2 * 8, dtype=np.float32).reshape(4, 2, 8)
        said = {"model": np.array(self._calibration.model), "scene": np.array(SCENE)}
        stamps = np.arange(4, dtype=np.int64) + 2**60
        return {**said, "votes": votes, "stamps": stamps, "owners": np.array(["", "p1", "p1 p2", ""])}

    def _disturb(self, arrays: dict[str, np.ndarray], name: str, random: Random) -> None:
        array = arrays[name]
        match random.integers(5):
            case 0:
                del arrays[name]
                arrays.setdefault("other", array)
            case 1:
                with suppress(ValueError, TypeError):
                    arrays[name] = array.astype(str(random.choice(_TYPES)))
            case 2:
                shape = [int(size) for size in random.integers(0, 6, int(random.integers(0, 5)))]
                arrays[name] = np.zeros(shape, array.dtype)
            case 3:
                arrays[name] = np.full(array.shape, random.choice([np.nan, np.inf, -1.0, 1e30, -(2.0**63)]))
            case _:
                arrays[name] = np.array([self._text(random)] * int(random.integers(0, 6)))

    def _read(self, payload: bytes) -> None:
        private_file.replace(self._path, private_file.seal(scene_file.KIND, scene_file.SCHEMA, payload))
        scenes = Scenes(self._folder, self._calibration)
        scenes.walkers(SCENE)
        if len(scenes.problem.splitlines()) > 1:
            raise ValueError(f"a refusal of several lines: {scenes.problem!r:.200}")
        scenes.vote(SCENE, np.ones((2, 8), np.float32))
        scene_file.read(self._path)


class SealedGallery:
    """A gallery whose index says something else than it should, anywhere in it."""

    def __init__(self, folder: Path, text: Text) -> None:
        folder.mkdir(parents=True)
        self._path, self._text = folder / "people.gallery", text

    def __call__(self, random: Random) -> None:
        """Break and read one."""

        def disturbed(index: dict[str, Any]) -> Any:
            root = [index]
            for _ in range(int(random.integers(1, 4))):
                _disturb_json(root, random, self._text)
            return root[0] if root else None

        self._read(disturbed)

    def good(self) -> None:
        """Read the sample."""
        self._read(lambda index: index)

    def _read(self, change: Callable[[dict[str, Any]], Any]) -> None:
        def build(extents: Any) -> bytes:
            places = [[extent.offset, extent.length, extent.digest] for extent in extents]
            return json.dumps(change(_index(places))).encode("utf-8", "surrogatepass")

        blobs = [np.ones((1, 8), "<f2").tobytes(), pack_frames(np.zeros((20, 64, 64), np.uint8))]
        extent_file.create(self._path, gallery_file.KIND, gallery_file.SCHEMA, None, blobs, build)
        for person in Gallery(self._path).persons:
            for template in person.templates:
                if template.frames is not None:
                    np.asarray(template.frames)


def _index(places: list[list[Any]]) -> dict[str, Any]:
    template = {
        "stamp": 1,
        "added": 1,
        "scene": SCENE,
        "view": 90.0,
        "origin": "enrolled",
        "measures": {"stature": [1.7, 0.1]},
        "embedding": places[0],
        "shape": [1, 8],
        "type": "<f2",
        "frames": places[1],
        "frames_shape": [20, 64, 64],
        "frames_type": "|u1",
    }
    person = {"person_id": "p1", "name": "Ada", "enrolled": 1, "updated": 1, "consent": "", "expires": 0, "tag": "ab"}
    return {"model": "model", "gait_frame_kind": "silhouette", "persons": [{**person, "templates": [template]}]}


def _disturb_json(value: Any, random: Random, text: Text) -> None:
    """Change one thing in lists and dictionaries, however deep."""
    if not value:
        return
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(random.integers(len(keys)))]
    if isinstance(value[key], (list, dict)) and value[key] and random.random() < 0.85:
        _disturb_json(value[key], random, text)
        return
    match random.integers(4):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value.extend([value[key]] * int(random.integers(1, 3)))
        case _:
            numbers = (0, -1, 1.5, 2**31, 2**63, -(2**70), 1e308, float("nan"), float("inf"))
            other: tuple[Any, ...] = (None, True, [], {}, [1, 2, "3"], {"a": 1}, "\ud800")
            choices: tuple[Any, ...] = (*numbers, *other, text(random), text(random))
            value[key] = choices[int(random.integers(len(choices)))]


def _archive(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
