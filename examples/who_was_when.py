"""Write a CSV file of who was seen when in a folder of videos.

    python3 examples/who_was_when.py videos/ --gallery people.gallery --output seen.csv

Each row is one person in one video: the file, the body id, the name (empty for somebody who was not recognised),
the highest probability of that name, and the seconds from the beginning of the video at which the person was first
and last seen.
"""

import argparse
import csv
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rt_gait_ros import GaitError, GaitPipeline, TrackState, UsageError, open_source

VIDEOS = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"}


@dataclass
class Visit:
    """One body in one video. first, last: seconds at which it was seen. probability: of the name; NaN without one."""

    first: float
    last: float
    name: str = ""
    probability: float = math.nan


def visits(gait: GaitPipeline, video: Path) -> dict[str, Visit]:
    """Everybody in a video, by body id, in order of appearance."""
    found: dict[str, Visit] = {}
    with open_source(str(video), pace=False) as source:
        start = None
        for frame in source:
            start = frame.stamp if start is None else start
            seconds = (frame.stamp - start) / 1e9
            for person in gait.process(frame):
                if person.former_id in found:  # somebody who came back gets the id of their first visit
                    found.setdefault(person.body_id, found.pop(person.former_id))
                if person.state != TrackState.CONFIRMED:
                    continue
                visit = found.setdefault(person.body_id, Visit(seconds, seconds))
                visit.last = seconds
                if person.name:
                    better = person.name != visit.name or not visit.probability >= person.probability
                    visit.probability = person.probability if better else visit.probability
                    visit.name = person.name
    return found


def videos_in(folder: Path) -> list[Path]:
    """The videos of a folder by name. Raises UsageError where there are none."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one that holds videos")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEOS)
    if not found:
        raise UsageError(f"{folder} holds no videos; files that end in {', '.join(sorted(VIDEOS))} are read")
    return found


def rows(folder: Path, gallery: str | None) -> Iterator[list[str]]:
    """The rows of the CSV file, video by video."""
    for video in videos_in(folder):
        with GaitPipeline(gallery=gallery) as gait:
            for body, visit in visits(gait, video).items():
                probability = "" if math.isnan(visit.probability) else f"{visit.probability:.3f}"
                yield [video.name, body, visit.name, probability, f"{visit.first:.2f}", f"{visit.last:.2f}"]


def main() -> int:
    """Read the arguments. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder that holds the videos")
    parser.add_argument("--gallery", help="file of the enrolled people (default: the one that rt-gait uses)")
    parser.add_argument("--output", type=Path, default=Path("seen.csv"), metavar="CSV", help="default seen.csv")
    arguments = parser.parse_args()
    try:
        with arguments.output.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["video", "body", "name", "probability", "from_s", "to_s"])
            for row in rows(arguments.folder, arguments.gallery):
                table.writerow(row)
                file.flush()
    except GaitError as error:
        print(f"who_was_when: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"who_was_when: cannot write {arguments.output}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"wrote {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
