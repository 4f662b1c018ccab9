"""`rt-gait calibrate`: what distances mean, and where the accept line lies, from footage of this robot's own place."""

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.cli.calibrate_days import curve_between_days, with_days
from rt_gait_ros.cli.calibrate_looks import generated, labelled, require_silhouettes, walks
from rt_gait_ros.cli.calibrate_stored import change_stored, changes_stored, check_sides
from rt_gait_ros.cli.output import add_json_argument, emit, output_file, progress
from rt_gait_ros.datasets.video_walks import PROGRESS_SECONDS, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.company_pairs import company_pairs
from rt_gait_ros.evaluation.day_pairs import (
    GENERATED,
    day_pairs,
    scene_free_day_pairs,
)
from rt_gait_ros.evaluation.open_set import equal_error_rate
from rt_gait_ros.evaluation.pairs import Pairs, footage_pairs, gallery_pairs, joined, scene_free_pairs
from rt_gait_ros.evaluation.plots import reliability_plot, save_image
from rt_gait_ros.evaluation.reliability import held_out_reliability
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.calibration import LEAST_PAIRS, Calibration, Curve
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.views import find_prior
from rt_gait_ros.gait.walk_embedder import open_embedder
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.resources import resource

SUMMARY = "fit what a gait model's distances mean, and its accept line"

RATE = 0.01  # of false accepts, where none is named
# Pairs that have a row of their own in the report, and what they are.
KINDS = {
    "company": "in view at once",
    "scene_normalisation": "without the scene",
    "one_view": "as they are, seen from one view",
}
_DESCRIPTION = """\
Fits what a distance between two embeddings means (the probability that both are one person), and places the accept
line where the wanted share of different people would be taken for one.

  rt-gait calibrate                                         generated walkers, each on eight days
  rt-gait calibrate --labelled people/                      your own: people/ADA/monday.avi, people/ADA/friday.avi ...
  rt-gait calibrate --labelled CASIA-B/ --people 1-24       a data set: PERSON/SEQUENCE/VIEW/*.png or *.pkl

These compare embeddings of one person on two days, in other clothes and from other views, and hold for another day.
The accept line is placed so that it also holds for strangers who are seen from one view, who are the most alike.

  rt-gait calibrate hall.mp4 yard.mp4                       accept 1 in 100 strangers by one embedding
  rt-gait calibrate hall.mp4 --false-accept-rate 0.05       another rate
  rt-gait calibrate hall.mp4 --persons 20                   ... of strangers who are compared with 20 persons
  rt-gait calibrate hall.mp4 --reliability curve.png        show how reliable the probabilities are
  rt-gait calibrate --gallery people.gallery                from enrolled walks alone
  rt-gait calibrate hall.mp4 --scene-normalisation off      without scene normalisation

These need no labels: one track is one person, and two tracks in the picture at once are two. Any recording of several
people who walk will do, preferably at the place where the robot works. But embeddings of one track are of the same
minute and clothes: the fit says nothing about recognition on another day. A gallery adds the pairs of its walks.

  rt-gait calibrate hall.mp4 --days 150                     probabilities that hold for other days, too
  rt-gait calibrate --days 150                              the same for the calibration that the model has

--days rates a name as a middle between what the footage says and what so many generated walkers on eight days say.
Lines stay where they are.

  rt-gait calibrate --sides 0.2                             names from other sides than one was enrolled from

--sides takes so much off the distance of a walk from the side to one from the front or the back, and in proportion
between them, where both sides are known: views alone put them farther apart. A new fit keeps what the model has.

Distances after scene normalisation mean something else, and are fitted as well where there are enough people; each
pair is normalised by statistics of other people only. Where the model ships its views (view_prior.npz), these are
taken out, and any number of people is enough.
With --company 150 a household is compared with people in view by directions (gait.company), which no shipped model is:
more people are named from other sides, and more strangers. What distances between directions mean is fitted to
households drawn from people who are labelled, or else of so many generated walkers. Without it a new fit has no such
comparison.

The result goes to calibration.json in the model's folder, where gait_node finds it, or to --output.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("videos", type=Path, nargs="*", metavar="VIDEO", help="of several people who walk")
    parser.add_argument(
        "--labelled", type=Path, metavar="DIR", help="people who walk on several days, a folder for each"
    )
    parser.add_argument(
        "--people", metavar="LIST", help="of --labelled, only these, as 1-74 (folders named by numbers)"
    )
    parser.add_argument(
        "--generated",
        type=int,
        metavar="N",
        help=f"number of generated persons ({GENERATED} where no other data are named)",
    )
    parser.add_argument("--gallery", type=Path, metavar="FILE", help="gallery whose stored walks are used as well")
    default = RecognizerConfig.model
    parser.add_argument("--model", default=default, metavar="NAME", help=f"gait model (default: {default})")
    parser.add_argument("--false-accept-rate", type=float, default=RATE, metavar="RATE", help=f"0 to 1 ({RATE:g})")
    parser.add_argument(
        "--persons",
        type=int,
        default=1,
        metavar="N",
        help="number of enrolled persons that a stranger is compared with (1)",
    )
    parser.add_argument(
        "--scene-normalisation",
        choices=("on", "off", "both"),
        default="both",
        help="also fit distances after scene normalisation (both: where the footage allows it; on: always; off: never)",
    )
    parser.add_argument(
        "--company",
        type=int,
        default=0,
        metavar="N",
        help="compare households by directions: fit these to people who are labelled, or else to N generated persons",
    )
    parser.add_argument(
        "--days",
        type=int,
        default=0,
        metavar="N",
        help=f"give probabilities that hold for other days, too, by so many generated persons, such as {GENERATED}",
    )
    parser.add_argument(
        "--sides",
        type=float,
        metavar="DISTANCE",
        help="what is taken off between the front and the side (default: as stored, or 0: nothing)",
    )
    parser.add_argument("--source", default="", metavar="TEXT", help="note on the footage (default: the files' names)")
    parser.add_argument(
        "--output", type=output_file, metavar="FILE", help="where to write (default: the model's folder)"
    )
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where walks are kept (default: in the cache folder)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument(
        "--reliability", type=output_file, metavar="FILE", help="draw the true over the stated probability (.png)"
    )
    add_json_argument(parser, "the calibration")


def run(arguments: argparse.Namespace) -> int:
    """Fit, store and show the calibration. Returns the exit code; raises GaitError for what a user can mend."""
    _default_source(arguments)
    _check(arguments)
    repository = arguments.repository or resource("model_repository")
    if _changes_stored_alone(arguments):
        return change_stored(arguments, repository)
    found = _pairs(arguments, repository)
    progress(f"{len(found.plain.genuine)} pairs of looks at one person, {len(found.plain.impostor)} at two: fitting")
    fitted, rows = _fit(arguments, found)
    apart = curve_between_days(arguments, repository) if arguments.days else None
    if apart is not None:
        fitted = with_days(fitted, calibration.over_days(fitted, apart), arguments.days)
    former = calibration.find_usable(repository, arguments.model)
    kept = former.sides if former is not None else 0.0
    fitted = replace(fitted, sides=kept if arguments.sides is None else arguments.sides)
    held_out = held_out_reliability(found.plain, apart) if arguments.reliability else None
    path = arguments.output or repository / arguments.model / calibration.FILE_NAME
    notes = _notes(arguments, repository, fitted, former)  # also of what is there before
    if held_out is not None:  # before names go by what is written
        save_image(arguments.reliability, reliability_plot(held_out, arguments.model))
    calibration.save(path, fitted)
    lines = [f"accept line {fitted.accept_distance:.4g}, margin {fitted.margin:.4g}", *map(_line, rows), *notes]
    lines.append(f"written to {path}")
    missed = rows[0]["false_reject_rate"]
    report = asdict(fitted) | {"false_reject_rate": missed, "rows": rows, "path": str(path)}
    if held_out is not None:
        report["calibration_error"] = held_out.error
        lines.append(
            f"on pairs it was not fitted to, its probability is off by {100 * held_out.error:.1f} % in the mean"
        )
    emit(arguments, report, "\n".join(lines))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be done. Raises UsageError."""
    if arguments.days and (arguments.days < 2 or arguments.labelled is not None or arguments.generated):
        raise UsageError(
            "--days N goes with footage of one day, and N is 2 persons at least; --labelled and --generated are of "
            "several days by themselves"
        )
    check_sides(arguments.sides)
    of_a_fit = arguments.false_accept_rate != RATE or arguments.scene_normalisation != "both" or arguments.persons != 1
    if _changes_stored_alone(arguments) and (
        arguments.company or arguments.reliability or of_a_fit or arguments.source
    ):
        raise UsageError("--days and --sides alone change nothing else: name a recording for another fit")
    if absent := [path for path in arguments.videos if not path.is_file()]:
        raise UsageError(f"{absent[0]} is no file: name a recording of people walking")
    if arguments.gallery is not None and not arguments.gallery.exists():
        raise UsageError(f"there is no gallery {arguments.gallery}: enrol somebody first, or name another file")
    if arguments.company < 0:
        raise UsageError(f"--company {arguments.company}: give a number of persons, for example {GENERATED}")
    if arguments.persons < 1 or arguments.workers < 1:
        raise UsageError("--persons and --workers must be at least 1")


def _fit(arguments: argparse.Namespace, found: "_Pairs") -> tuple[Calibration, list[dict[str, Any]]]:
    """The calibration that the arguments ask for, without --days, and a row of figures for each kind of pairs."""
    # N independent chances of a false accept, each of rate r, make one of rate 1 - (1 - r)^N.
    rate = arguments.false_accept_rate
    if arguments.persons > 1 and 0.0 < rate < 1.0:
        rate = 1.0 - (1.0 - rate) ** (1.0 / arguments.persons)
    fitted = calibration.fit(
        found.plain.genuine,
        found.plain.impostor,
        model=arguments.model,
        false_accept_rate=rate,
        source=arguments.source or _source(arguments),
        alike=found.alike.impostor,
    )
    rows = [_row(fitted, found.plain)]
    if _are_enough(found.alike):
        rows.append(_row(fitted, found.alike, "one_view"))
    if arguments.scene_normalisation != "off":
        scene_free = found.without_scenes(fitted.radius)
        if _are_enough(scene_free):
            curve = calibration.fit_curve(scene_free.genuine, scene_free.impostor, fitted.model)
            fitted = replace(fitted, scene=curve)
            rows.append(_row(fitted, _equivalent(fitted, scene_free, curve), "scene_normalisation"))
        elif arguments.scene_normalisation == "on":
            raise UsageError(
                "--scene-normalisation on: too few people walk by in any video to know its scene: "
                "give longer footage of one camera"
            )
    if arguments.company:  # not kept from a former fit, whose accept line was another
        if not _are_enough(found.company):
            raise UsageError("--company: too few people were seen on two days; eight at least are needed")
        curve = calibration.fit_company(fitted, found.company.genuine, found.company.impostor)
        fitted = replace(fitted, company=curve)
        rows.append(_row(fitted, _equivalent(fitted, found.company, curve), "company"))
    return fitted, rows


def _notes(
    arguments: argparse.Namespace, repository: Path, fitted: Calibration, former: Calibration | None
) -> list[str]:
    """What whoever uses the calibration should know, a line each. former: that the model has, where it is usable."""
    notes = []
    if arguments.scene_normalisation != "off" and fitted.scene is None:
        notes.append("too few people walk by to learn what distances mean without the scene: it will not be taken out")
    if arguments.generated and find_prior(repository, arguments.model) is None:
        notes.append(
            f"{arguments.model} ships no views: without them people are more alike than generated walkers, and the "
            "line takes more strangers than it says: calibrate on people (--labelled) before a name opens a door"
        )
    there = repository / arguments.model / calibration.FILE_NAME
    if former is None and arguments.sides is None and there.exists():
        notes.append("the former calibration is damaged: what it took off for other sides, if anything, is not kept")
    if not arguments.output and former is not None and former.days is not None and fitted.days is None:
        again = "" if arguments.labelled or arguments.generated else f": --days {GENERATED} corrects them again"
        notes.append(f"the former probabilities were corrected for other days, and these are not{again}")
    return notes


def _are_enough(pairs: Pairs) -> bool:
    """Whether these can be fitted to."""
    return min(len(pairs.genuine), len(pairs.impostor)) >= LEAST_PAIRS


def _equivalent(fitted: Calibration, pairs: Pairs, curve: Curve) -> Pairs:
    """The plain distances that are as much evidence."""
    return Pairs(fitted.equivalent(pairs.genuine, curve), fitted.equivalent(pairs.impostor, curve))


def _row(fitted: Calibration, pairs: Pairs, kind: str = "") -> dict[str, Any]:
    """What the accept line does to pairs, in plain distances. kind: a key of KINDS; "": all plain pairs."""
    return {name: name == kind for name in KINDS} | {
        "genuine": len(pairs.genuine),
        "impostor": len(pairs.impostor),
        "eer": equal_error_rate(pairs.genuine, pairs.impostor),
        "false_accept_rate": float((pairs.impostor <= fitted.accept_distance).mean()),
        "false_reject_rate": float((pairs.genuine > fitted.accept_distance).mean()),
    }


def _line(row: dict[str, Any]) -> str:
    what = next((words for name, words in KINDS.items() if row[name]), "as they are")
    taken, missed, eer = (100 * row[name] for name in ("false_accept_rate", "false_reject_rate", "eer"))
    return (
        f"{what}: {row['genuine']} pairs of looks at one person, {row['impostor']} at two; "
        f"the line takes {taken:.3g} % of two persons for one, misses {missed:.3g} % of one; EER {eer:.3g} %"
    )


def _default_source(arguments: argparse.Namespace) -> None:
    """Generated walkers where nothing else is named. Raises UsageError for what does not go together."""
    if arguments.people and arguments.labelled is None:
        raise UsageError("--people chooses among those of a folder: name it with --labelled")
    if arguments.generated is None:
        arguments.generated = 0 if _names_data(arguments) or changes_stored(arguments) else GENERATED
    elif arguments.generated < 2:
        raise UsageError(f"--generated {arguments.generated}: two persons at least can be compared")


def _names_data(arguments: argparse.Namespace) -> bool:
    """Whether footage or people are named."""
    return bool(arguments.videos) or arguments.gallery is not None or arguments.labelled is not None


def _changes_stored_alone(arguments: argparse.Namespace) -> bool:
    """Whether nothing is to be fitted to."""
    return changes_stored(arguments) and not _names_data(arguments) and not arguments.generated


def _source(arguments: argparse.Namespace) -> str:
    """The note on the footage that is kept with the calibration."""
    named = [path.name for path in (*arguments.videos, arguments.labelled, arguments.gallery) if path is not None]
    return ", ".join(([f"{arguments.generated} generated walkers"] if arguments.generated else []) + named)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """plain: all pairs. alike: those of them on two days from one view. without_scenes: given the radius of
    SceneStatistics, pairs without their scenes. company: of households and people in view at once, by directions."""

    plain: Pairs
    alike: Pairs
    without_scenes: Callable[[float], Pairs]
    company: Pairs


def _pairs(arguments: argparse.Namespace, repository: Path) -> _Pairs:
    """What the arguments name."""
    window = RecognizerConfig.window
    with open_embedder(repository, arguments.model, window) as embedder:
        model = embedder.model
        made = arguments.generated or arguments.company
        if arguments.videos or arguments.labelled or made:
            require_silhouettes(model)
        prior = find_prior(repository, model.name)
        looks: dict[bytes, np.ndarray] = {}
        spoken = time.monotonic()

        def remembered(frames: np.ndarray) -> np.ndarray:
            nonlocal spoken
            key = hashlib.sha256(frames.tobytes()).digest()
            if key not in looks:
                looks[key] = embedder(frames)
                if time.monotonic() - spoken >= PROGRESS_SECONDS:
                    spoken = time.monotonic()
                    progress(f"{len(looks)} looks embedded")
            return looks[key]

        sets: list[Pairs] = []
        films: dict[Path, VideoWalks] = {}
        if arguments.videos:
            films = walks(arguments, arguments.videos, repository)
            sets.append(footage_pairs(films.values(), remembered, window))
        if arguments.gallery is not None:
            gallery = Gallery(arguments.gallery, find_cipher())
            gallery.require_model(model.name)
            sets.append(gallery_pairs(gallery.references))
        people = labelled(arguments, repository, embedder, window)
        by_days = [day_pairs(each) for each in people]
        sets += [each.everything for each in by_days]

        def scene_free(radius: float) -> Pairs:
            # all looks are known by now: the client may be closed
            footage = scene_free_pairs(films.values(), remembered, window, radius, prior)
            return joined([footage, *(scene_free_day_pairs(each, radius, prior) for each in people)])

        wanted = arguments.company > 0
        households = (people or generated(arguments, repository, arguments.company, window)) if wanted else []
        company = joined(company_pairs(each) for each in households)
        return _Pairs(joined(sets), joined(each.alike for each in by_days), scene_free, company)
