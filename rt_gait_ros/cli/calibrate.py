"""`rt-gait calibrate`: what distances mean, and where the accept line lies, from footage of this robot's own place."""

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.pairs import Pairs, footage_pairs, gallery_pairs, joined
from rt_gait_ros.evaluation.plots import reliability_plot, save_image
from rt_gait_ros.evaluation.reliability import held_out_reliability
from rt_gait_ros.evaluation.walks import read_all
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.onnx_client import OnnxClient

SUMMARY = "pick the accept line of a gait model for a wanted false-accept rate"

_DESCRIPTION = """\
Fits what a distance between two looks means (the probability that both are one person), and draws the accept line
where the wanted share of different people would be taken for one. Nobody needs to label anything: one track is one
person, and two tracks in the picture at once are two. So any recording of several people walking will do, best of the
place where the robot works. A gallery adds the pairs of its stored walks.

  rt-gait calibrate hall.mp4 yard.mp4                       accept 1 in 100 strangers on a look
  rt-gait calibrate hall.mp4 --false-accept-rate 0.05       another rate
  rt-gait calibrate hall.mp4 --persons 20                   ... of strangers held against 20 enrolled persons
  rt-gait calibrate hall.mp4 --reliability curve.png        show what the probabilities are worth
  rt-gait calibrate --gallery people.gallery                from enrolled walks alone

Looks of one track are of the same minute and clothes: the fit says nothing of recognition on another day.
The result goes to calibration.json in the model's folder, where gait_node finds it, or to --output.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("videos", type=Path, nargs="*", metavar="VIDEO")
    parser.add_argument("--gallery", type=Path, metavar="FILE", help="gallery whose stored walks count too")
    parser.add_argument("--model", default="gait_energy_image", metavar="NAME", help="gait model (gait_energy_image)")
    parser.add_argument("--false-accept-rate", type=float, default=0.01, metavar="RATE", help="0 to 1 (default 0.01)")
    parser.add_argument("--persons", type=int, default=1, metavar="N", help="enrolled persons a stranger meets (1)")
    parser.add_argument("--source", default="", metavar="TEXT", help="note on the footage (default: the files' names)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: the model's folder)")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where walks are kept (default: in the cache folder)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--reliability", type=Path, metavar="FILE", help="draw stated over true probability (.png)")
    add_json_argument(parser, "the calibration")


def run(arguments: argparse.Namespace) -> int:
    """Fit, store and show the calibration. Returns the exit code; raises GaitError for what a user can mend."""
    if not arguments.videos and arguments.gallery is None:
        raise UsageError("name a recording of people walking, or a gallery with --gallery")
    if absent := [path for path in arguments.videos if not path.is_file()]:
        raise UsageError(f"{absent[0]} is no file: name a recording of people walking")
    if arguments.persons < 1 or arguments.workers < 1:
        raise UsageError("--persons and --workers must be at least 1")
    repository = arguments.repository or resource("model_repository")
    pairs = _pairs(arguments, repository)
    # N independent chances of a false accept, each of rate r, make one of rate 1 - (1 - r)^N.
    rate = arguments.false_accept_rate
    if arguments.persons > 1 and 0.0 < rate < 1.0:
        rate = 1.0 - (1.0 - rate) ** (1.0 / arguments.persons)
    files = [path.name for path in [*arguments.videos, *([arguments.gallery] if arguments.gallery else [])]]
    fitted = calibration.fit(
        pairs.genuine,
        pairs.impostor,
        model=arguments.model,
        false_accept_rate=rate,
        source=arguments.source or ", ".join(files),
    )
    path = arguments.output or repository / arguments.model / calibration.FILE_NAME
    calibration.save(path, fitted)
    missed = float((pairs.genuine > fitted.accept_distance).mean())
    lines = [
        f"{fitted.genuine} pairs of looks at one person, {fitted.impostor} at two",
        f"accept line {fitted.accept_distance:.4g}, margin {fitted.margin:.4g}",
        f"  takes {100 * rate:.3g} % of pairs of two persons for one, and misses {100 * missed:.3g} % of one person",
        f"written to {path}",
    ]
    report = asdict(fitted) | {"false_reject_rate": missed, "path": str(path)}
    if arguments.reliability:
        held_out = held_out_reliability(pairs)
        save_image(arguments.reliability, reliability_plot(held_out, arguments.model))
        report["calibration_error"] = held_out.error
        lines.append(
            f"on pairs it was not fitted to, its probability is off by {100 * held_out.error:.1f} % in the mean"
        )
    emit(arguments, report, "\n".join(lines))
    return 0


def _pairs(arguments: argparse.Namespace, repository: Path) -> Pairs:
    client = OnnxClient(repository, timeout=60.0)
    try:
        model = describe(client, arguments.model)
        if arguments.videos and model.gait_frame_kind != "silhouette":
            raise UsageError(f"{model.name} eats {model.gait_frame_kind} frames; from videos only silhouettes are made")
        window = RecognizerConfig.window
        embedder = embedder_for(client, model, window, deadline=60.0)

        def embed(frames: np.ndarray) -> np.ndarray:
            return read_embedding(embedder.embed(frames).result(), model)

        sets = []
        if arguments.videos:
            work = arguments.work or cache_folder() / "walks"
            walks = read_all(arguments.videos, repository, work, arguments.workers, _progress)
            sets.append(footage_pairs(walks.values(), embed, window))
        if arguments.gallery is not None:
            gallery = Gallery(arguments.gallery)
            gallery.require_model(model.name)
            sets.append(gallery_pairs(gallery.references))
        return joined(sets)
    finally:
        client.close()


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
