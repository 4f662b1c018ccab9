"""What a refresh of an identity costs when the set grows by a frame, and how many subjects two cores keep up with.

Without --model, GaitSet with random weights: the time does not depend on them, recognition does. What a variant does to
recognition stands beside it, on generated walkers.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import onnxruntime
from streaming_load import LATE, RATE, WINDOW, Cadence, Trial, most_subjects, trial
from streaming_variants import Variant, accuracies, variants, write_random_networks
from walkers import walk

from rt_gait_ros.edge.energy import Recorder
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row, median_seconds
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import Sequence
from rt_gait_ros.serving.installation import find_installation
from rt_gait_ros.serving.repository import RepositoryModel, read_repository, why_not_there
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.streaming import StreamingNetwork, StreamRequest
from rt_gait_ros.serving.triton_client import TritonClient

SUMMARY = "milliseconds per identity refresh, streaming and by whole windows; subjects at 25 frames per second"
REFERENCE = "the 30-frame window anew, ONNX Runtime float32"
# rt_gait_edge (Sci Rep 15:19276, 2025): simultaneous subjects at 25 inferences per second on a Jetson Orin Nano.
EDGE, EDGE_SUBJECTS = "rt_gait_edge, Orin Nano", 42.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=30, metavar="N", help="timed runs of each row (30)")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="length of a trial through Triton (5)")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        help="a network of the repository that has a NAME_stream, instead of random weights; more than once for "
        "several, the first is what the others' recognition is held against",
    )
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (the package's)")
    parser.add_argument("--no-subjects", action="store_true", help="no load through Triton")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Time each way in turn, one thread, and then load Triton. Raises GaitError. See docs/streaming.md."""
    if not arguments.no_subjects:
        find_installation()  # what is missing is said before minutes of the other times
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        repository = Path(folder)
        if arguments.model:
            _link(arguments.repository or resource("model_repository"), arguments.model, repository)
        else:
            write_random_networks(repository, progress)
        models = read_repository(repository)
        chosen = variants(arguments.model)
        rows = _refresh_rows(models, chosen, max(arguments.runs, 3), progress)
        rows += _accuracy_rows(models, chosen, progress)
        if not arguments.no_subjects:
            rows += _subject_rows(repository, models, chosen, arguments.seconds, progress, arguments.recorder)
    return rows


def _link(source: Path, networks: list[str], repository: Path) -> None:
    known = read_repository(source)
    for name in (name for network in networks for name in (network, f"{network}_stream")):
        if name not in known:
            raise UsageError(why_not_there(source, name, known))
        if not (repository / name).exists():
            (repository / name).symlink_to(known[name].folder.resolve())


def _refresh_rows(
    models: Mapping[str, RepositoryModel], chosen: tuple[Variant, ...], runs: int, progress: Callable[[str], None]
) -> list[Row]:
    """Milliseconds of one new frame and the head, beside those of a whole window of the first network."""
    window = 1e3 * median_seconds(_window_run(models[chosen[0].network]), runs)
    pytorch = 1e3 * median_seconds(_pytorch_run(), runs)
    rows = [Row("window_pytorch", pytorch, "ms", REFERENCE, window)]
    rows.append(Row("window_onnxruntime", window, "ms", REFERENCE, window))
    for variant in _each_network(chosen):
        if variant.network != chosen[0].network:
            own = 1e3 * median_seconds(_window_run(models[variant.network]), runs)
            rows.append(Row(f"window{variant.suffix}", own, "ms", REFERENCE, window))
        for tracks in (1, 16):
            network = _open(models[f"{variant.network}_stream"], threads=1)
            value = 1e3 * median_seconds(_looks(network, tracks, 1), runs) / tracks
            name = f"streaming{variant.suffix}" + ("" if tracks == 1 else "_batch16")
            rows.append(Row(name, value, "ms", REFERENCE, window))
            progress(f"{name}: {value:.2f} ms a refresh, the window {window:.1f} ms")
    return rows


def _each_network(chosen: tuple[Variant, ...]) -> list[Variant]:
    """The first variant of each network, which names it."""
    first: dict[str, Variant] = {}
    for variant in chosen:
        first.setdefault(variant.network, variant)
    return list(first.values())


def _pytorch_run() -> Callable[[], object]:
    """One run of GaitSet on a window in PyTorch, one thread."""
    # torch takes seconds to import and is there only with the extra [train]
    import torch

    from rt_gait_ros.networks.set_networks import GaitSet
    from rt_gait_ros.networks.stream_graphs import WholeSet

    torch.set_num_threads(1)
    whole, frames = WholeSet(GaitSet()).eval(), torch.from_numpy(walk(0.5, WINDOW)[None])

    def run() -> object:
        with torch.inference_mode():
            return whole(frames)

    return run


def _window_run(model: RepositoryModel) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.model_file, options, providers=["CPUExecutionProvider"])
    frames = walk(0.5, WINDOW)[None]
    return lambda: session.run(None, {"gait_frames": frames})


def _open(model: RepositoryModel, threads: int) -> StreamingNetwork:
    return StreamingNetwork(model.model_file.parent, model.spec, threads, idle_limit=1e9)


def _looks(network: StreamingNetwork, tracks: int, frames: int) -> Callable[[], object]:
    """So many new frames for each track, and its embedding; the windows are full before."""
    window = walk(0.5, WINDOW)
    network.run([StreamRequest(Sequence(track + 1, start=True), window, False) for track in range(tracks)])
    requests = [StreamRequest(Sequence(track + 1), window[:frames], True) for track in range(tracks)]
    return lambda: network.run(requests)


def _accuracy_rows(
    models: Mapping[str, RepositoryModel], chosen: tuple[Variant, ...], progress: Callable[[str], None]
) -> list[Row]:
    """Rank-1 of generated walkers for each network and stride, beside the first network's."""
    measured = accuracies(models, chosen)
    reference = measured[chosen[0].network, 1]
    rows, seen = [], set()
    for variant in chosen:
        key = variant.network, variant.cadence.stride
        if key in seen:
            continue
        seen.add(key)
        value = measured[key]
        beside = f"{chosen[0].network}, every frame"
        rows.append(Row(f"rank1{variant.suffix}", 100 * value.rank1, "%", beside, 100 * reference.rank1))
        rows.append(Row(f"same_answer{variant.suffix}", 100 * value.agreement, "%", beside, 100.0))
        progress(f"rank-1{variant.suffix}: {100 * value.rank1:.1f} %, same answer {100 * value.agreement:.1f} %")
    return rows


def _subject_rows(
    repository: Path,
    models: Mapping[str, RepositoryModel],
    chosen: tuple[Variant, ...],
    seconds: float,
    progress: Callable[[str], None],
    recorder: Recorder | None,
) -> list[Row]:
    """Subjects of whom each sends 25 frames a second, all of them counted and all looks answered, 95 % in time."""
    rows = []
    with TritonServer(repository) as server:
        client = TritonClient(server.url, timeout=30.0)
        for variant in chosen:
            name = f"{variant.network}_stream"

            def run(subjects: int, name: str = name, cadence: Cadence = variant.cadence) -> Trial:
                result = trial(client, name, subjects, cadence, seconds, server.pid, recorder)
                progress(f"{name}: {subjects} subjects, p95 {1e3 * result.latency_p95:.0f} ms, {result.dropped} lost")
                return result

            best = most_subjects(run, _guess(models[name], variant.cadence))
            progress(f"subjects_at_25fps{variant.suffix}: {best.subjects if best.passed else 0}")
            rows += _load_rows(variant, best) + energy_rows(variant.suffix, best)
        client.close()
    return rows


def _load_rows(variant: Variant, best: Trial) -> list[Row]:
    subjects = float(best.subjects if best.passed else 0)
    allowed = "the next look" if variant.cadence.refresh / RATE <= LATE else "the default refresh"
    limit = 1e3 * min(LATE, variant.cadence.refresh / RATE)
    milliseconds = "ms of a core per subject and second"
    return [
        Row(f"subjects_at_25fps{variant.suffix}", subjects, "subjects", EDGE, EDGE_SUBJECTS),
        Row(f"latency_p95{variant.suffix}", 1e3 * best.latency_p95, "ms", allowed, limit),
        Row(f"dropped{variant.suffix}", float(best.dropped), "frames and looks"),
        Row(f"cpu_client{variant.suffix}", 1e3 * best.client_cores / best.subjects, milliseconds),
        Row(f"cpu_server{variant.suffix}", 1e3 * best.server_cores / best.subjects, milliseconds),
    ]


def _guess(model: RepositoryModel, cadence: Cadence) -> int:
    """Subjects that all cores would do for if there were nothing but the network."""
    frames = max(1, cadence.refresh // cadence.stride)
    seconds = median_seconds(_looks(_open(model, model.threads), 8, frames), 3) / 8
    return int(cadence.refresh / RATE / seconds)


def energy_rows(suffix: str, best: Trial) -> list[Row]:
    """The machine's energy for each frame that went to the network and each look, which is an identity anew, at the
    load that it carries; none without a meter, or where it carries nobody."""
    if best.energy is None or not best.passed:
        return []
    each = (("inference", best.frames), ("identity", best.looks))
    return [Row(f"energy_per_{what}{suffix}", best.energy.millijoules_per(n), "mJ") for what, n in each if n]
