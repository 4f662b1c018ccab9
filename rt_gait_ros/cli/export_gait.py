"""`rt-gait export gait`: a gait network from a user's checkpoint, whole and streaming."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.cli.export_engine import (
    add_engine_arguments,
    by_ranges,
    calibrated,
    engine_options,
    make_engine,
    read_cache,
    refuse_loss,
)
from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.model import FAMILY_PARAMETER
from rt_gait_ros.networks.kinds import ELSEWHERE_HELP, FLOW_NETWORKS, KERAS_ENDINGS, KINDS, kind_named
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.calibration_cache import CACHE_FILE
from rt_gait_ros.serving.model_folder import network_or_file, require_free, write_model
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.serving.tensorrt_build import PRECISIONS as ENGINE_PRECISIONS
from rt_gait_ros.serving.tensorrt_build import EngineOptions
from rt_gait_ros.serving.tensorrt_provider import PRECISION_PARAMETER
from rt_gait_ros.silhouette.flow import WINDOW

if TYPE_CHECKING:
    import numpy as np

    from rt_gait_ros.networks.export import Agreement
    from rt_gait_ros.networks.flow_networks import FlowNetwork
    from rt_gait_ros.networks.precision import Variant
    from rt_gait_ros.networks.set_networks import SetNetwork

PRECISIONS = ("fp32", "fp16", "int8", "best")

_GAIT = """\
Reads a checkpoint of GaitSet (-encoder.ptm), of OpenGait's GaitSet or GaitBase (.pt), or of Embedded-Gait's GaitSet
(.hdf5) strictly, exports it to ONNX with 64 x 64 uint8 silhouettes in, checks that the whole set and the stream compute
what PyTorch does, and puts two folders into the model repository. Layers have the widths of the file: GaitSet of
CASIA-B and of OU-MVLP, whole or pruned.

  NAME          is sent a whole sequence each time
  NAME_stream   is sent new frames alone: the server keeps the set of each track, the last --window frames of it

  rt-gait export gait GaitSet_CASIA-B_73_False_256_0.2_128_full_30-80000-encoder.ptm --name gaitset
  rt-gait export gait GaitBase_DA-60000.pt --name gaitbase --window 0

Keras files of Embedded-Gait's 2D-CNN and 3D-CNN, as trained or unrolled and pruned, take 25 frames
of optical flow, and are one folder:

  rt-gait export gait model_2D_150.hdf5 --name flow2d        with the pose node's gait_frame_kind at flow

An ONNX file of another program (GaitSet's Ascend guide, Embedded-Gait, rt_gait_edge, OpenGait) is put into the
repository as it is. How gait frames become its tensors stands in the parameters of config.pbtxt; what the shapes of its
tensors do not tell, --declare says (docs/edge_networks.md lists the names):

  rt-gait export gait gaitset_submit.onnx --name ascend
  rt-gait export gait cnn2d.onnx --name cnn2d --declare embedding_tensor=code_1

In 8-bit integers, for a CPU: the ranges of values come from gait frames of yours (a gallery with its stored ones, or a
folder of silhouettes, of TUM-GAID's samples for flow), or from generated walkers where you name none, and how far
embeddings and rankings of these change is printed.

  rt-gait export gait gaitset_small_v5 --precision int8            a network that is shipped, by its name
  rt-gait export gait GaitBase_DA-60000.pt --precision int8 --calibration ~/.local/share/rt_gait_ros/people.gallery
  rt-gait export gait GaitBase_DA-60000.pt --precision best --max-loss 1      the fastest here of fp32, fp16 and int8

For TensorRT in the gait node's process (`inference: tensorrt`), which builds its engines when they are first needed;
the precision that it computes in is written into config.pbtxt:

  rt-gait export gait GaitBase_DA-60000.pt --tensorrt fp16

On the Jetson itself, an engine for NVIDIA's Triton: a folder of its own, whose network is sent whole sets of 30 frames
(fewer are repeated), or windows of flow, in floating point:

  rt-gait export gait GaitBase_DA-60000.pt --engine fp16 --profiles 1,4,8     tuned to each of these batches
  rt-gait export gait gaitset_small_v5 --engine int8 --dla 0     for a DLA core; what that cannot do runs on the GPU

The gait node then uses any of them with the parameter `model` set to its name.
"""


def add_gait(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait export`."""
    gait = subcommand(kinds, "gait", "a gait network of GaitSet's, OpenGait's or Embedded-Gait's", _GAIT)
    gait.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help="the authors' .ptm or .hdf5, OpenGait's .pt, .onnx, or a shipped network's name",
    )
    gait.add_argument(
        "--network",
        type=kind_named,
        choices=tuple(KINDS),
        help=f"what the file must be; {ELSEWHERE_HELP} (default: found from the names in it)",
    )
    gait.add_argument("--name", help="name of the network in the repository (default: the network's, with _int8)")
    gait.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    gait.add_argument(
        "--window", type=int, default=30, metavar="N", help="frames of the stream's set; 0: all of a track (default 30)"
    )
    gait.add_argument(
        "--threads", type=int, default=1, metavar="N", help="CPU threads for each: more for a room full of people (1)"
    )
    gait.add_argument(
        "--one-sided",
        action="store_true",
        help="of a network of rt-gait train: without the mirror image, half the work",
    )
    gait.add_argument(
        "--precision", choices=PRECISIONS, default="fp32", help="best: the fastest within --max-loss (default fp32)"
    )
    gait.add_argument(
        "--max-loss",
        type=float,
        metavar="PERCENT",
        help="of calibration sequences that may have another nearest; more is refused (best: 1)",
    )
    gait.add_argument(
        "--calibration",
        type=Path,
        metavar="PATH",
        help="folder of gait frames, or gallery, for other precisions than fp32 (walkers); for int8 on a DLA core also "
        f"the {CACHE_FILE} of an earlier export",
    )
    gait.add_argument(
        "--declare",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of an ONNX file: a parameter of config.pbtxt that its tensors do not tell (may be repeated)",
    )
    gait.add_argument(
        "--tensorrt", choices=("fp32", "fp16"), help="what TensorRT in process computes in (default fp32)"
    )
    engine = gait.add_argument_group("TensorRT's engine, on the machine that will run it")
    engine.add_argument("--engine", choices=ENGINE_PRECISIONS, help="build one of this precision, NAME_engine")
    engine.add_argument("--max-batch", type=int, default=8, metavar="N", help="sequences that it takes at once (8)")
    add_engine_arguments(engine)
    gait.add_argument("--force", action="store_true", help="replace networks of these names")
    add_json_argument(gait)
    gait.set_defaults(action=_gait)


def _gait(arguments: argparse.Namespace) -> int:
    _check(arguments)
    options = engine_options(arguments, "--engine", arguments.engine)
    source = network_or_file(arguments.checkpoint, resource("model_repository"))
    if source == arguments.checkpoint and source.suffix == ".onnx":
        return _foreign(arguments)
    if arguments.declare:
        raise UsageError("--declare is for ONNX files: of a checkpoint all is known")
    if options is not None:
        return _engine(arguments, source, options)
    if is_flow(source, arguments.network):
        return _flow(arguments)
    # torch takes seconds to import and is there only with the extra [train]
    from rt_gait_ros.networks.gait_export import STREAM_SUFFIX, export_network, read_gait, write_gait
    from rt_gait_ros.networks.precision import in_precision

    kind, network = read_gait(source, arguments.network, arguments.one_sided)
    shipped = source != arguments.checkpoint
    called = arguments.checkpoint.name if shipped else kind
    _require_free(arguments, called, "", STREAM_SUFFIX)
    sets = _calibration_sets(arguments, "silhouette")
    export = export_network(kind, network, arguments.window)
    chosen, compared = in_precision(export, arguments.precision, sets, _most(arguments))
    repository = arguments.repository or resource("model_repository")
    name = _name(arguments, called, chosen.precision)
    declared = _for_tensorrt(arguments) | (_family(source) if shipped else {})
    folders = write_gait(chosen.export, repository, name, arguments.force, arguments.threads, declared)
    checks = {"whole": export.agreement, "stream": export.stream_agreement}
    return _report(arguments, export.kind, export.window, list(folders), checks, chosen, compared)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be before anything is read."""
    if arguments.window < 0:
        raise UsageError(f"--window {arguments.window}: give a number of frames, or 0 for all of a track")
    if arguments.threads < 1:
        raise UsageError(f"--threads {arguments.threads}: give 1 or more")
    calibrated = arguments.precision != "fp32" or arguments.engine == "int8"
    if arguments.calibration is not None and not calibrated:
        raise UsageError("--calibration goes with --precision fp16, int8 or best, or with --engine int8")
    quantised = arguments.engine == "int8" and arguments.dla is None
    if arguments.max_loss is not None and arguments.precision == "fp32" and not quantised:
        raise UsageError("--max-loss goes with --precision fp16, int8 or best, or with --engine int8 without --dla")
    if arguments.max_loss is not None and not 0.0 <= arguments.max_loss < 100.0:
        raise UsageError(f"--max-loss {arguments.max_loss:g}: give a percentage from 0 to below 100")
    if arguments.tensorrt and arguments.precision != "fp32":
        raise UsageError(
            "--precision is for a CPU, --tensorrt for a GPU, which takes none of its int8: give one of them"
        )
    if arguments.engine and (arguments.tensorrt or arguments.precision != "fp32"):
        raise UsageError("--engine names the precision of the engine: leave --precision and --tensorrt out")
    if arguments.name:  # else the checkpoint says how it is called
        require_free(arguments.repository or resource("model_repository"), arguments.name, arguments.force)


def _require_free(arguments: argparse.Namespace, kind: str, *endings: str) -> None:
    """Refuse names that are taken before the export, which takes a minute: of "best", which may be any, all of them."""
    repository = arguments.repository or resource("model_repository")
    for precision in PRECISIONS[:-1] if arguments.precision == "best" else (arguments.precision,):
        for ending in endings:
            require_free(repository, _name(arguments, kind, precision) + ending, arguments.force)


def _foreign(arguments: argparse.Namespace) -> int:
    if arguments.precision != "fp32" or arguments.network or arguments.one_sided or arguments.engine:
        raise UsageError("an ONNX file is served as it is: leave --precision, --network, --one-sided and --engine out")
    from rt_gait_ros.networks.foreign_gait import read_foreign, write_foreign

    declared = [text.partition("=") for text in arguments.declare]
    if wrong := [key for key, equals, _ in declared if not (key and equals)]:
        raise UsageError(f"--declare {wrong[0]}: give KEY=VALUE")
    name = arguments.name or arguments.checkpoint.stem
    parameters = {"intra_op_thread_count": str(arguments.threads)} | _for_tensorrt(arguments)
    parameters |= {key: value for key, _, value in declared}
    network = read_foreign(arguments.checkpoint, name, parameters)
    folder = write_foreign(network, arguments.repository or resource("model_repository"), arguments.force)
    model = network.description
    payload = {
        "network": name,
        "folders": [str(folder)],
        "gait_frame_kind": model.gait_frame_kind,
        "min_frames": model.min_frames,
        "max_frames": model.max_frames,
        "embedding": list(model.embedding_shape),
        "parameters": dict(network.spec.parameters),
    }
    lines = [
        f"{name}: {folder}",
        f"takes {model.min_frames} to {model.max_frames} {model.gait_frame_kind} gait frames, gives "
        f"{model.embedding_shape[0]} parts of {model.embedding_shape[1]} channels; declared in config.pbtxt:",
        *(f"  {key}: {value}" for key, value in sorted(network.spec.parameters.items())),
    ]
    emit(arguments, payload, "\n".join(lines))
    return 0


def is_flow(checkpoint: Path, network: str | None) -> bool:
    """Whether a checkpoint is of a network on optical flow: as the user says, or as a Keras file's layers tell.

    Raises CheckpointError for a file that is none.
    """
    if network is not None or checkpoint.suffix not in KERAS_ENDINGS:
        return network in FLOW_NETWORKS
    from rt_gait_ros.networks.keras_gaitset import is_keras_gaitset

    return not is_keras_gaitset(checkpoint)


def _flow(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.networks.flow_export import export_flow_network, write_flow
    from rt_gait_ros.networks.keras_checkpoints import load_flow_network
    from rt_gait_ros.networks.precision import in_precision

    kind, network = load_flow_network(arguments.checkpoint, arguments.network)
    _require_free(arguments, kind, "")
    windows = _calibration_sets(arguments, "flow")
    export = export_flow_network(kind, network)
    chosen, compared = in_precision(export, arguments.precision, windows, _most(arguments))
    repository = arguments.repository or resource("model_repository")
    name = _name(arguments, export.kind, chosen.precision)
    folder = write_flow(chosen.export, repository, name, arguments.force, _for_tensorrt(arguments))
    return _report(arguments, export.kind, WINDOW, [folder], {"whole": export.agreement}, chosen, compared)


def _engine(arguments: argparse.Namespace, source: Path, options: EngineOptions) -> int:
    from rt_gait_ros.networks.calibration_sets import calibration_sets
    from rt_gait_ros.networks.gait_engine import engine_network
    from rt_gait_ros.networks.gait_export import read_gait
    from rt_gait_ros.networks.keras_checkpoints import load_flow_network

    flow, shipped = is_flow(source, arguments.network), source != arguments.checkpoint
    network: FlowNetwork | SetNetwork
    if flow:
        kind, network = load_flow_network(source, arguments.network)
    else:
        kind, network = read_gait(source, arguments.network, arguments.one_sided)
    name = _name(arguments, arguments.checkpoint.name if shipped else kind, "engine")
    repository = arguments.repository or resource("model_repository")
    require_free(repository, name, arguments.force)
    path = arguments.calibration
    cache = path if by_ranges(options) and path and path.suffix == Path(CACHE_FILE).suffix else None
    kept = None if cache is None else read_cache(cache)
    walks = options.precision == "int8" and kept is None
    sets = calibration_sets(path, "flow" if flow else "silhouette") if walks else []
    export = engine_network(network, name, _family(source) if shipped else {})
    requests = export.requests(sets)
    options, model, loss = calibrated(options, export.model, lambda: requests, kept, cache)
    checks = {"agreement": export.agreement}
    if loss is not None:
        checks["int8"] = loss
        lost = 1.0 - export.changed(model, requests).nearest
        refuse_loss(lost, arguments.max_loss, "the nearest of the calibration sequences")
    engine = make_engine(options, export.spec, model)
    engine.config.dynamic_batching.SetInParent()
    folder = write_model(
        repository, engine.spec, model, options.max_batch, arguments.force, engine.files, engine.config
    )
    payload = {
        "network": kind,
        "precision": options.precision,
        "folders": [str(folder)],
        **{what: {"difference": check.difference, "scale": check.scale} for what, check in checks.items()},
    }
    lines = [f"{kind}: {folder}, in {options.precision}"]
    for what, check in checks.items():
        how = "int8 differs from floating point" if what == "int8" else "off PyTorch"
        lines.append(f"{how} by {check.difference:.2g} at most, of values up to {check.scale:.3g}")
    emit(arguments, payload, "\n".join(lines))
    return 0


def _family(model: Path) -> dict[str, str]:
    """Of a network of the repository: whose embeddings its own, in any precision, may be compared with."""
    declared = read_model(model.parents[1]).spec.parameters
    return {key: value for key, value in declared.items() if key == FAMILY_PARAMETER}


def _for_tensorrt(arguments: argparse.Namespace) -> dict[str, str]:
    return {PRECISION_PARAMETER: arguments.tensorrt} if arguments.tensorrt else {}


def _most(arguments: argparse.Namespace) -> float | None:
    return None if arguments.max_loss is None else arguments.max_loss / 100


def _calibration_sets(arguments: argparse.Namespace, kind: str) -> "list[np.ndarray]":
    """What other precisions are calibrated and compared on; nothing for fp32. Read first: an export takes a minute."""
    if arguments.precision == "fp32":
        return []
    from rt_gait_ros.networks.calibration_sets import calibration_sets

    return calibration_sets(arguments.calibration, kind)


def _name(arguments: argparse.Namespace, kind: str, precision: str) -> str:
    ending = "" if precision == "fp32" else f"_{precision}"
    return str(arguments.name or kind.replace("-", "_") + ending)


def _report(
    arguments: argparse.Namespace,
    kind: str,
    window: int,
    folders: list[Path],
    checks: "dict[str, Agreement]",
    chosen: "Variant[Any]",
    compared: "list[Variant[Any]]",
) -> int:
    payload: dict[str, Any] = {
        "network": kind,
        "window": window,
        "precision": chosen.precision,
        "folders": [str(folder) for folder in folders],
        "agreement": {name: {"difference": a.difference, "scale": a.scale} for name, a in checks.items()},
    }
    lines = [f"{kind}: {', '.join(str(folder) for folder in folders)}"]
    for name, check in checks.items():
        lines.append(f"{name}: off PyTorch by {check.difference:.2g} at most, of values up to {check.scale:.3g}")
    for variant in compared:
        if variant.changes:
            payload[variant.precision] = {name: asdict(changed) for name, changed in variant.changes.items()}
        if variant.seconds is not None:
            payload.setdefault("milliseconds", {})[variant.precision] = 1e3 * variant.seconds
            lines.append(f"{variant.precision}: {1e3 * variant.seconds:.2f} ms for a sequence, one thread")
        for name, changed in variant.changes.items():
            lines.append(
                f"{name} in {variant.precision}: embeddings move by {changed.shift:.3g}, of {changed.between:.3g} "
                f"between two sequences; {100 * changed.nearest:.1f} % keep their nearest, rank correlation "
                f"{changed.ranking:.3f}"
            )
    if len(compared) > 1:
        lines.append(f"{chosen.precision} is the fastest that loses no more than asked, and was written")
    emit(arguments, payload, "\n".join(lines))
    return 0
