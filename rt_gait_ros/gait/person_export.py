"""All that is stored of one person, for that person: data and pictures in a folder (GDPR, article 15)."""

import io
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait.scene_keeping import SceneKeeper
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Person, Template

_COLUMNS = 10  # of gait frames in one picture


def export_person(gallery: Gallery, scenes: SceneKeeper, key: str, folder: Path) -> Person:
    """Write what a gallery and its scenes hold of a person to a new folder that its owner alone reads.

    person.json says everything in words and numbers; walk_N.npy is an embedding (P, C), walk_N_frames.npy the gait
    frames it was made of, walk_N.png a picture of those. Raises UnknownPerson; UsageError where the folder is there
    already; GaitError where it cannot be written.
    """
    person = gallery.find(key)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        raise UsageError(f"{folder} is there already: name a folder that is to be made") from None
    except OSError as error:
        raise GaitError(f"folder {folder} cannot be made: {error.strerror}") from error
    try:
        walks = [_walk(each, f"walk_{number}", folder) for number, each in enumerate(person.templates, 1)]
        record = {
            "person_id": person.person_id,
            "name": person.name,
            "enrolled": _time(person.enrolled),
            "updated": _time(person.updated),
            "consent": person.consent,
            "deleted_at": _time(person.expires),
            "gait_model": gallery.model,
            "walks": walks,
            "changes": _changes(gallery, person),
            "walks_counted_for_scenes": scenes.walks_of(person.person_id),
        }
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        private_file.create_once(folder / "person.json", text.encode())
    except (OSError, GaitError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GaitError(f"folder {folder} is not whole: {reason}: delete it and try again") from error
    return person


def _walk(template: Template, name: str, folder: Path) -> dict[str, Any]:
    _save(folder / f"{name}.npy", np.asarray(template.embedding))
    found: dict[str, Any] = {
        "seen": _time(template.stamp),
        "stored": _time(template.added),
        "origin": template.origin,
        "robot": template.robot,
        "view": template.view,
        "scene": template.scene,
        "measures": {key: [measure.value, measure.deviation] for key, measure in template.measures.items()},
        "embedding": f"{name}.npy",
        "gait_frames": 0,
    }
    if template.frames is not None:
        frames = np.asarray(template.frames)
        _save(folder / f"{name}_frames.npy", frames)
        found |= {"gait_frames": len(frames), "frames": f"{name}_frames.npy"}
        if frames.dtype == np.uint8 and frames.ndim == 3:
            _, packed = cv2.imencode(".png", _picture(frames))
            private_file.create_once(folder / f"{name}.png", packed.tobytes())
            found["picture"] = f"{name}.png"
    return found


def _picture(frames: np.ndarray) -> np.ndarray:
    """Frames (S, H, W) side by side, in rows of _COLUMNS."""
    count, height, width = frames.shape
    rows = -(-count // _COLUMNS)
    padded = np.zeros((rows * _COLUMNS, height, width), np.uint8)
    padded[:count] = frames
    grid = padded.reshape(rows, _COLUMNS, height, width).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(rows * height, _COLUMNS * width))


def _save(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    private_file.create_once(path, buffer.getvalue())


def _changes(gallery: Gallery, person: Person) -> list[dict[str, Any]] | str:
    """What the audit says of the person; why not, where this process may not read it."""
    try:
        entries = gallery.store.audit()
    except (GaitError, OSError, ValueError) as error:
        return f"not to be read here: {getattr(error, 'strerror', None) or error}"
    mine = [entry for entry in entries if person.tag and person.tag in entry.tags]
    return [{"time": entry.time, "what": entry.what, "by": entry.role or f"uid {entry.uid}"} for entry in mine]


def _time(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e9).astimezone().isoformat(timespec="seconds") if stamp else ""
