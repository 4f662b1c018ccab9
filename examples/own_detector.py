"""Find people with a detector of your own.

    python3 examples/own_detector.py walk.mp4

The detector of this example is no network: it takes what moves before a camera that stands still for people. A
detector tells the pose stage where to look; the per-person network then finds the joints, and has the last word on
whether somebody is there. So a box around each person is enough. Put any detector in the place of
`MotionDetector.boxes`.
"""

import argparse
import sys
from concurrent.futures import Future

import cv2
import numpy as np

from rt_gait_ros import GaitError, GaitPipeline, PoseConfig, open_source
from rt_gait_ros.resources import resource
from rt_gait_ros.serving import InferenceClient, ModelSpec, TensorSpec, open_client

NAME = "motion"


class MotionDetector:
    """Boxes of what moves in the images of a camera that stands still."""

    def __init__(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(history=200, detectShadows=True)

    def boxes(self, image: np.ndarray) -> list[tuple[int, int, int, int]]:
        """x, y, width and height in pixels of everything upright that moves in an image, (H, W, 3) uint8 BGR."""
        moving = (self._background.apply(image) > 200).astype(np.uint8)  # 127 is shadow
        moving = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8))
        outlines, _ = cv2.findContours(moving, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = [cv2.boundingRect(outline) for outline in outlines]
        return [box for box in found if box[3] > image.shape[0] / 6 and box[3] > 1.2 * box[2]]


class WithDetector:
    """An InferenceClient that answers for a detector of its own, and hands all other networks on to another client."""

    def __init__(self, others: InferenceClient) -> None:
        self._others = others
        self._detector = MotionDetector()

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """The detector as a network that gives `boxes`, as NanoDet does."""
        if model != NAME:
            return self._others.describe(model, deadline=deadline)
        image = TensorSpec("image", "uint8", (1, -1, -1, 3))
        return ModelSpec(NAME, (image,), (TensorSpec("boxes", "float32", (1, -1, 5)),), {"colour_order": "BGR"})

    def submit(self, model: str, inputs, **options) -> "Future[dict[str, np.ndarray]]":
        """Run the detector at once, or another network later."""
        if model != NAME:
            return self._others.submit(model, inputs, **options)
        answer: Future[dict[str, np.ndarray]] = Future()
        answer.set_result({"boxes": self._rows(inputs["image"][0])})
        return answer

    def close(self) -> None:
        """Close the other client."""
        self._others.close()

    def _rows(self, image: np.ndarray) -> np.ndarray:
        """Boxes (1, P, 5): left, top, right, bottom in pixels of the image, and a score."""
        rows = [(x, y, x + w, y + h, 0.5) for x, y, w, h in self._detector.boxes(image)]
        return np.array(rows, np.float32).reshape(1, -1, 5)


def main() -> int:
    """Read the arguments. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="video file, or any other source whose camera stands still")
    parser.add_argument("--gallery", help="file of the enrolled people (default: the one that rt-gait uses)")
    arguments = parser.parse_args()
    try:
        client = WithDetector(open_client("onnxruntime", "", resource("model_repository"), timeout=60))
        # the background is learnt from every image
        pose = PoseConfig(detector=NAME, detector_period=1)
        said: dict[str, str] = {}
        with (
            GaitPipeline(arguments.gallery, client=client, pose=pose) as gait,
            open_source(arguments.source, pace=False) as source,
        ):
            for frame in source:
                for person in gait.process(frame):
                    line = person.name or person.status.name.lower()
                    if said.get(person.body_id) != line:
                        said[person.body_id] = line
                        print(f"{person.body_id} {line}", flush=True)
        client.close()
    except GaitError as error:
        print(f"own_detector: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
