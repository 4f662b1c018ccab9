"""What is kept of scenes, for whoever lists, deletes or exports it: files of this machine, or rows of a server."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gallery.cipher import Cipher


@dataclass(frozen=True, slots=True)
class KeptScene:
    """The statistics of one scene under one gait model.

    walks: how many walks they stand on. newest: of the last one, ns since the epoch; 0 where there is none. place: the
    file, or what the server's gallery is called. robot: whose they are, on a server. problem: why they cannot be read.
    """

    scene: str
    model: str
    walks: int
    newest: int
    place: str
    robot: str = ""
    problem: str = ""


class SceneKeeper(Protocol):
    """Where statistics of scenes are kept. Errors are GaitErrors of one line."""

    @property
    def name(self) -> str:
        """Of the place, for people."""

    def listed(self) -> list[KeptScene]:
        """All of them, in order."""

    def forget(self, scenes: Sequence[KeptScene]) -> None:
        """Delete these of the list, whatever was added since."""

    def walks_of(self, person_id: str) -> dict[str, int]:
        """By scene, how many walks that were named as this person the statistics stand on."""


class FolderScenes:
    """The files beside a gallery, or beside a robot's copy of one."""

    def __init__(self, folder: Path, cipher: Cipher | None = None) -> None:
        self._folder, self._cipher = folder, cipher

    @property
    def name(self) -> str:
        """As SceneKeeper.name."""
        return str(self._folder)

    def listed(self) -> list[KeptScene]:
        """As SceneKeeper.listed."""
        return [self._listed(path) for path in scene_file.files(self._folder)]

    def forget(self, scenes: Sequence[KeptScene]) -> None:
        """As SceneKeeper.forget; needs no key."""
        for scene in scenes:
            scene_file.delete(Path(scene.place))

    def walks_of(self, person_id: str) -> dict[str, int]:
        """As SceneKeeper.walks_of; a file that cannot be read counts for nothing."""
        found: dict[str, int] = {}
        for path in scene_file.files(self._folder):
            with suppress(SceneError):
                record = scene_file.read(path, self._cipher)
                count = sum(person_id in owner.split() for owner in record.owners) if record is not None else 0
                if count:
                    found[scene_file.name_of(path)] = found.get(scene_file.name_of(path), 0) + count
        return found

    def _listed(self, path: Path) -> KeptScene:
        scene, model, place = scene_file.name_of(path), scene_file.model_of(path), str(path)
        try:
            record = scene_file.read(path, self._cipher)
        except SceneError as error:
            return KeptScene(scene, model, 0, 0, place, problem=str(error))
        stamps = [] if record is None else record.stamps.tolist()
        return KeptScene(scene, model, len(stamps), max(stamps, default=0), place)
