"""Recognise people with a gait network of your own.

    python3 examples/own_gait_network.py networks/                   # writes the network into a model repository
    python3 examples/own_gait_network.py networks/ --play walk.mp4   # and follows the people of a video with it

The network of this example needs no training: its embedding is how wide a person is at each of 64 heights, and how
much that changes while they walk. It tells people apart poorly. What matters is the contract: a gait network takes
`gait_frames`, gives `embedding`, and says in its parameters which gait frames it takes. Any ONNX file that keeps it
is used by the nodes, by `rt-gait evaluate` and by GaitPipeline.
"""

import argparse
import sys
from pathlib import Path

from rt_gait_ros import GaitError, GaitPipeline, UsageError, open_source, recognizer_config
from rt_gait_ros.resources import resource
from rt_gait_ros.serving import ModelSpec, TensorSpec
from rt_gait_ros.serving.model_folder import write_model

NAME = "width_profile"
POSE_NETWORKS = ("nanodet", "blazepose_landmark_full")
# Widths of the silhouette at each height, in shares of the frame's width; their mean and variance over the S frames.
GRAPH = """
<ir_version: 8, opset_import: ["" : 17]>
width_profile (uint8[B, S, 64, 64] gait_frames) => (float[B, 1, 128] embedding)
<float full = {255.0}, int64[1] one = {1}> {
    pixels = Cast<to = 1>(gait_frames)
    shares = Div(pixels, full)
    widths = ReduceMean<axes = [3], keepdims = 0>(shares)
    mean = ReduceMean<axes = [1], keepdims = 0>(widths)
    squares = Mul(widths, widths)
    square = ReduceMean<axes = [1], keepdims = 0>(squares)
    mean_squared = Mul(mean, mean)
    variance = Sub(square, mean_squared)
    both = Concat<axis = 1>(mean, variance)
    embedding = Unsqueeze(both, one)
}
"""


def write_network(repository: Path) -> None:
    """Write the network into a model repository, with links to the pose networks that a pipeline needs beside it."""
    try:
        from onnx import checker, parser
    except ModuleNotFoundError:
        raise UsageError("onnx is not installed, which writes the network: pip install 'rt-gait-ros[train]'") from None
    model = parser.parse_model(GRAPH)
    checker.check_model(model)
    repository.mkdir(parents=True, exist_ok=True)
    for name in POSE_NETWORKS:
        if not (repository / name).exists():
            (repository / name).symlink_to(resource("model_repository", name))
    spec = ModelSpec(
        NAME,
        inputs=(TensorSpec("gait_frames", "uint8", (-1, -1, 64, 64)),),
        outputs=(TensorSpec("embedding", "float32", (-1, 1, 128)),),
        parameters={"gait_frame_kind": "silhouette", "max_frames": "100"},
    )
    write_model(repository, spec, model.SerializeToString(), max_batch_size=32, replace=True)


def play(uri: str, repository: Path, gallery: str | None, accept_distance: float) -> None:
    """Follow the people of a source, and print what the network makes of each of them."""
    # no calibration lies beside the network (`rt-gait calibrate --model` makes one), so the lines are given here
    settings = recognizer_config(repository, model=NAME, accept_distance=accept_distance, margin=0.0)
    said: dict[str, str] = {}
    with (
        GaitPipeline(gallery, model_repository=repository, recognizer=settings) as gait,
        open_source(uri, pace=False) as source,
    ):
        for frame in source:
            for person in gait.process(frame):
                line = person.name or f"{person.status.name.lower()}: {person.reason}"
                if said.get(person.body_id) != line:
                    said[person.body_id] = line
                    print(f"{person.body_id} {line}", flush=True)


def main() -> int:
    """Read the arguments. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path, help="folder that becomes a model repository")
    parser.add_argument("--play", metavar="SOURCE", help="video file, or any other source")
    parser.add_argument("--gallery", default="width_profile.gallery", help="file of people enrolled with this network")
    parser.add_argument("--accept-distance", type=float, default=0.05, metavar="D", help="farthest distance of a name")
    arguments = parser.parse_args()
    try:
        write_network(arguments.repository)
        print(f"wrote {arguments.repository / NAME}")
        if arguments.play:
            play(arguments.play, arguments.repository, arguments.gallery, arguments.accept_distance)
    except GaitError as error:
        print(f"own_gait_network: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"own_gait_network: cannot write {arguments.repository}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
