"""`rt-gait evaluate kth`: the KTH walking set, video in."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.cli.evaluate_sets import report_votes
from rt_gait_ros.cli.evaluation_arguments import (
    add_model_argument,
    add_protocol,
    add_scene_argument,
    check_common,
    repository_of,
    require_kind,
    scene_variants,
)
from rt_gait_ros.cli.evaluation_pictures import draw, publish
from rt_gait_ros.cli.output import output_file, progress
from rt_gait_ros.datasets.kth import find_videos
from rt_gait_ros.datasets.video_walks import VideoWalks, read_all
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import kth, kth_flow
from rt_gait_ros.evaluation.open_set import det_curve
from rt_gait_ros.evaluation.plots import beside, count_plot, det_plot, matrix_plot
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.onnx_client import OnnxClient

_DESCRIPTION = """\
The KTH walking set, video in: the pose pipeline and the tracker find the walker, a gait model embeds every pass across
the picture, and every pass of one condition is searched among the passes of another (d1 outdoors, d3 in other clothes,
d4 indoors). What the pipeline finds is kept, so that an interrupted run continues, and another gait model takes little
time.

  rt-gait evaluate kth DIR                                DIR holds personNN_dK.avi
  rt-gait evaluate kth DIR --model gaitset --json         the same figures as JSON
  rt-gait evaluate kth DIR --csv rows.csv --plot kth.png  a table; confusion matrix, rank-k and DET curves
  rt-gait evaluate kth DIR --scene-normalisation off      only plain embeddings; on: only with scenes taken out
  rt-gait evaluate kth DIR --fuse gait_energy_image       the scores of another gait model added
  rt-gait evaluate kth DIR --model flow2d                 a network on optical flow, as Embedded-Gait names a video

rank-1 is over single passes with its 95 % interval; "one pass" has a single pass of everybody in the gallery, not all;
"person" takes all passes of a person together. "floor" is what gait energy images reach on the set's 25 people without
training. Lost passes are motion across the picture that gave no embedding; they are not probes. Open-set figures
search every probe with and without its person in the gallery. The statistics that take a scene out of a comparison
contain neither of the two persons compared.

Of a network on flow, the 7 nearest windows of the gallery name each window of 25 frames, and the windows of a video
vote: its rank-1 is of videos, and no scene is taken out of them.
"""


def add_kth(protocols: Any) -> None:
    """Declare the subcommand."""
    parser = add_protocol(
        protocols, "kth", "KTH walking: 160x120 video, clothes and places change", _DESCRIPTION, kept="walks"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    add_model_argument(parser)
    parser.add_argument("--fuse", metavar="NAME", help="another gait model, whose scores are added")
    add_scene_argument(parser, "condition")
    parser.add_argument(
        "--plot", type=output_file, metavar="FILE", help="draw confusion matrix, rank-k and DET curves (.png)"
    )
    parser.set_defaults(action=_kth)


def _kth(arguments: argparse.Namespace) -> int:
    check_common(arguments)
    if arguments.fuse and arguments.reliability:
        raise UsageError("--reliability is of one model's probabilities: leave --fuse out")
    videos = find_videos(arguments.folder)
    repository = repository_of(arguments)
    with closing(OnnxClient(repository, timeout=60.0)) as client:
        embedders = [WalkEmbedder(client, name) for name in (arguments.model, arguments.fuse) if name]
        if embedders[0].model.gait_frame_kind == "flow":
            return _flow(arguments, videos, embedders[0])
        for embedder in embedders:
            require_kind(embedder.model, "silhouette")
        known = _walks(arguments, videos, "silhouette")
        embedded = [kth.embed_passes(known, embedder) for embedder in embedders]
    models = [embedder.model for embedder in embedders]
    variants = scene_variants(arguments)
    _report([_result(models, embedded, repository, normalised) for normalised in variants], arguments)
    return 0


def _walks(
    arguments: argparse.Namespace, videos: Mapping[tuple[str, str], Path], kind: str
) -> dict[tuple[str, str], VideoWalks]:
    work = arguments.work or cache_folder() / "walks"
    walks = read_all(list(videos.values()), repository_of(arguments), work, arguments.workers, progress, kind)
    return {key: walks[path] for key, path in videos.items()}


def _flow(arguments: argparse.Namespace, videos: Mapping[tuple[str, str], Path], embedder: WalkEmbedder) -> int:
    name = embedder.model.name
    if arguments.fuse or arguments.plot or arguments.scene_normalisation == "on":
        raise UsageError(
            f"{name} takes flow, and the windows of a video vote: leave --fuse, --plot and --scene-normalisation out"
        )
    found = kth_flow.embed_videos(_walks(arguments, videos, "flow"), embedder)
    result = kth_flow.evaluate(found, name, len(videos) - len(found))
    title = f"KTH walking, {name}: {result.people} people, {len(videos)} videos, {result.lost} of them lost"
    return report_votes(arguments, result, title)


def _result(
    models: Sequence[GaitModel], embedded: Sequence[tuple[list[kth.Pass], int]], repository: Path, normalised: bool
) -> kth.Result:
    """Of one model, or of two whose scores are added."""
    between = []
    for model, (passes, _) in zip(models, embedded, strict=True):
        meaning = calibration.find(repository, model.name)
        found = kth.compare(passes, normalised, meaning.radius if meaning else 0.0)
        if normalised and meaning is not None and meaning.scene is not None:
            found = meaning.equivalent(found, meaning.scene)  # the same ranking, in the measure of the accept line
        between.append(found)
    passes, lost = embedded[0]
    scores = between[0] if len(between) == 1 else kth.fused(between[0], between[1], passes)
    return kth.evaluate(passes, lost, " + ".join(model.name for model in models), scores, normalised)


def _report(results: Sequence[kth.Result], arguments: argparse.Namespace) -> None:
    report, last = kth.to_json(results), results[-1]
    title = f"KTH walking, {last.model}: {last.total} passes, {last.lost} of them lost"
    text = "\n".join([title, *map(_table, results)])
    figures = draw(arguments, last.comparison, f"KTH walking, {last.model}", pairs=last.walks)
    publish(arguments, report, report["rows"], text, figures, lambda: _picture(results))


def _picture(results: Sequence[kth.Result]) -> np.ndarray:
    last = results[-1]
    names, shares = last.confusion()
    compared = {_switch(result): result.comparison for result in results}
    curves = {name: det_curve(each.genuine, each.impostor) for name, each in compared.items()}
    ranks = {_switch(result): result.ranks() for result in results}
    title = f"KTH walking, {last.model}"
    return beside(
        matrix_plot(shares, names, names, f"{title}, {_switch(last)}: taken for"),
        count_plot(ranks, "k", title, "rank-k"),
        det_plot(curves, title),
    )


def _switch(result: kth.Result) -> str:
    return f"scene normalisation {'on' if result.normalised else 'off'}"


def _table(result: kth.Result) -> str:
    lines = ["", _switch(result), ""]
    lines.append("gallery  probe  rank-1 %  95 %         probes  one pass %  rank-5 %  person %  floor %")
    for row in result.rows:
        low, high = (100 * bound for bound in row["ci95"])
        floor = "" if row["floor"] is None else f"{100 * row['floor']:.1f}"
        lines.append(
            f"{row['gallery']:7}  {row['probe']:5}  {100 * row['rank1']:8.1f}  {low:4.1f} .. {high:4.1f}"
            f"  {row['probes']:6}  {100 * row['rank1_one_pass']:10.1f}  {100 * row['rank5']:8.1f}"
            f"  {100 * row['rank1_person']:8.1f}  {floor:>7}"
        )
    figures = result.comparison.figures()
    lines += ["", f"EER {100 * figures['eer']:.1f} %, FNIR at FPIR 1 % {100 * figures['fnir_at_fpir_1']:.1f} %"]
    return "\n".join(lines)
