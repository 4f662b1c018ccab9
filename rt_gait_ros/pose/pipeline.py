"""From one image to everybody in it: a whole-image network finds people, a per-person network follows them."""

from collections.abc import Sequence
from concurrent.futures import Future
from time import perf_counter

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.pose import looks, person_network, reported_pose
from rt_gait_ros.pose.budget import Budget
from rt_gait_ros.pose.camera_motion import CameraMotion
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.detectors import Detector
from rt_gait_ros.pose.errors import PoseError
from rt_gait_ros.pose.follower import Follower, update_all, without_duplicates
from rt_gait_ros.pose.layouts import LAYOUT, OPENPOSE_THIN
from rt_gait_ros.pose.pacing import Pacing
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.pose.person_network import PersonReading, Region
from rt_gait_ros.pose.reported_pose import expected_pose, person_pose
from rt_gait_ros.pose.search import Search, Window
from rt_gait_ros.pose.sighting import Sighting, match, without_repeats
from rt_gait_ros.serving.inference import DeadlineExceeded, InferenceClient
from rt_gait_ros.silhouette.flow import FLOW_RATE, FlowFrames
from rt_gait_ros.silhouette.thinning import Thinning

# BlazePose's batch in the model repository (max_batch_size).
_BATCH = 8
# Seconds without an image (or a step back in time: a looped video), or without a look at somebody, after which nobody
# is where they were.
_LONGEST_GAP = 1.0
# Seconds for which somebody is still looked for where they were once a look showed nobody: one in ten does of people of
# 50 pixels who have others close beside them.
_LONGEST_DOUBT = 0.25
# Most sightings of one image that are gone through, the surest.
_MOST_SIGHTINGS = 128
# Quality from which on a gait frame is used by the gait node, as its parameter min_quality.
_GOOD_QUALITY = 0.5


class PosePipeline:
    """The two-stage cascade. Images go in one after the other, in the order of their stamps.

    late: answers that missed their deadline; their images count all the same. rates: good gait frames a second of each
    person, in the order of the last result. windows: of one round of the search. hurried: whether there was ever no
    time to look at everybody in an image.
    """

    def __init__(self, client: InferenceClient, config: PoseConfig | None = None, budget: Budget | None = None) -> None:
        """budget: of time per image; None: everybody is looked at in every image, however long that takes, so that the
        same images always give the same people."""
        self._client = client
        self._config = config or PoseConfig()
        self._pacing = Pacing(self._config.detector_period, budget)
        self._detector: Detector | None = None
        self._search: Search | None = None
        self._followers: list[Follower] = []
        self._flow = FlowFrames() if self._config.gait_frame_kind == "flow" else None
        self._flow_pace = Thinning(FLOW_RATE)
        self._flows = True  # whether this image is one of those that flow leads to
        self._motion = CameraMotion() if self._config.camera_motion == "image" else None
        self._refused: list[tuple[Region, float]] = []  # where nobody was seen by it, until when that counts
        self._look_around = True  # search in the next image, whatever the period says
        self._time: float | None = None  # of the last image that came through, seconds; None: nobody is where they were
        self.late = 0
        self.hurried = False
        self.rates: list[float] = []

    @property
    def windows(self) -> int:
        """Windows of one round of the search, 0 before the first."""
        return 0 if self._search is None else self._search.count

    @staticmethod
    def warm_up() -> None:
        """Compile what is compiled on first use; call it before the first image. Needs no server."""
        PafParser(OPENPOSE_THIN).warm_up()
        reported_pose.warm_up()

    def process(self, frame: Frame) -> PoseFrame:
        """Everybody in the image, in the order in which they were found.

        Whom there was no time to look at has a box where they are expected, no keypoints, and no gait frame. Raises
        InferenceError when a network does not answer, and PoseError for an unusable image or an unusable answer;
        the image is then lost, the next one is processed as if it had not been there, with a look around. An answer
        that is only late loses no image in which somebody is followed.
        """
        image = checked_image(frame.image)
        time = frame.stamp * 1e-9
        if self._time is not None and not 0.0 <= time - self._time <= _LONGEST_GAP:
            self._forget()
        if self._flow is not None:
            self._flows = self._flow_pace.takes(frame.stamp)
            if self._flows:
                self._flow.add(image)  # flow leads from this image to the next, whatever becomes of it below
        self._pacing.begin()
        around, self._look_around = self._look_around, True  # stays so if a network fails below
        step = 0.0 if self._time is None else time - self._time
        searched = self._windows(image, time, step, around)
        chosen = self._pacing.looks(self._followers, len(searched), time, step)
        self.hurried |= len(chosen) < len(self._followers)
        sightings, readings = self._ask(image, time, searched, chosen)
        self._time = time
        lost = self._follow(chosen, readings, image, time)
        if searched:
            self._find(sightings, searched, image, time)
        self._look_around = lost
        return self._result(frame)

    def hear_names(self, boxes: np.ndarray, named: Sequence[bool], time: float) -> None:
        """Between two images: who of the people in boxes (N, 4), x, y, width, height in pixels at `time` (seconds, of a
        former image), has a name. Those who have none yet are looked at more often where there is not time for all."""
        looks.tell(self._followers, boxes, named, time)

    def _forget(self) -> None:
        """Nobody is where they were."""
        self._followers, self._look_around, self._time = [], True, None
        self._refused = []  # until times that may be far ahead now
        if self._search is not None:
            self._search.restart()
        if self._flow is not None:
            self._flow.restart()

    def _windows(self, image: np.ndarray, time: float, step: float, around: bool) -> list[Window]:
        """Where to search in this image, step seconds after the one before. around: at once, whatever the period
        says."""
        search = self._ready_search()
        search.lay_out(image.shape[1], image.shape[0], time)
        first, followed = self._time is None, bool(self._followers)
        number = self._pacing.windows(search.count, time, step, first=first, around=around, followed=followed)
        if not number:
            return []
        boxes = np.array([self._expected_box(follower, time) for follower in self._followers]).reshape(-1, 4)
        return search.choose(image, time, number, boxes)

    def _ask(
        self, image: np.ndarray, time: float, searched: list[Window], chosen: list[Follower]
    ) -> tuple[list[Sighting], list[PersonReading] | None]:
        """Both networks at once: who is in the windows, and a reading for each of `chosen`, or None where late.

        A window whose answer is late is taken out of `searched`. Whatever is asked for costs the budget something, also
        where a network fails or its answer cannot be used.
        """
        detector = self._ready_detector()
        runs = {"search": len(searched), "person": len(chosen)}
        begun = perf_counter()
        try:
            found, readings, late = self._answers(image, time, detector, searched, chosen)
        except GaitError:
            self._pacing.charge(runs)
            raise
        if late is not None:
            self._pacing.charge(runs)
            self.late += 1
            if not searched and not readings:
                raise late
        else:
            self._pacing.spent(runs, perf_counter() - begun)
        found.sort(key=lambda sighting: -sighting.score)
        return without_repeats(found[:_MOST_SIGHTINGS]), readings

    def _answers(
        self, image: np.ndarray, time: float, detector: Detector, searched: list[Window], chosen: list[Follower]
    ) -> tuple[list[Sighting], list[PersonReading] | None, DeadlineExceeded | None]:
        """As `_ask`, and the error of an answer that is late, if one is."""
        asked = []
        for window in searched:
            shown = window.cut(image)
            request = detector.request(shown, window.side)
            asked.append((window, shown, request, self._client.submit(detector.model, request)))
        late: DeadlineExceeded | None = None
        readings: list[PersonReading] | None = []
        try:
            readings = self._read(image, [follower.expected(time) for follower in chosen])
        except DeadlineExceeded as error:
            late, readings = error, None
        found: list[Sighting] = []
        for window, shown, request, answer in asked:
            try:
                seen = detector.people(answer.result(), shown, request)
            except DeadlineExceeded as error:
                late = error
                searched.remove(window)
                continue
            found += [one.moved(window.left, window.top) for one in seen if window.has_whole(one.box, image.shape)]
        return found, readings, late

    def _ready_detector(self) -> Detector:
        """The detector, described by its server the first time."""
        if self._detector is None:
            spec = self._client.describe(self._config.detector)
            self._detector = Detector.from_spec(spec, self._config.min_parts)
        return self._detector

    def _ready_search(self) -> Search:
        """The search, laid out for what the detector takes."""
        if self._search is None:
            detector = self._ready_detector()
            side = max(detector.size) if detector.size else self._config.detector_size
            self._search = Search(side, self._config.least_height, detector.sees)
        return self._search

    def _read(self, image: np.ndarray, regions: list[Region]) -> list[PersonReading]:
        """The per-person network on every region, to the pixel, in batches."""
        regions = [region.in_pixels for region in regions]
        batches = [regions[first : first + _BATCH] for first in range(0, len(regions), _BATCH)]
        answers: list[Future[dict[str, np.ndarray]]] = [
            self._client.submit(self._config.person_model, person_network.requests(image, batch)) for batch in batches
        ]
        return [
            reading
            for batch, answer in zip(batches, answers, strict=True)
            for reading in person_network.read(answer.result(), batch)
        ]

    def _follow(
        self, chosen: list[Follower], readings: list[PersonReading] | None, image: np.ndarray, time: float
    ) -> bool:
        """Move every follower on; tells whether somebody was lost, or not seen where they were expected."""
        before = self._followers
        lost: list[Follower] = []
        for follower in before:
            follower.pass_over()
        shown: list[tuple[Follower, PersonReading]] = []
        for follower, reading in zip(chosen, readings or [], strict=readings is not None):
            if reading.presence >= self._config.presence:
                shown.append((follower, reading))
            elif not follower.doubted:
                follower.doubted_since = time
                lost.append(follower)
        update_all(shown, time)
        height, width = image.shape[:2]
        self._followers = without_duplicates([f for f in before if self._stays(f, width, height, time)], time)
        gone = (one for one in before if all(one is not other for other in self._followers))
        lost += [one for one in gone if not one.doubted]  # those who are doubted were searched for at once
        for follower in lost:
            place = follower.expected(time)
            self._ready_search().lost(place.x, place.y)
        return bool(lost)

    @staticmethod
    def _stays(follower: Follower, width: int, height: int, time: float) -> bool:
        """Whether somebody is still followed after this image."""
        if follower.seen:
            return follower.centre_inside(width, height)
        return follower.unseen_for(time) <= _LONGEST_GAP and time - follower.doubted_since <= _LONGEST_DOUBT

    def _find(self, sightings: list[Sighting], searched: list[Window], image: np.ndarray, time: float) -> None:
        """Hold sightings against the followers: confirm, drop, and start following whoever is new."""
        seen, new = match(sightings, self._followers, time)
        sees = self._ready_detector().sees
        for number, follower in enumerate(self._followers):
            if number in seen:
                follower.sighted(seen[number].region, time)
            elif any(window.shows(follower.expected(time), follower.height, sees) for window in searched):
                follower.missed_detections += 1
        if self._config.max_missed_detections:
            self._followers = [f for f in self._followers if f.missed_detections < self._config.max_missed_detections]
        self._refused = [refused for refused in self._refused if refused[1] > time]
        # who was refused a moment ago comes last: with little time, others have their turn
        new.sort(key=lambda one: (any(one.is_at(place) for place, _ in self._refused), -one.region.side))
        wanted = min(len(new), max(self._config.max_people - len(self._followers), 0))
        new = new[: self._pacing.newcomers(wanted, self._followers, time)]
        if new:
            self._meet(new, image, time)
        self._followers = without_duplicates(self._followers, time)

    def _meet(self, new: list[Sighting], image: np.ndarray, time: float) -> None:
        """Look more closely at whoever is new, and follow them from now on if somebody is there."""
        runs, begun = {"person": len(new)}, perf_counter()
        try:
            readings = self._read(image, [one.region for one in new])
        except GaitError as error:
            self._pacing.charge(runs)
            if not isinstance(error, DeadlineExceeded):
                raise
            self.late += 1
            return
        self._pacing.spent(runs, perf_counter() - begun)
        for one, reading in zip(new, readings, strict=True):
            if reading.presence >= self._config.presence:
                self._followers.append(Follower(reading, time, self._config.smoothing))
            else:
                self._refused.append((one.region, time + _LONGEST_GAP))

    @staticmethod
    def _expected_box(follower: Follower, time: float) -> np.ndarray:
        """Where a follower is expected: x, y, width, height in pixels."""
        place = follower.expected(time)
        return np.array(
            [place.x - follower.height / 4, place.y - follower.height / 2, follower.height / 2, follower.height]
        )

    def _result(self, frame: Frame) -> PoseFrame:
        """The followers as the rest of the package sees them."""
        height, width = frame.image.shape[:2]
        time = frame.stamp * 1e-9
        config = self._config
        kind = config.gait_frame_kind if self._flow is None or self._flows else ""
        people: list[PersonPose] = []
        reported = [follower for follower in self._followers if not follower.doubted]
        for follower in reported:
            if follower.seen:
                person = person_pose(follower, (width, height), config.keypoint_confidence, kind, self._flow)
                follower.box = person.box
                if person.quality >= _GOOD_QUALITY:
                    follower.count_gait_frame(time)
            else:
                person = expected_pose(follower, time)
            people.append(person)
        self.rates = [follower.gait_frames_per_second(time) for follower in reported]
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
