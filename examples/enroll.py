"""Enrol the person who walks through a video.

    python3 examples/enroll.py ada.mp4 Ada --gallery people.gallery
    python3 examples/enroll.py ada_from_behind.mp4 Ada --gallery people.gallery --extend

The largest person in view is enrolled, as soon as somebody walks. With --extend the walk is added to a person who
is enrolled already: from several sides somebody is recognised more often.
"""

import argparse
import sys

from rt_gait_ros import EnrollError, Enrollment, GaitError, GaitPipeline, TrackState, UsageError, open_source


def enroll(uri: str, name: str, gallery: str | None, extend: bool) -> Enrollment:
    """Enrol the first walker of a source. Raises UsageError where nobody, or too little of somebody, was seen."""
    enrollment = None
    with GaitPipeline(gallery=gallery) as gait, open_source(uri, pace=False) as source:
        for frame in source:
            people = gait.process(frame)
            if enrollment is None:
                walkers = [person for person in people if person.walking and person.state == TrackState.CONFIRMED]
                if walkers:
                    largest = max(walkers, key=lambda person: person.box[3])
                    enrollment = gait.enroll(largest.body_id, name, extend=extend)
            elif enrollment.done:
                break
    if enrollment is None:
        raise UsageError(f"nobody walks in {uri}: choose a video in which one person walks by, wholly in the picture")
    if not enrollment.done:
        raise UsageError(
            f"{uri} ended after {enrollment.gathered} of {enrollment.wanted} good walking frames: choose a longer one"
        )
    if enrollment.error != EnrollError.NONE:
        raise UsageError(enrollment.message)
    return enrollment


def main() -> int:
    """Read the arguments. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="video file, or any other source")
    parser.add_argument("name", help="name of the person")
    parser.add_argument("--gallery", help="file of the enrolled people (default: the one that rt-gait uses)")
    parser.add_argument("--extend", action="store_true", help="add to the person of that name")
    arguments = parser.parse_args()
    try:
        done = enroll(arguments.source, arguments.name, arguments.gallery, arguments.extend)
    except GaitError as error:
        print(f"enroll: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    print(f"enrolled {arguments.name} ({done.person_id}) by {done.gathered} frames in {done.embeddings} embeddings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
