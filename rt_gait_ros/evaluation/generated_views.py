"""What a gait network makes of each view, learnt from generated walkers: the ViewPrior that is shipped with it."""

from collections.abc import Callable

import cv2
import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.views import ViewMoments, ViewPrior
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.synthesis.strollers import make_stroller, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, random_scene

# Number of the first person; training (training.cohorts) numbers its people below, evaluation on virtual ones above.
FIRST = 2_600_000_000
AZIMUTHS = tuple(range(0, 181, 18))  # degrees: 0 away from the camera, 90 to the left, 180 towards it
FRAMES = 30  # of a walk: the recogniser's window
FEWEST = 10  # people


def generated_view_prior(
    client: InferenceClient, model: str, people: int, report: Callable[[str], None]
) -> tuple[ViewPrior, np.ndarray, np.ndarray]:
    """Centres and spreads of `people` generated walkers seen from each of AZIMUTHS, in clothes and masks of a street.

    Returns them with the embeddings (N, P, C) they are of and the view (N,) of each. A network that sees everybody from
    both sides (a mirrored one) needs no more azimuths than these; another takes walkers to the left for walkers to the
    right. Raises InferenceError, and UsageError for a model that is not of silhouettes, or for too few people.
    """
    embedder = WalkEmbedder(client, model)
    known = embedder.model
    if known.gait_frame_kind != "silhouette":
        raise UsageError(f"{model} is a network of {known.gait_frame_kind} frames: views are learnt for silhouettes")
    if people < FEWEST:
        raise UsageError(f"{people} people are too few to know a view by: give {FEWEST} or more")
    cv2.setNumThreads(1)
    embeddings, views = [], []
    for number in range(people):
        random = np.random.default_rng((0x71E35, number))
        who = make_stroller(FIRST + number)
        for view, azimuth in enumerate(AZIMUTHS):
            ranges = Nuisances(heights=(0.6, 2.5), views=(float(azimuth),), clothes=0.6, noise=0.5, both_ways=False)
            frames = stroller_silhouettes(who, random_scene(ranges, random), FRAMES, ranges, random)
            if len(frames) >= max(known.min_frames, FRAMES // 2):
                embeddings.append(embedder(frames))
                views.append(view)
        if (number + 1) % 20 == 0:
            report(f"{number + 1}/{people} people walked past from {len(AZIMUTHS)} sides")
    seen, sides = np.stack(embeddings), np.array(views)
    return ViewMoments.of(seen, sides, len(AZIMUTHS)).prior(), seen, sides
