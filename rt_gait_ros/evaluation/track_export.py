"""From a recording to a MOTChallenge result file: our pose pipeline and tracker on every image."""

import configparser
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rt_gait_ros.datasets.mot_challenge import Boxes
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.mot import Tracks
from rt_gait_ros.pipeline.tracking import TrackingPipeline
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.sources import Frame, Source

PROGRESS_EVERY = 100  # images


@dataclass(slots=True)
class Export:
    """Boxes by image number, the first is 1. tracks: with ids. people: what the tracker was given, all of id -1.

    images: how many were read. width, height: of the last one, pixels.
    """

    tracks: dict[int, Boxes] = field(default_factory=dict)
    people: dict[int, Boxes] = field(default_factory=dict)
    images: int = 0
    width: int = 0
    height: int = 0

    @property
    def bodies(self) -> int:
        """Different ids."""
        return len({int(number) for boxes in self.tracks.values() for number in boxes.ids})


def numbered(source: Source) -> Iterator[tuple[int, Frame]]:
    """The frames of a source with their numbers, from 1. What a recording has lost or damaged has a number as well."""
    for frame in source:
        state = source.status()
        yield state.read + (0 if source.live else state.skipped), frame


def export_tracks(
    frames: Iterable[tuple[int, Frame]],
    pipeline: TrackingPipeline,
    most: int = 0,
    progress: Callable[[int], None] = print,
) -> Export:
    """Track everybody in `frames`, numbered images, with a pipeline that has not seen any.

    most: images to stop after, 0 for all. progress: told how many images were read, now and then. Raises GaitError
    where a network or an image fails.
    """
    tracks, export = Tracks(), Export()
    for number, frame in frames:
        export.images += 1
        found = pipeline.process(frame)
        assert pipeline.poses is not None
        export.people[number] = _people(pipeline.poses)
        export.tracks[number] = tracks.boxes(found)
        export.width, export.height = found.width, found.height
        if export.images % PROGRESS_EVERY == 0:
            progress(export.images)
        if export.images == most:
            break
    return export


def _people(poses: PoseFrame) -> Boxes:
    people = poses.people
    return Boxes.of([-1] * len(people), [p.box for p in people], [p.confidence for p in people])


def recording_of(folder: Path) -> tuple[Path, float]:
    """Folder of images and images per second of a MOTChallenge sequence. Raises UsageError when it is none."""
    info = folder / "seqinfo.ini"
    parser = configparser.ConfigParser()
    try:
        parser.read_string(info.read_text(encoding="utf-8-sig"))
        told = parser["Sequence"]
        images, rate = folder / told.get("imDir", "img1"), float(told["frameRate"])
    except (OSError, KeyError, ValueError, configparser.Error) as error:
        raise UsageError(f"{info} is no MOTChallenge seqinfo.ini: {' '.join(str(error).split())}") from error
    if not 0.0 < rate <= 1000.0:
        raise UsageError(f"{info}: frameRate is {rate}; images per second are needed")
    if not images.is_dir():
        raise UsageError(f"{images} is not there: the sequence's images are needed; `evaluate mot` goes by detections")
    return images, rate
