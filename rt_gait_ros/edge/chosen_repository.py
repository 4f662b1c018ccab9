"""A model repository of chosen networks, made of links or copies, whole or not there."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from rt_gait_ros.edge.capacity import FILE_NAME, write_capacities
from rt_gait_ros.errors import UsageError, of_file
from rt_gait_ros.serving.repository import CONFIG_FILE, RepositoryModel, read_model


def require_measured(model: RepositoryModel, sha256: str) -> None:
    """Refuse a network whose file is another one than was measured. sha256: the beginning of the measured file's, or
    empty where that is not known. Raises GaitError."""
    try:
        found = hashlib.sha256(model.model_file.read_bytes()).hexdigest()
    except OSError as error:
        raise of_file(error, f"{model.model_file} cannot be read") from None
    if not found.startswith(sha256):
        raise UsageError(
            f"{model.model_file} is another file than was measured as {model.config.name}: measure it, "
            "or name the measured one's --repository"
        )


def write_repository(
    target: Path,
    networks: Mapping[str, RepositoryModel],
    *,
    copy: bool = False,
    replace: bool = False,
    looks: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Make `target` a repository of these networks: links to their folders, or copies.

    looks: a second that each of them answers, as far as that was measured (capacity.json).
    replace: what is there, if it is a model repository and nothing else. On an error it is as it was before. Raises
    UsageError where something is there, GaitError where it cannot be written.
    """
    _check(target, networks, replace)
    mark = secrets.token_hex(6)
    new, old = (target.with_name(f".{target.name}.{mark}.{end}") for end in ("new", "old"))
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            new.mkdir()
            for name, model in networks.items():
                if copy:
                    _copy(model.folder.resolve(), new / name)
                else:
                    (new / name).symlink_to(model.folder.resolve())
                read_model(new / name)
            if looks:
                write_capacities(new, looks)
            _put(new, target, old)
        finally:
            shutil.rmtree(new, ignore_errors=True)  # links in it are removed, and what they lead to stays
    except OSError as error:
        raise of_file(error, f"{target} cannot be written") from None
    shutil.rmtree(old, ignore_errors=True)


def _put(new: Path, target: Path, old: Path) -> None:
    """Give `new` the name `target`; what had it becomes `old`, or has it again where that fails."""
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
    except BaseException:  # Ctrl-C as well
        with suppress(FileNotFoundError):
            old.rename(target)
        raise


def _check(target: Path, networks: Mapping[str, RepositoryModel], replace: bool) -> None:
    if target.is_symlink():
        raise UsageError(f"{target} is a link: name the folder itself")
    if not target.exists():
        return
    if not replace:
        raise UsageError(f"{target} is there already: name another --output, or replace it with --force")
    whole = target.resolve()
    for model in networks.values():
        folder = model.folder.resolve()
        if whole == folder or whole in folder.parents or folder in whole.parents:
            raise UsageError(f"{target} holds {model.config.name}, which is to be taken: name another --output")
    if not _is_repository(target):
        raise UsageError(f"{target} holds more than networks, and is not replaced: name another --output")


def _is_repository(folder: Path) -> bool:
    try:
        return folder.is_dir() and all(
            each.name == FILE_NAME or (each / CONFIG_FILE).is_file() for each in folder.iterdir()
        )
    except OSError as error:
        raise of_file(error, f"{folder} cannot be read") from None


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with what its links lead to. Raises OSError."""
    for place, _, files in os.walk(source, followlinks=True):
        folder = target / Path(place).relative_to(source)
        folder.mkdir()
        for name in files:
            shutil.copyfile(Path(place, name), folder / name)
