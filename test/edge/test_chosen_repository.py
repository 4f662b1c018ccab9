import errno
import hashlib
import shutil

import pytest

from rt_gait_ros.edge.chosen_repository import require_measured, write_repository
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.repository import read_model, read_repository

NAMES = ("gait_energy_image", "nanodet")


@pytest.fixture
def networks():
    return {name: read_model(resource("model_repository", name)) for name in NAMES}


@pytest.mark.parametrize("copy", [False, True])
def test_it_is_a_repository_of_links_or_of_copies(tmp_path, networks, copy):
    target = tmp_path / "new" / "chosen"
    write_repository(target, networks, copy=copy)
    assert tuple(read_repository(target)) == NAMES
    assert [path.is_symlink() for path in sorted(target.iterdir())] == [not copy, not copy]
    assert (target / NAMES[0] / "calibration.json").is_file(), "what belongs to the network comes with it"
    assert [path.name for path in target.parent.iterdir()] == ["chosen"]


def test_what_is_there_stays_unless_it_may_be_replaced(tmp_path, networks):
    target = tmp_path / "chosen"
    write_repository(target, {NAMES[0]: networks[NAMES[0]]})
    with pytest.raises(UsageError, match="is there already: name another --output, or replace it with --force"):
        write_repository(target, networks)
    assert len(list(target.iterdir())) == 1
    write_repository(target, networks, replace=True)
    assert tuple(read_repository(target)) == NAMES
    assert networks[NAMES[0]].model_file.is_file(), "what the removed links led to is still there"


def test_nothing_else_than_a_repository_is_ever_replaced(tmp_path, networks):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="holds more than networks, and is not replaced"):
        write_repository(tmp_path, networks, replace=True)
    own = tmp_path / "own"
    shutil.copytree(networks["nanodet"].folder, own / "nanodet")
    with pytest.raises(UsageError, match="holds nanodet, which is to be taken"):
        write_repository(own, {"nanodet": read_model(own / "nanodet")}, replace=True)
    (tmp_path / "link").symlink_to(own)
    with pytest.raises(UsageError, match="is a link: name the folder itself"):
        write_repository(tmp_path / "link", networks, replace=True)
    assert (own / "nanodet" / "config.pbtxt").is_file()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_leaves_everything_as_it_was(tmp_path, networks, monkeypatch, number):
    target = tmp_path / "chosen"
    write_repository(target, {NAMES[0]: networks[NAMES[0]]})

    def fail(source, copy):
        raise OSError(number, "no room", copy)

    monkeypatch.setattr("rt_gait_ros.edge.chosen_repository.shutil.copyfile", fail)
    with pytest.raises(GaitError, match="chosen cannot be written: no room"):
        write_repository(target, networks, copy=True, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["chosen"]
    assert tuple(read_repository(target)) == NAMES[:1]


def test_a_folder_that_cannot_be_put_in_place_gives_the_old_one_back(tmp_path, networks, monkeypatch):
    target = tmp_path / "chosen"
    write_repository(target, {NAMES[0]: networks[NAMES[0]]})
    rename = type(target).rename

    def fail(path, name):
        if path.name.endswith(".new"):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(path, name)

    monkeypatch.setattr(type(target), "rename", fail)
    with pytest.raises(UsageError, match="chosen cannot be written: Permission denied"):
        write_repository(target, networks, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["chosen"]
    assert tuple(read_repository(target)) == NAMES[:1]


def test_another_file_than_was_measured_is_refused(networks):
    model = networks[NAMES[0]]
    require_measured(model, hashlib.sha256(model.model_file.read_bytes()).hexdigest()[:16])
    require_measured(model, "")
    with pytest.raises(UsageError, match="is another file than was measured as gait_energy_image"):
        require_measured(model, "0123456789abcdef")
