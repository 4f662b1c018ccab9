"""People who walk before a camera: boxes and skeletons made by hand."""

import numpy as np

from rt_gait_ros.pose.person import PersonPose, PoseFrame

PERIOD = 40_000_000  # ns between images: 25 per second
SIZE = (1280, 720)

# A standing person in the order of trt_pose: x and y from the centre of the box, in box heights.
SKELETON = np.array(
    [(0, -0.42), (-0.02, -0.44), (0.02, -0.44), (-0.04, -0.43), (0.04, -0.43), (-0.1, -0.32), (0.1, -0.32),
     (-0.13, -0.16), (0.13, -0.16), (-0.14, 0), (0.14, 0), (-0.06, 0.02), (0.06, 0.02), (-0.07, 0.25), (0.07, 0.25),
     (-0.07, 0.46), (0.07, 0.46), (0, -0.33)]
)  # fmt: skip


def person(x, y=400.0, height=200.0, confidence=0.9, swing=0.0, keypoints=True):
    """Somebody whose box is centred at (x, y); swing: how far the ankles are apart, in heights."""
    joints = np.zeros((18, 3), np.float32)
    joints[:, :2] = np.array([x, y]) + height * SKELETON
    joints[[15, 16], 0] = x + height * np.array([-swing, swing]) / 2
    joints[:, 2] = 1.0
    if not keypoints:
        joints[:] = (np.nan, np.nan, 0.0)
    box = np.array([x - 0.2 * height, y - 0.5 * height, 0.4 * height, height], np.float32)
    return PersonPose(joints, box, confidence, np.full((64, 64), 255, np.uint8), 0.8)


def image(number, people, stamp=None, size=SIZE, layout="trt_pose"):
    """The PoseFrame of image `number` at 25 per second."""
    stamp = number * PERIOD if stamp is None else stamp
    return PoseFrame(stamp, "camera", *size, layout=layout, people=list(people))


def run(tracker, path, start=0):
    """Feed the people of path(number) for every number in a row; returns the TrackFrames."""
    return [tracker.update(image(start + number, people)) for number, people in enumerate(path)]


def run_trouble(tracker, first, last):
    """Feed the images from `first` to `last` of a run in which all goes wrong: the bag begins anew every 500 images."""
    for number in range(first, last):
        random = np.random.default_rng(number % 500)
        people = [person(x) for x in 100 + 3 * (number % 500) + random.uniform(0, 900, random.integers(0, 5))]
        kind = number % 500 % 50
        if people and kind in (10, 20):
            people[0].box = np.array([np.nan, 0, 10, 10] if kind == 10 else [50, 50, 0, 10], np.float32)
        if number % 2500 == 499:
            people = [person(x) for x in random.uniform(0, 1280, 10_000)]
        stamp = (number % 500) * PERIOD
        if kind in (30, 31):  # the same stamp again, and one a little older
            stamp -= (kind - 29) * PERIOD
        elif kind >= 40:  # a jump of five seconds
            stamp += 5_000_000_000
        tracker.update(image(number, people, stamp=stamp))
