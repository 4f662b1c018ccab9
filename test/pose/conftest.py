"""A client without networks: the test says what each would answer."""

from concurrent.futures import Future

import cv2
import numpy as np
import pytest
from paf_reference import FIGURE

from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.layouts import BLAZEPOSE_PARTS
from rt_gait_ros.serving.inference import DeadlineExceeded, ModelSpec, ServerUnavailable, TensorSpec


class ScriptedClient:
    """People stand at `people` (x, y of the hips, body height, pixels) in an image of `size` (width, height).

    `down`: models that do not answer; `late`: models that miss the deadline. `blind`: the person network sees nobody.
    `requests`: (model, batch) in the order of asking. `shown`: the last image that the detector was given.
    """

    BARS = 16

    def __init__(self, size=(640, 480)):
        self.size = size
        self.people = []
        self.seen_by_detector = None
        self.down = set()
        self.late = set()
        self.blind = False
        self.shown = None
        self.requests = []
        self._regions = []

    def describe(self, model, *, deadline=None):
        if model in self.down:
            raise ServerUnavailable("nobody listens")
        image = TensorSpec("image", "uint8", (-1, -1, -1, 3))
        parameters = {"size_multiple": "32", "smallest_person": "20", "colour_order": "BGR"}
        return ModelSpec(model, (image,), (TensorSpec("boxes", "float32", (-1, 64, 5)),), parameters)

    def submit(self, model, inputs, *, deadline=None):
        future = Future()
        images = next(iter(inputs.values()))
        self.requests.append((model, len(images)))
        if model in self.down:
            future.set_exception(ServerUnavailable("nobody listens"))
        elif model in self.late:
            future.set_exception(DeadlineExceeded("too late"))
        else:
            future.set_result(self._detect(images[0]) if "image" in inputs else self._read(images))
        return future

    def close(self):
        pass

    def _detect(self, image):
        """Bars of BARS pixels and more in what is shown; or `seen_by_detector`, for which that is the whole image."""
        self.shown = image
        if self.seen_by_detector is not None:
            scale = image.shape[1] / self.size[0], image.shape[0] / self.size[1]
            found = [(x - 0.12 * h, y - 0.47 * h, x + 0.12 * h, y + 0.53 * h) for x, y, h in self.seen_by_detector]
            found = [np.multiply(box, scale * 2) for box in found]
        else:
            bars = (image[..., 2] > 127).astype(np.uint8)
            _, _, statistics, _ = cv2.connectedComponentsWithStats(bars)
            found = [(x, y, x + w, y + h) for x, y, w, h, _ in statistics[1:] if h >= self.BARS]
        rows = np.zeros((1, max(len(found), 64), 5), np.float32)
        for row, box in zip(rows[0], found, strict=False):
            row[:] = *box, 0.9
        return {"boxes": rows}

    def _read(self, crops):
        """The colour of a crop's centre says which person it holds: images are painted by `image`."""
        count = len(crops)
        answer = {
            "landmarks": np.zeros((count, 39, 5), np.float32),
            "presence": np.zeros((count, 1), np.float32),
            "mask": np.full((count, 256, 256, 1), -5.0, np.float32),
            "world_landmarks": np.zeros((count, 39, 3), np.float32),
        }
        for n, crop in enumerate(crops):
            self._read_one(crop, n, answer)
        return answer

    def _read_one(self, crop, n, answer):
        marks = crop[..., 0] == 255
        if self.blind or not marks.any():
            return
        rows, columns = np.flatnonzero(marks.any(axis=1)), np.flatnonzero(marks.any(axis=0))
        height = rows[-1] + 1 - rows[0]
        centre = (columns[0] + columns[-1] + 1) / 2, rows[0] + 0.47 * height
        landmarks = answer["landmarks"][n]
        landmarks[:, 3:] = 8.0
        landmarks[BLAZEPOSE_PARTS, :2] = joints(*centre, height)[:17]
        landmarks[33, :2], landmarks[34, :2] = centre, (centre[0], centre[1] - 0.53 * height)
        answer["presence"][n] = 0.99
        answer["mask"][n, marks] = 5.0

    def image(self):
        """Everybody painted as a bright bar on black."""
        width, height = self.size
        image = np.zeros((height, width, 3), np.uint8)
        for x, y, tall in self.people:
            top, left = round(y - 0.47 * tall), round(x - 0.12 * tall)
            image[max(top, 0) : max(round(top + tall), 0), max(left, 0) : max(round(left + 0.24 * tall), 0), 2] = 255
        return image


def joints(x, y, height):
    """(18, 2) of an upright person."""
    return FIGURE * height * 0.9 + (x, y)


@pytest.fixture
def client():
    return ScriptedClient()


@pytest.fixture
def play(client):
    """Process one more image of what the client's people look like; 25 images per second."""
    state = {"count": 0}

    def next_image(pipeline):
        state["count"] += 1
        return pipeline.process(Frame(client.image(), state["count"] * 40_000_000, "camera"))

    return next_image
