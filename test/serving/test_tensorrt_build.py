"""Building engines, as far as a machine without TensorRT can tell: what is asked of it, and what is refused."""

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from rt_gait_ros.serving import tensorrt_build
from rt_gait_ros.serving.inference import TensorSpec
from rt_gait_ros.serving.tensorrt_build import (
    EngineOptions,
    TensorRTError,
    build_engine,
    require_builder,
    trtexec_command,
)

IMAGE = (TensorSpec("image", "uint8", (-1, 224, 224, 3)),)


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        (EngineOptions("fp32", max_batch=4), []),
        (EngineOptions("fp16", max_batch=4), ["--fp16"]),
        (EngineOptions("int8", max_batch=4), ["--fp16", "--int8"]),
        (EngineOptions("fp16", dla=1), ["--fp16", "--useDLACore=1", "--allowGPUFallback"]),
    ],
)
def test_the_command_says_what_is_asked(options: EngineOptions, flags: list[str]) -> None:
    command = trtexec_command("trtexec", Path("a.onnx"), Path("a.plan"), IMAGE, options)
    most = options.max_batch
    assert command == [
        "trtexec",
        "--onnx=a.onnx",
        "--saveEngine=a.plan",
        "--skipInference",
        "--minShapes=image:1x224x224x3",
        f"--optShapes=image:{most}x224x224x3",
        f"--maxShapes=image:{most}x224x224x3",
        *flags,
    ]


def program(folder: Path, script: str) -> str:
    """A stand-in for trtexec."""
    path = folder / "trtexec"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def without_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build.importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_module")
def test_the_programs_engine_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'for a in "$@"; do case $a in --onnx=*) i=${a#*=};; --saveEngine=*) o=${a#*=};; esac; done; cp $i $o'
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: program(tmp_path, script))
    assert build_engine(b"network", IMAGE, EngineOptions("fp16")) == b"network"


@pytest.mark.usefixtures("without_module")
def test_the_programs_reason_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "[I] begin"; echo "[E] Error[4]: no such layer" >&2; exit 1'
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: program(tmp_path, script))
    with pytest.raises(TensorRTError, match=r"cannot build the engine: \[E\] Error\[4\]: no such layer"):
        build_engine(b"network", IMAGE, EngineOptions("fp16"))


@pytest.mark.usefixtures("without_module")
def test_a_machine_without_either_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: None)
    with pytest.raises(TensorRTError, match="apt install tensorrt") as caught:
        build_engine(b"network", IMAGE, EngineOptions("fp16"))
    assert "\n" not in str(caught.value)


@pytest.fixture
def with_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build.importlib.util, "find_spec", lambda name: name)


@pytest.mark.usefixtures("with_module")
@pytest.mark.parametrize("version", ["8.5.3.1", "11.0.0", "12.0rc1"])
def test_other_releases_are_refused_before_the_work_begins(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build.importlib, "import_module", lambda name: SimpleNamespace(__version__=version))
    for build in (require_builder, lambda: build_engine(b"network", IMAGE, EngineOptions("fp16"))):
        with pytest.raises(TensorRTError, match=f"TensorRT {version} is installed: engines are built with 8"):
            build()


@pytest.mark.usefixtures("with_module")
@pytest.mark.parametrize("kind", [ImportError, OSError])
def test_a_module_whose_libraries_are_missing_is_one_line(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        raise kind("libnvinfer.so.10: cannot open shared object file:\nNo such file or directory")

    monkeypatch.setattr(tensorrt_build.importlib, "import_module", load)
    with pytest.raises(TensorRTError, match=r"does not load \(libnvinfer.so.10: .*\): install TensorRT's") as caught:
        require_builder()
    assert "\n" not in str(caught.value)
