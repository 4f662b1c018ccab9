"""Where a tritonserver is to be had: NVIDIA's own, an installed pytriton package, or our unpacked copy of its wheel."""

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote
from tempfile import mkdtemp

from rt_gait_ros.errors import GaitError
from rt_gait_ros.serving.cache import cache_folder

# The pip package that carries a tritonserver for glibc >= 2.35. It wants numpy < 2, so only its server is taken.
WHEEL = "nvidia-pytriton==0.7.0"
TRITON_VERSION = "2.51.0"
# sha256 of the released wheels, x86_64 and aarch64: an index that gives another file is not believed.
WHEEL_SHA256 = (
    "21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df",
    "f99e07ee56fe065337453956afba17d2673e02ec6a632c3de26ce6e7b32a0898",
)
_WHEEL_PARTS = ("pytriton/tritonserver/", "nvidia_pytriton.libs/", "nvidia_pytriton-0.7.0.dist-info/licenses/")
# wheels carry it once per Python version
_STUB = "triton_python_backend_stub"

# Devices of NVIDIA's drivers: of a card, and of a Jetson.
_DEVICES = Path("/dev")
_GPUS = ("nvidia[0-9]*", "nvhost-gpu", "nvgpu")

Progress = Callable[[str], None]


class ServerNotInstalled(GaitError):
    """No tritonserver on this machine, or one that cannot run here."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A tritonserver. binary: the program; backends: its backends' folder; libraries: where its shared libraries lie.

    origin: where it was found, for people.
    """

    binary: Path
    backends: Path
    origin: str
    libraries: Path | None = None

    @property
    def has_onnxruntime(self) -> bool:
        """Whether it serves ONNX files by itself, as NVIDIA's containers and Jetson packages do."""
        return (self.backends / "onnxruntime").is_dir()

    @property
    def uses_gpu(self) -> bool:
        """Whether networks that do not say where they run, as those of this package, run on a GPU.

        Triton puts them there where it has NVIDIA's backends and finds a GPU; the wheel's server has the CPU alone.
        """
        return self.has_onnxruntime and has_gpu()

    @property
    def stub(self) -> Path:
        """The program that runs this Python for the Python backend. Raises ServerNotInstalled when there is none."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        stubs = self.binary.parents[1] / "python_backend_stubs"
        for path in (stubs / version / _STUB, self.backends / "python" / _STUB):
            if path.is_file():
                return path
        raise ServerNotInstalled(f"{self.binary} has no Python backend for Python {version}: use Python 3.10 to 3.13")


def find_installation() -> Installation:
    """The tritonserver to use: `RT_GAIT_TRITONSERVER`, PATH, an installed pytriton, our cache folder, in this order.

    Raises ServerNotInstalled when there is none, with what to do.
    """
    if named := os.environ.get("RT_GAIT_TRITONSERVER"):
        if not os.access(named, os.X_OK):
            raise ServerNotInstalled(f"RT_GAIT_TRITONSERVER is {named}, which is not a program: correct or unset it")
        return _beside(Path(named), "RT_GAIT_TRITONSERVER")
    if found := shutil.which("tritonserver"):
        return _beside(Path(found), "PATH")
    specification = importlib.util.find_spec("pytriton")
    roots = [(Path(folder).parent, "pytriton") for folder in getattr(specification, "submodule_search_locations", [])]
    for root, origin in [*roots, (install_folder(), "rt-gait triton install")]:
        binary = root / "pytriton/tritonserver/bin/tritonserver"
        if binary.is_file():
            return _beside(binary, origin)
    # A service has a cache folder of its own: what somebody installed for themselves is not there.
    settings = f"RT_GAIT_CACHE={quote(cache)} " if (cache := os.environ.get("RT_GAIT_CACHE")) else ""
    raise ServerNotInstalled(f"no tritonserver on this machine: run `{settings}rt-gait triton install`")


def embedded_uses_gpu() -> bool:
    """Whether the server that this package starts runs networks on a GPU; not where there is none yet."""
    try:
        return find_installation().uses_gpu
    except ServerNotInstalled:
        return False


def has_gpu() -> bool:
    """Whether this machine has a GPU of NVIDIA, and its driver."""
    return any(any(_DEVICES.glob(pattern)) for pattern in _GPUS)


def install_folder() -> Path:
    """Where `install` puts the server; a folder that is there is complete."""
    return cache_folder() / f"tritonserver-{TRITON_VERSION}-{platform.machine()}"


def install(progress: Progress) -> Installation:
    """Unpack tritonserver into the cache folder, unless it is there already. progress: takes lines to show.

    The folder appears whole or not at all. Raises ServerNotInstalled when it cannot be had.
    """
    target = install_folder()
    if target.is_dir():
        progress(f"tritonserver {TRITON_VERSION} is already in {target}")
        return _beside(target / "pytriton/tritonserver/bin/tritonserver", "rt-gait triton install")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent))
    try:
        wheel = _download(cache_folder() / "downloads", progress)
        progress(f"unpacking {wheel.name}")
        _unpack(wheel, scratch)
        _check_runs(_beside(scratch / "pytriton/tritonserver/bin/tritonserver", "download"))
        try:
            scratch.rename(target)
        except OSError:
            if not target.is_dir():  # else another install was faster
                raise
    except OSError as error:
        raise ServerNotInstalled(f"cannot install tritonserver into {target}: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(cache_folder() / "downloads", ignore_errors=True)
    progress(f"tritonserver {TRITON_VERSION} is in {target}")
    return _beside(target / "pytriton/tritonserver/bin/tritonserver", "rt-gait triton install")


def server_environment(installation: Installation) -> dict[str, str]:
    """Environment variables for the server process, whose Python backend shall find what this Python finds."""
    environment = dict(os.environ)
    if installation.libraries is not None:
        environment["LD_LIBRARY_PATH"] = f"{installation.libraries}:{sysconfig.get_config_var('LIBDIR')}"
    # Triton's stub takes the environment of the first python3 on the PATH.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if Path(path).is_dir())
    # The ROS wheels re-execute any Python that imports them without this; Triton's stubs would not survive that.
    environment["_ROS_WHEELS_BOOTSTRAP_COMPLETE"] = "1"
    environment["ORT_DISABLE_TELEMETRY"] = "1"  # as rt_gait_ros/__init__.py says; for Triton's own backend as well
    return environment


def _beside(binary: Path, origin: str) -> Installation:
    """An installation from its program: <root>/bin/tritonserver, <root>/backends."""
    binary = binary.resolve()
    libraries = binary.parents[3] / "nvidia_pytriton.libs"
    return Installation(binary, binary.parents[1] / "backends", origin, libraries if libraries.is_dir() else None)


def _download(folder: Path, progress: Progress) -> Path:
    """The released wheel, by pip. One that an earlier call, or a person, left there is used again."""
    for wheel in folder.glob("nvidia_pytriton-*.whl"):
        if _sha256(wheel) in WHEEL_SHA256:
            return wheel
        progress(f"{wheel} is not the released wheel (sha256 differs): removed")
        wheel.unlink()
    progress(f"downloading {WHEEL} (55 MB)")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.txt"
    wanted.write_text(" ".join([WHEEL, *(f"--hash=sha256:{digest}" for digest in WHEEL_SHA256)]), encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--quiet", "--retries", "5", "--dest", str(folder)]
    command += ["--require-hashes", "--requirement", str(wanted)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("nvidia_pytriton-*.whl"))
    if result.returncode or not wheels:
        said = [line for line in result.stderr.splitlines() if line.strip()]
        reason = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "no wheel came")
        raise ServerNotInstalled(
            f"pip cannot download {WHEEL} ({reason}): check the network and run `rt-gait triton install` again"
        )
    return wheels[0]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unpack(wheel: Path, folder: Path) -> None:
    """Unpack the server's parts of the wheel, keeping which files are programs."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if member.is_dir() or not member.filename.startswith(_WHEEL_PARTS):
                    continue
                path = Path(archive.extract(member, folder))
                if PurePosixPath(member.filename).name in ("tritonserver", _STUB):
                    path.chmod(0o755)
    except zipfile.BadZipFile as error:
        wheel.unlink()
        raise ServerNotInstalled(
            f"{wheel} is damaged ({error}): it is removed, run `rt-gait triton install` again"
        ) from None


def _check_runs(installation: Installation) -> None:
    """Raise ServerNotInstalled when the program does not start here: another processor, too old a C library."""
    result = subprocess.run(
        [installation.binary, "--help"],
        env=server_environment(installation),
        capture_output=True,
        text=True,
        check=False,
    )
    if "--model-repository" not in result.stdout + result.stderr:
        reason = (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[0]
        raise ServerNotInstalled(f"tritonserver {TRITON_VERSION} does not run here (it needs glibc 2.35): {reason}")
