"""`rt-gait synthesis`: pictures and recordings of generated walkers."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rt_gait_ros.cli.output import output_file, progress
from rt_gait_ros.cli.subcommands import kinds_of
from rt_gait_ros.datasets.mot_challenge import Boxes, write_mot
from rt_gait_ros.demo.video import VideoWriter
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.views import PRIOR_FILE, save_prior
from rt_gait_ros.image_files import write_image
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.onnx_client import OnnxClient

if TYPE_CHECKING:
    from rt_gait_ros.synthesis.truth import PersonTruth

SUMMARY = "make pictures and recordings of generated walkers, with ground truth"

# Share of somebody that must be seen for a line of the ground truth, and of a detector that errs in nothing else.
LEAST_VISIBLE, LEAST_DETECTED = 0.1, 0.5

_DESCRIPTION = """\
Makes people who are nobody, and what a camera sees of them: to try the nodes without footage, and to train and test
networks.

  rt-gait synthesis sheet --output walkers.jpg      silhouettes of some walkers, and scenes
  rt-gait synthesis record 'synthetic://crossing?people=3&seed=1' --output crossing
                                                    a scene as a video, with ground truth
  rt-gait synthesis fit-gaits --cmu DIR --schreiber DIR --output gaits.npz
                                                    how people walk, from recordings of others
  rt-gait synthesis fit-bodies --mpfb DIR --ansur DIR --output bodies.npz
                                                    the shapes of people: MakeHuman's, distributed as in ANSUR II
  rt-gait synthesis fit-walking --output walking.npz
                                                    what tells people who walk from others, for the tracker; with
                                                    --seldom where there is little time to look at them
  rt-gait synthesis views --model gaitset_small_v5     a gait network's statistics of each view

A recorded folder holds video.mp4; seqinfo.ini, gt/gt.txt and det/det.txt (the boxes of who is at least half seen) as
MOTChallenge has them, for `rt-gait evaluate mot`; and truth.jsonl, a line for each image: everybody's number, box
(x, y, width, height), share that is seen, and 18 keypoints in trt_pose's order (x, y, and 0 outside the picture,
1 hidden, 2 visible). docs/synthesis.md describes the scenes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one subcommand for each product."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    kinds = kinds_of(parser, _DESCRIPTION)
    sheet = kinds.add_parser("sheet", help="a page of silhouettes and scenes")
    sheet.add_argument("--seed", type=int, default=0, help="of everybody and everything on it (default 0)")
    sheet.add_argument(
        "--output", type=output_file, default=Path("walkers.png"), metavar="FILE", help="default: walkers.png"
    )
    sheet.set_defaults(action=_sheet)
    record = kinds.add_parser("record", help="a scene as a video with ground truth")
    record.add_argument("scene", metavar="URI", help="synthetic://KIND?people=2&seed=0&seconds=20&height=1.1&size=WxH")
    record.add_argument("--fps", type=float, default=25.0, help="images a second (default 25)")
    record.add_argument("--output", type=Path, required=True, metavar="DIR")
    record.set_defaults(action=_record)
    fit = kinds.add_parser("fit-gaits", help="statistics of recorded walks, to draw walkers from")
    fit.add_argument(
        "--cmu", type=Path, required=True, metavar="DIR", help="with NN/NN.asf and NN/NN_MM.amc, walks alone"
    )
    fit.add_argument("--schreiber", type=Path, metavar="DIR", help="with ID/dynamic/ID_CONDITION.trc")
    fit.add_argument("--output", type=output_file, default=Path("gaits.npz"), metavar="FILE", help="default: gaits.npz")
    fit.set_defaults(action=_fit_gaits)
    views = kinds.add_parser("views", help="what a gait network makes of each view, to be shipped with it")
    views.add_argument("--model", required=True, metavar="NAME", help="of the model repository")
    views.add_argument("--people", type=int, default=150, metavar="N", help="who walk past from 11 sides (150)")
    views.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    views.set_defaults(action=_views)
    fit = kinds.add_parser("fit-walking", help="what the tracker tells walkers by")
    fit.add_argument("--people", type=int, default=4000, metavar="N", help="walkers, and as many others (4000)")
    fit.add_argument("--seed", type=int, default=0, help="of everybody (0)")
    fit.add_argument("--seldom", action="store_true", help="of people who are looked at less than five times a second")
    fit.add_argument(
        "--output", type=output_file, default=Path("walking.npz"), metavar="FILE", help="default: walking.npz"
    )
    fit.set_defaults(action=_fit_walking)
    fit = kinds.add_parser("fit-bodies", help="bodies with a surface, to draw walkers from")
    fit.add_argument("--mpfb", type=Path, required=True, metavar="DIR", help="MakeHuman's 3dobjs/, rigs/ and targets/")
    fit.add_argument("--ansur", type=Path, required=True, metavar="DIR", help="with ANSUR_II_{FEMALE,MALE}_Public.csv")
    fit.add_argument("--output", type=Path, default=Path("bodies.npz"), metavar="FILE", help="default: bodies.npz")
    fit.set_defaults(action=_fit_bodies)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _sheet(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.synthesis.sheet import sheet  # numba takes a second to import

    write_image(arguments.output, sheet(arguments.seed))
    print(arguments.output)
    return 0


def _record(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.sources.synthetic import read_scene
    from rt_gait_ros.synthesis.render import Renderer
    from rt_gait_ros.synthesis.sight import sight
    from rt_gait_ros.synthesis.truth import truths

    scene = read_scene(arguments.scene, arguments.fps)
    if scene.camera.width % 2 or scene.camera.height_px % 2:
        raise UsageError(f"{arguments.scene}: a video needs an even width and height")
    folder = arguments.output
    for name in ("gt", "det"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    renderer, boxes, detections = Renderer(scene), {}, {}
    with VideoWriter(folder / "video.mp4", scene.fps) as video, (folder / "truth.jsonl").open("w") as lines:
        for number in range(len(scene)):
            seen = sight(scene, number)
            video.write(renderer.draw(seen, number))
            people = truths(scene, seen, number)
            boxes[number + 1] = _boxes(people, LEAST_VISIBLE)
            found = _boxes(people, LEAST_DETECTED)
            detections[number + 1] = Boxes.of(np.full(len(found.ids), -1), found.boxes)
            row = [
                {
                    "id": one.identity,
                    "box": one.box.round(2).tolist(),
                    "visible": round(one.visible, 3),
                    "keypoints": one.keypoints.round(2).tolist(),
                }
                for one in people
            ]
            lines.write(json.dumps({"image": number + 1, "people": row}) + "\n")
            if sys.stderr.isatty():
                print(f"\r{number + 1}/{len(scene)}", end="", file=sys.stderr, flush=True)
    write_mot(folder / "gt" / "gt.txt", boxes)
    write_mot(folder / "det" / "det.txt", detections)
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.resolve().name}\nimDir=img1\nframeRate={scene.fps:g}\nseqLength={len(scene)}\n"
        f"imWidth={scene.camera.width}\nimHeight={scene.camera.height_px}\nimExt=.jpg\n"
    )
    print(f"{folder}: {len(scene)} images, {len(scene.actors)} people")
    return 0


def _views(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.evaluation.generated_views import generated_view_prior

    repository = arguments.repository or resource("model_repository")
    with closing(OnnxClient(repository, timeout=60.0)) as client:
        prior, _, _ = generated_view_prior(client, arguments.model, arguments.people, progress)
    path = repository / arguments.model / PRIOR_FILE
    save_prior(path, prior)
    print(path)
    return 0


def _fit_bodies(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.synthesis.body_fitting import fit_bodies

    fit_bodies(arguments.mpfb, arguments.ansur, arguments.output, print)
    return 0


def _fit_walking(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.training.walking import examples, fit, write

    if arguments.people < 1:
        raise UsageError(f"--people is {arguments.people}: nobody to learn from; give 1000 or more")
    write(fit(examples(arguments.people, arguments.seed, progress, seldom=arguments.seldom)), arguments.output)
    print(arguments.output)
    return 0


def _fit_gaits(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.synthesis.gait_fitting import fit_walks
    from rt_gait_ros.synthesis.gait_statistics import fit_statistics, write_statistics
    from rt_gait_ros.synthesis.motion_capture import cmu_recordings, schreiber_recordings

    recordings = list(cmu_recordings(arguments.cmu))
    if arguments.schreiber is not None:
        recordings += schreiber_recordings(arguments.schreiber)
    walks, left_out = fit_walks(recordings)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    fit = fit_statistics(walks)
    write_statistics(arguments.output, fit.statistics)
    for source, people in fit.people.items():
        print(f"{source}: {fit.walks[source]} walks of {people} people")
    for name, value in fit.figures.items():
        print(f"{name.replace('_', ' ')}: {value:.3g}")
    print(arguments.output)
    return 0


def _boxes(people: "Sequence[PersonTruth]", least: float) -> Boxes:
    seen = [one for one in people if one.visible >= least]
    return Boxes.of([one.identity for one in seen], [one.box for one in seen])
