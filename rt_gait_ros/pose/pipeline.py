"""From one image to everybody in it: a whole-image network finds people, a per-person network follows them."""

from concurrent.futures import Future

import numpy as np

from rt_gait_ros.frame import Frame
from rt_gait_ros.pose import person_network
from rt_gait_ros.pose.camera_motion import CameraMotion
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.detectors import Detector
from rt_gait_ros.pose.errors import PoseError
from rt_gait_ros.pose.follower import SAME_DETECTION, Follower, distance, without_duplicates
from rt_gait_ros.pose.layouts import LAYOUT, OPENPOSE_THIN
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.pose.person_network import PersonReading, Region
from rt_gait_ros.pose.reported_pose import person_pose
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.silhouette.flow import FLOW_RATE, FlowFrames
from rt_gait_ros.silhouette.thinning import Thinning

# BlazePose's batch in the model repository (max_batch_size).
_BATCH = 8
# Seconds without an image (or a step back in time: a looped video) after which nobody is where they were.
_LONGEST_GAP = 1.0


class PosePipeline:
    """The two-stage cascade. Images go in one after the other, in the order of their stamps."""

    def __init__(self, client: InferenceClient, config: PoseConfig | None = None) -> None:
        self._client = client
        self._config = config or PoseConfig()
        self._detector: Detector | None = None
        self._followers: list[Follower] = []
        self._flow = FlowFrames() if self._config.gait_frame_kind == "flow" else None
        self._flow_pace = Thinning(FLOW_RATE)
        self._flows = True
        self._motion = CameraMotion() if self._config.camera_motion == "image" else None
        self._since_detection = 0
        self._look_around = True
        self._time: float | None = None

    @staticmethod
    def warm_up() -> None:
        """Compile what is compiled on first use; call it before the first image. Needs no server."""
        PafParser(OPENPOSE_THIN).warm_up()

    def process(self, frame: Frame) -> PoseFrame:
        """Everybody in the image, in the order in which they were found.

        Raises InferenceError when a network does not answer, and PoseError for an unusable image or an unusable answer;
        the image is then lost, the next one is processed as if it had not been there, with a look at the whole image.
        """
        image = checked_image(frame.image)
        time = frame.stamp * 1e-9
        if self._time is not None and not 0.0 <= time - self._time <= _LONGEST_GAP:
            self._followers, self._look_around = [], True
            if self._flow is not None:
                self._flow.restart()
        if self._flow is not None:
            self._flows = self._flow_pace.takes(frame.stamp)
            if self._flows:
                self._flow.add(image)  # flow leads from this image to the next, whatever becomes of it below
        due = self._look_around or not self._followers or self._since_detection + 1 >= self._config.detector_period
        self._look_around = True  # stays so if a network fails below
        people, readings = self._ask(image, time, due)
        self._time = time
        self._since_detection = 0 if due else self._since_detection + 1
        lost = self._follow(readings, image, time)
        if people is not None:
            self._find(people, image, time)
        self._look_around = lost
        return self._result(frame)

    def _ask(self, image: np.ndarray, time: float, due: bool) -> tuple[np.ndarray | None, list[PersonReading]]:
        """Both networks at once: whole-image people (None when not due), and one reading per follower."""
        search = None
        if due:
            detector = self._ready_detector()
            search = self._client.submit(detector.model, detector.request(image, self._config.detector_size))
        readings = self._read(image, [follower.expected(time) for follower in self._followers])
        return (None if search is None else detector.people(search.result(), image)), readings

    def _ready_detector(self) -> Detector:
        """The detector, described by its server the first time."""
        if self._detector is None:
            spec = self._client.describe(self._config.detector)
            self._detector = Detector.from_spec(spec, self._config.min_parts)
        return self._detector

    def _read(self, image: np.ndarray, regions: list[Region]) -> list[PersonReading]:
        """The per-person network on every region, in batches."""
        batches = [regions[first : first + _BATCH] for first in range(0, len(regions), _BATCH)]
        answers: list[Future[dict[str, np.ndarray]]] = [
            self._client.submit(self._config.person_model, person_network.requests(image, batch)) for batch in batches
        ]
        return [
            reading
            for batch, answer in zip(batches, answers, strict=True)
            for reading in person_network.read(answer.result(), batch)
        ]

    def _follow(self, readings: list[PersonReading], image: np.ndarray, time: float) -> bool:
        """Move every follower on; tells whether somebody was lost."""
        before = len(self._followers)
        for follower, reading in zip(self._followers, readings, strict=True):
            follower.update(reading, time)
        height, width = image.shape[:2]
        self._followers = without_duplicates(
            [
                follower
                for follower in self._followers
                if follower.reading.presence >= self._config.presence and follower.centre_inside(width, height)
            ]
        )
        return len(self._followers) < before

    def _find(self, people: np.ndarray, image: np.ndarray, time: float) -> None:
        """Hold whole-image people against the followers: confirm, drop, and start following whoever is new."""
        newcomers = list(people)
        for follower in self._followers:
            follower.missed_detections += 1
        for follower in self._followers:
            near = [distance(person, follower.keypoints, follower.height) < SAME_DETECTION for person in newcomers]
            if any(near):
                follower.missed_detections = 0
            newcomers = [person for person, taken in zip(newcomers, near, strict=True) if not taken]
        if self._config.max_missed_detections:
            self._followers = [f for f in self._followers if f.missed_detections < self._config.max_missed_detections]
        regions = [
            region for person in newcomers if (region := person_network.region_from_keypoints(person)) is not None
        ]
        regions.sort(key=lambda region: -region.side)
        regions = regions[: self._config.max_people - len(self._followers)]
        for reading in self._read(image, regions):
            if reading.presence >= self._config.presence:
                self._followers.append(Follower(reading, time, self._config.smoothing))
        self._followers = without_duplicates(self._followers)

    def _result(self, frame: Frame) -> PoseFrame:
        """The followers as the rest of the package sees them."""
        height, width = frame.image.shape[:2]
        config = self._config
        kind = config.gait_frame_kind if self._flow is None or self._flows else ""
        people: list[PersonPose] = [
            person_pose(follower, (width, height), config.keypoint_confidence, kind, self._flow)
            for follower in self._followers
        ]
        # last, so that the motion always leads from the last image that came through to this one
        motion = None if self._motion is None else self._motion.update(frame.image, [person.box for person in people])
        return PoseFrame(
            frame.stamp, frame.frame_id, width, height, LAYOUT, config.gait_frame_kind, people, camera_motion=motion
        )


def checked_image(image: object) -> np.ndarray:
    """The image itself, if it is one that people can be looked for in: (H, W, 3) uint8. Raises PoseError."""
    if not isinstance(image, np.ndarray):
        raise PoseError(
            f"the image is of type {type(image).__name__}; it must be a numpy array uint8 (H, W, 3), BGR, "
            "as cv2.imread gives it"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise PoseError(f"the image is {image.dtype} {image.shape}; it must be uint8 (H, W, 3), BGR, and not empty")
    return image
