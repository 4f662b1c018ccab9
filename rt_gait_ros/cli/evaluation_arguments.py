"""What the recognition protocols of `rt-gait evaluate` are asked, and refuse, alike."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.evaluation_pictures import add_picture_arguments, require_calibration
from rt_gait_ros.cli.output import add_json_argument, output_file, progress
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import casia_b
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, embed_all
from rt_gait_ros.evaluation.held_out import FEWEST
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walk_embedder import open_embedder
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder


def add_protocol(
    protocols: Any, name: str, summary: str, description: str, kept: str = "embeddings"
) -> argparse.ArgumentParser:
    """Declare a protocol and what all of them have. kept: what is stored for the next run, in a word."""
    parser = subcommand(protocols, name, summary, description)
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--work", type=Path, metavar="DIR", help=f"where {kept} are kept (default: cache folder)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--csv", type=output_file, metavar="FILE", help="write the rows as CSV too")
    add_picture_arguments(parser)
    add_json_argument(parser)
    return parser


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --model, whose default is the gait node's."""
    default = RecognizerConfig.model
    parser.add_argument("--model", default=default, metavar="NAME", help=f"gait model (default: {default})")


def add_scene_argument(parser: argparse.ArgumentParser, scene: str) -> None:
    """Declare --scene-normalisation. scene: what counts as one, in a word."""
    parser.add_argument(
        "--scene-normalisation",
        choices=("on", "off", "both"),
        default="both",
        help=f"take what all walkers of a {scene} share out of their embeddings (default both: with and without)",
    )


def scene_variants(arguments: argparse.Namespace) -> list[bool]:
    """Whether to normalise, for each result that --scene-normalisation asks for."""
    chosen = arguments.scene_normalisation
    return [False, True] if chosen == "both" else [chosen == "on"]


def add_view_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --view-centring."""
    parser.add_argument(
        "--view-centring",
        choices=("on", "off", "both"),
        default="both",
        help="take what all people seen from one view share out of their embeddings (default both: with and without)",
    )


def view_variants(arguments: argparse.Namespace, prior: ViewPrior | None, people: int) -> list[str]:
    """The variants of casia_b that --view-centring asks for. prior: that the model ships. people: of the set.

    A set of too few people for statistics of others goes without them, unless they are asked for.
    """
    chosen = arguments.view_centring
    variants = [] if chosen == "on" else [casia_b.OFF]
    if chosen != "off":
        variants += [casia_b.OTHERS] if chosen == "on" or people >= FEWEST else []
        variants += [] if prior is None else [casia_b.SHIPPED]
        variants += [casia_b.MOVED] if prior is not None and people >= FEWEST else []
    return variants


def check_common(arguments: argparse.Namespace) -> None:
    """Refuse what no protocol can do. Raises UsageError, GaitError."""
    if arguments.workers < 1:
        raise UsageError(f"--workers {arguments.workers}: at least one is needed")
    require_calibration(arguments)


def require_kind(model: GaitModel, kind: str) -> None:
    """Refuse a model that takes other gait frames than the set of walks gives. Raises UsageError."""
    if model.gait_frame_kind != kind:
        raise UsageError(f"{model.name} takes {model.gait_frame_kind} frames; this set gives {kind}")


def repository_of(arguments: argparse.Namespace) -> Path:
    """The model repository that is asked for."""
    chosen: Path | None = arguments.repository
    return chosen or resource("model_repository")


def embedded_walks(arguments: argparse.Namespace, jobs: Sequence[EmbeddingJob], kind: str) -> dict[str, Arrays]:
    """What the jobs make with the model, which must take gait frames of this kind. Raises GaitError."""
    check_common(arguments)
    repository = repository_of(arguments)
    with open_embedder(repository, arguments.model) as embedder:
        require_kind(embedder.model, kind)
    work = arguments.work or cache_folder() / "embeddings"
    return embed_all(jobs, repository, arguments.model, work, arguments.workers, progress)
