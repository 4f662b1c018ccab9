"""Who of the people there are is found: generated scenes, whose truth is known, and real footage made smaller."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.synthesis.motion import mood, phases
from rt_gait_ros.synthesis.people import outfit, person
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.synthesis.sight import sight
from rt_gait_ros.synthesis.truth import truths
from rt_gait_ros.synthesis.view import Camera
from rt_gait_ros.synthesis.walks import walk

# Person heights in pixels that figures are told of apart.
HEIGHTS = ((30, 40), (40, 60), (60, 100), (100, 200))
# What was shipped before tiles: one whole-image network, on the whole image alone.
YESTERDAY = PoseConfig(detector="movenet_multipose", least_height=0, max_people=8)
REFERENCE = "MoveNet on the whole image"
CAMERAS = ((1.1, 0.0), (2.5, 0.06), (4.0, 0.14))  # heights, metres, and radians that they look down
PEOPLE, RATE = 8, 10.0  # of each scene; images a second
# Who counts as there to be found: at least this share of the body is seen, and is within the picture.
SEEN, WITHIN = 0.7, 0.9
OVERLAP = 0.35  # of union, from which on a box is the person's


@dataclass(frozen=True, slots=True)
class Setting:
    """How scenes are filmed. size: (width, height) pixels. focal: pixels. hall: metres to the wall.

    shortest: pixels of the smallest people. seconds: of a scene. since: seconds from which on people count as there to
    be found. standing: seconds in view within which they are to be found. late: the first image, which is searched
    everywhere at once, is of an empty hall.
    """

    size: tuple[int, int] = (1280, 720)
    focal: float = 760.0
    hall: float = 45.0
    shortest: float = 30.0
    seconds: float = 1.2
    since: float = 0.8
    standing: float = 0.8
    late: bool = False


HALL = Setting()
# The same lens before four times as many pixels and more. Everybody is in view from the second image on, and counts a
# second after that.
LARGE = Setting((3840, 2160), 2280.0, 135.0, shortest=40.0, seconds=1.4, since=1.1, standing=1.0, late=True)


@dataclass
class Score:
    """How many of those there are were found, and of those found are there, by height in pixels.

    stood, stood_found: as there and found, of those who have been in view for long enough to be found.
    """

    there: Counter[tuple[int, int]] = field(default_factory=Counter)
    found: Counter[tuple[int, int]] = field(default_factory=Counter)
    stood: Counter[tuple[int, int]] = field(default_factory=Counter)
    stood_found: Counter[tuple[int, int]] = field(default_factory=Counter)
    told: Counter[tuple[int, int]] = field(default_factory=Counter)
    right: Counter[tuple[int, int]] = field(default_factory=Counter)
    seconds: float = 0.0  # of CPU
    images: int = 0

    def add(
        self, people: np.ndarray, there: np.ndarray, counts: np.ndarray, standing: np.ndarray | None = None
    ) -> None:
        """One image: boxes (N, 4) that were told, (M, 4) that are there, and which of these must be found.

        standing: (M,) bool, which of those have been in view for long enough; None: not known.
        """
        overlaps = overlap(there, people) >= OVERLAP
        long = np.zeros(len(there), bool) if standing is None else standing
        for box, hit, must, stood in zip(there, overlaps.any(axis=1), counts, long, strict=True):
            if must and (bin_ := _bin(box[3])):
                self.there[bin_] += 1
                self.found[bin_] += bool(hit)
                self.stood[bin_] += bool(stood)
                self.stood_found[bin_] += bool(stood and hit)
        for box, hit in zip(people, overlaps.any(axis=0), strict=True):
            if bin_ := _bin(box[3]):
                self.told[bin_] += 1
                self.right[bin_] += bool(hit)

    def __iadd__(self, other: "Score") -> "Score":
        for name in ("there", "found", "stood", "stood_found", "told", "right"):
            getattr(self, name).update(getattr(other, name))
        self.seconds += other.seconds
        self.images += other.images
        return self

    def recall(self, least: int = 0, most: int = 10_000) -> float:
        """Share found of those there are, of heights from `least` to `most`."""
        return _share(self.found, self.there, least, most)

    def recall_standing(self, least: int = 0, most: int = 10_000) -> float:
        """As `recall`, of those who have been in view for long enough to be found."""
        return _share(self.stood_found, self.stood, least, most)

    def precision(self, least: int = 0, most: int = 10_000) -> float:
        """Share that is there of those found."""
        return _share(self.right, self.told, least, most)


def rows(name: str, ours: Score, before: Score) -> list[Row]:
    """Rows NAME/recall_H and NAME/precision_H for all heights, and NAME/cpu_ms, an image.

    Where it is known who has been in view for how long, NAME/recall_standing_H, too.
    """
    made = []
    told = ("recall", "recall_standing", "precision") if ours.stood else ("recall", "precision")
    for low, high in HEIGHTS:
        for what in told:
            value, reference = (getattr(score, what)(low, high) for score in (ours, before))
            made.append(Row(f"{name}/{what}_{low}_{high}", value, "share", REFERENCE, reference))
    cost, reference = (1e3 * score.seconds / max(score.images, 1) for score in (ours, before))
    return [*made, Row(f"{name}/cpu_ms", cost, "ms", REFERENCE, reference)]


def generated(client: InferenceClient, scenes: int, progress: Callable[[str], None]) -> list[Row]:
    """Rows of `scenes` generated scenes for each height of the camera, and recall and precision of each from 40 on."""
    total, made = (Score(), Score()), []
    for height, pitch in CAMERAS:
        scores = Score(), Score()
        for seed in range(scenes):
            _play(client, _scene(seed, height, pitch), scores)
        for what in ("recall", "recall_standing", "precision"):
            value, reference = (getattr(score, what)(40) for score in scores)
            made.append(Row(f"generated/camera_{height:g}/{what}", value, "share", REFERENCE, reference))
        progress(f"camera at {height:g} m: recall {scores[0].recall(40):.2f}, before {scores[1].recall(40):.2f}")
        for sum_, score in zip(total, scores, strict=True):
            sum_ += score
    return rows("generated", *total) + made


def large(client: InferenceClient, scenes: int, progress: Callable[[str], None]) -> list[Row]:
    """Rows of `scenes` scenes of 3840x2160 from 2.5 m, in which everybody comes into view at once."""
    scores = Score(), Score()
    height, pitch = CAMERAS[1]
    for seed in range(scenes):
        _play(client, _scene(seed, height, pitch, LARGE), scores, LARGE)
    progress(f"3840x2160: recall {scores[0].recall(40):.2f}, before {scores[1].recall(40):.2f}")
    return rows("large", *scores)


def _play(client: InferenceClient, scene: Crowd, scores: Sequence[Score], setting: Setting = HALL) -> None:
    """Add to the scores, ours and yesterday's, what is found in a scene."""
    images, there, counts, standing = _film(scene, setting.standing)
    for score, config in zip(scores, (PoseConfig(), YESTERDAY), strict=True):
        seen = _watch(client, config, images, RATE, score, setting.since)
        for people, *truth in zip(seen, there, counts, standing, strict=True):
            if people is not None:
                score.add(people, *truth)


def shrunk(client: InferenceClient, name: str, images: Sequence[np.ndarray], rate: float, shrink: int) -> list[Row]:
    """Rows of real footage made `shrink` times smaller; who is there is what is found at its size and at twice that."""
    truth = _agreed(
        list(_watch(client, PoseConfig(), images, rate)),
        list(_watch(client, PoseConfig(), [_scaled(image, 2.0) for image in images], rate)),
    )
    small = [_scaled(image, 1.0 / shrink) for image in images]
    scores = Score(), Score()
    for score, config in zip(scores, (PoseConfig(), YESTERDAY), strict=True):
        for people, (there, sure) in zip(_watch(client, config, small, rate, score), truth, strict=True):
            if people is not None:
                score.add(people, there / shrink, sure)
    return rows(f"{name}_{shrink}", *scores)


def _agreed(
    full: Sequence[np.ndarray | None], double: Sequence[np.ndarray | None]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each image, boxes of all who were found at either size, and which of them were at both.

    Who is found in the image before or after is there as well, but need not be found: whoever enters at the border is
    found by one of the sizes an image sooner than by the others.
    """
    agreed = []
    for boxes, twice in zip(full, double, strict=True):
        first, second = (np.zeros((0, 4)) if found is None else found for found in (boxes, twice))
        second = second / 2.0
        same = overlap(first, second) >= OVERLAP
        alone = second[~same.any(axis=0)]
        agreed.append((np.concatenate([first, alone]), np.r_[same.any(axis=1), np.zeros(len(alone), bool)]))
    made = []
    for number, (there, sure) in enumerate(agreed):
        beside = [boxes for boxes, _ in (*agreed[max(number - 1, 0) : number], *agreed[number + 1 : number + 2])]
        near = np.concatenate([there[:0], *beside])
        made.append((np.concatenate([there, near]), np.r_[sure, np.zeros(len(near), bool)]))
    return made


def _watch(
    client: InferenceClient,
    config: PoseConfig,
    images: Sequence[np.ndarray],
    rate: float,
    score: Score | None = None,
    since: float = HALL.since,
) -> Iterator[np.ndarray | None]:
    """Boxes (N, 4) of the people in each image, x, y, width, height; None of those before `since` seconds."""
    pipeline = PosePipeline(client, config)
    for number, image in enumerate(images):
        begun = time.process_time()
        frame = pipeline.process(Frame(image, round((number / rate + 1.0) * 1e9)))
        if score is not None:
            score.seconds += time.process_time() - begun
            score.images += 1
        boxes = np.array([person.box for person in frame.people], np.float64).reshape(-1, 4)
        yield boxes if number / rate >= since - 1e-9 else None


def _film(
    scene: Crowd, standing: float = HALL.standing
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Images of a scene; of each, everybody's boxes (M, 4), who of them must be found, and who of those has been to be
    seen for `standing` seconds without a break: whoever has just come out from behind somebody has not."""
    renderer, images, there, counts, stood = Renderer(scene), [], [], [], []
    since: dict[int, int] = {}
    for number in range(len(scene)):
        seen = sight(scene, number)
        images.append(renderer.draw(seen, number))
        people = truths(scene, seen, number)
        boxes = np.array([truth.box for truth in people], np.float64).reshape(-1, 4)
        size = scene.camera.width, scene.camera.height_px
        inside = np.maximum(np.minimum(boxes[:, :2] + boxes[:, 2:], size) - np.maximum(boxes[:, :2], 0), 0)
        within = inside.prod(axis=1) / np.maximum(boxes[:, 2:].prod(axis=1), 1e-9)
        must = (np.array([truth.visible for truth in people]) >= SEEN) & (within >= WITHIN)
        in_view = [truth.identity for truth, needed in zip(people, must, strict=True) if needed]
        since = {identity: since.get(identity, number) for identity in in_view}
        begun = np.array([since.get(truth.identity, number) for truth in people], int)
        there.append(boxes)
        counts.append(must)
        stood.append(must & (number - begun >= standing * RATE - 1e-6))
    return images, there, counts, stood


def _scene(seed: int, height: float, pitch: float, setting: Setting = HALL) -> Crowd:
    """People of setting.shortest to 200 pixels, each of whom walks some way in a hall."""
    camera = Camera(height, pitch, setting.focal, *setting.size)
    seconds = np.arange(round(setting.seconds * RATE)) / RATE
    actors = []
    for number in range(PEOPLE):
        random = np.random.default_rng((0x5EE, seed, number, round(10 * height)))
        who, how = person(int(random.integers(1_000_000)), shape=1.0, manner=1.0), mood(random)
        ahead = setting.focal * 1.72 / np.exp(random.uniform(np.log(setting.shortest), np.log(200.0)))
        left = random.uniform(-0.9, 0.9) * ahead * setting.size[0] / 2 / setting.focal
        heading = random.uniform(0, 2 * np.pi)
        way = seconds[:, None] * 1.2 * np.array([np.cos(heading), np.sin(heading)])
        positions, headings = np.array([ahead, left]) + way, np.full(len(seconds), heading)
        if setting.late:
            positions[0, 1] += 4.0 * ahead  # beside what the camera sees
        phase = phases(who, how, seconds, random.random())
        actors.append(Actor(number + 1, who, walk(who, outfit(random, 0.6), how, camera, positions, headings, phase)))
    return Crowd("hall", seed, camera, RATE, tuple(actors), setting.hall)


def _scaled(image: np.ndarray, factor: float) -> np.ndarray:
    shape = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=shape))


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of boxes of x, y, width, height."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, :2] + first[:, None, 2:], second[None, :, :2] + second[None, :, 2:])
    common = np.maximum(high - low, 0.0).prod(axis=-1)
    union = first[:, None, 2:].prod(axis=-1) + second[None, :, 2:].prod(axis=-1) - common
    return np.asarray(common / np.maximum(union, 1e-9))


def _bin(height: float) -> tuple[int, int] | None:
    return next(((low, high) for low, high in HEIGHTS if low <= height < high), None)


def _share(part: Counter[tuple[int, int]], whole: Counter[tuple[int, int]], least: int, most: int) -> float:
    bins = [(low, high) for low, high in HEIGHTS if least <= low and high <= most]
    count = sum(whole[bin_] for bin_ in bins)
    return sum(part[bin_] for bin_ in bins) / count if count else float("nan")
