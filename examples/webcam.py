"""Print who is in view of a camera, whenever that changes.

python3 examples/webcam.py                                  # the first camera, and your own gallery
python3 examples/webcam.py rtsp://10.0.0.7/stream1 --gallery people.gallery
"""

import argparse
import sys

from rt_gait_ros import GaitError, GaitPipeline, open_source


def watch(uri: str, gallery: str | None) -> None:
    """Follow the people in a source until it ends."""
    said: dict[str, str] = {}
    with GaitPipeline(gallery=gallery) as gait, open_source(uri) as camera:
        for frame in camera:
            for person in gait.process(frame):
                line = person.name or f"{person.status.name.lower()}: {person.reason}"
                if said.get(person.body_id) != line:
                    said[person.body_id] = line
                    print(f"{person.body_id} {line}", flush=True)


def main() -> int:
    """Read the arguments. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="0", help="camera number, stream or video file (default 0)")
    parser.add_argument("--gallery", help="file of the enrolled people (default: the one that rt-gait uses)")
    arguments = parser.parse_args()
    try:
        watch(arguments.source, arguments.gallery)
    except GaitError as error:
        print(f"webcam: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
