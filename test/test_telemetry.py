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


def run_traced(folder: Path) -> tuple["subprocess.CompletedProcess[str]", list[str]]:
    """Import everything in an empty home; also returns the system calls that send, none where they cannot be traced."""
    plain = [sys.executable, "-c", IMPORT_ALL]
    trace = folder.with_name("trace")
    traced = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace), *plain]
    for command in (traced, plain):
        if command is traced and shutil.which("strace") is None:
            continue
        done = subprocess.run(command, env=home_of(folder), capture_output=True, text=True, check=False)
        if "ptrace" not in done.stderr:
            break
    calls = trace.read_text(errors="replace").splitlines() if trace.exists() else []
    return done, calls


def test_importing_everything_leaves_nothing_in_the_home_folder_and_connects_to_nobody(tmp_path):
    (home := tmp_path / "home").mkdir()
    done, calls = run_traced(home)
    assert done.returncode == 0, done.stderr
    assert not [name for name in files_below(home) if "Microsoft" in name or "onnxruntime" in name]
    assert not [line for line in calls if "sa_family" in line and not LOOPBACK.search(line)]
    if not calls:
        pytest.skip("nobody can say whether anything was sent: strace is not here, or may not trace")
