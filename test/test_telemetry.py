"""Nothing that this package imports says anything to anybody outside the machine."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IMPORT_ALL = f"""
import importlib, pkgutil, sys
import rt_gait_ros
sys.path.insert(0, {str(ROOT / "benchmark")!r})
names = [module.name for module in pkgutil.walk_packages(rt_gait_ros.__path__, "rt_gait_ros.")]
names += [module.name for module in pkgutil.iter_modules([{str(ROOT / "benchmark")!r}])]
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:  # an extra that is not installed, or what only Triton's stub has
        print("left out", name, error)
import onnxruntime
onnxruntime.InferenceSession({str(ROOT / "model_repository" / "gait_energy_image" / "1" / "model.onnx")!r})
"""
# With one of these ONNX Runtime says nothing of itself, and the test would show nothing.
SILENCING = {"CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"}
LOOPBACK = re.compile(r"AF_UNIX|AF_NETLINK|AF_UNSPEC|\"127\.|\"::1\"")


def home_of(folder: Path) -> dict[str, str]:
    """The environment of a user who has never run anything."""
    kept = {name: value for name, value in os.environ.items() if name not in SILENCING and not name.startswith("XDG_")}
    return kept | {"HOME": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_importing_everything_leaves_nothing_in_the_home_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], env=home_of(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [name for name in files_below(tmp_path) if "Microsoft" in name or "onnxruntime" in name]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_importing_everything_connects_to_nobody(tmp_path):
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-c", IMPORT_ALL], env=home_of(tmp_path), capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    calls = [line for line in trace.read_text(errors="replace").splitlines() if "sa_family" in line]
    assert not [line for line in calls if not LOOPBACK.search(line)]
