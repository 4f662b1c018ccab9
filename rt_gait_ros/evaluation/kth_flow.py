"""KTH by networks on optical flow, named as in TUM-GAID: 7 nearest windows, a majority vote per video (Embedded-Gait).

The videos of each condition are searched in those of each other one: d1 outdoors, d3 in other clothes, d4 indoors.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np

from rt_gait_ros.datasets.flow_walks import PlacedWindows
from rt_gait_ros.datasets.kth import CONDITIONS
from rt_gait_ros.datasets.video_walks import VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.tum_gaid import Result, Video, search
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.silhouette.flow import WINDOW

PROTOCOL = "kth-flow"


def embed_videos(walks: Mapping[tuple[str, str], VideoWalks], embedder: WalkEmbedder) -> list[Video]:
    """The videos that have a window, of whoever walked in each pass by motion.

    walks: of flow frames, by person and condition. Raises InferenceError.
    """
    found = []
    for (person, condition), video in sorted(walks.items()):
        passes = [walk for walk in video.sequences_by_pass(WINDOW) if walk is not None]
        if windows := PlacedWindows(passes):
            found.append(Video(person, condition, np.stack([embedder(window) for window in windows])))
    return found


def evaluate(videos: Sequence[Video], model: str, lost: int) -> Result:
    """Every condition in every other. lost: videos without a window. Raises UsageError where that leaves too little."""
    rows = []
    for gallery, probe in permutations(CONDITIONS, 2):
        enrolled = [video for video in videos if video.condition == gallery]
        people = {video.person for video in enrolled}
        asked = [video for video in videos if video.condition == probe and video.person in people]
        if asked and len(people) > 1:
            rows.append(search(asked, enrolled))
    if not rows:
        raise UsageError(
            f"nothing to compare: of two people or more, videos of two conditions have to show {WINDOW} good frames of "
            "flow in a row"
        )
    return Result(model, tuple(rows), len({video.person for video in videos}), lost, protocol=PROTOCOL)
