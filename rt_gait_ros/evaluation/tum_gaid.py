"""TUM-GAID as Embedded-Gait evaluates it: windows of optical flow, k nearest neighbours, a majority vote per video.

Gallery N 1-4; probes N 5-6, B 1-2, S 1-2, and those of the second session where there are any: N 11-12, B 3-4, S 3-4.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.tum_gaid import FPS, GALLERY, PROBES, Recording, read_sample
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob
from rt_gait_ros.evaluation.open_set import Comparison
from rt_gait_ros.evaluation.recognition import RankRate, rank_rate, to_persons
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.image_files import read_image
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.silhouette.flow import WINDOW, Place, placed, window_starts

K = 7  # neighbours that vote (Embedded-Gait)
# Whom a window is given to when several persons have equally many of its neighbours. Embedded-Gait votes with
# scikit-learn's KNeighborsClassifier, which takes the lowest label; the nearest neighbour's person is the better guess.
TIES = ("lowest", "nearest")
POSE = PoseConfig(gait_frame_kind="flow")


@dataclass(frozen=True, slots=True)
class Video:
    """One sequence. condition: key of SEQUENCES. embeddings: (N, P, C) of its windows."""

    person: str
    condition: str
    embeddings: np.ndarray


@dataclass(frozen=True, slots=True)
class Row:
    """One condition searched in another. videos: rank-1 by vote. samples: of single windows by k-NN. rank5: videos by
    mean distance. comparison: of videos and persons.
    """

    gallery: str
    probe: str
    videos: RankRate
    samples: RankRate
    rank5: RankRate
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol. lost: videos without a single window. ties: one of TIES. protocol: as `evaluate` calls it."""

    model: str
    rows: tuple[Row, ...]
    people: int
    lost: int
    ties: str = TIES[0]
    protocol: str = "tum-gaid"

    @property
    def comparison(self) -> Comparison:
        """Every probe of all conditions."""
        return Comparison.joined([row.comparison for row in self.rows])

    @property
    def videos(self) -> RankRate:
        """Rank-1 by vote over the probes of all conditions."""
        return RankRate(sum(row.videos.hits for row in self.rows), sum(row.videos.probes for row in self.rows))

    def to_json(self) -> dict:
        """The figures in the shape that every `rt-gait evaluate` gives; shares 0..1."""
        return {
            "protocol": self.protocol,
            "model": self.model,
            "ties": self.ties,
            "rows": [_json(row) for row in self.rows],
            "open_set": self.comparison.figures(),
            "lost": self.lost,
            "people": self.people,
        }


def jobs_of(recordings: Collection[Recording]) -> list[EmbeddingJob]:
    """One job for each recording."""
    return [
        EmbeddingJob(each.name, each.files, embed_samples)
        if each.prepared
        else EmbeddingJob(each.name, each.files, embed_images, (POSE.detector, POSE.person_model))
        for each in recordings
    ]


def embed_samples(files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
    """Embeddings of prepared samples: "embeddings" (N, P, C). A sample without data is passed over."""
    read = [read_sample(path) for path in files]
    return _embedded([window for window in read if window is not None], embedder)


def embed_images(files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
    """Embeddings of a video: "embeddings" (N, P, C) of the windows of the flow that our own pose pipeline makes.

    The pose networks are those of the repository that the gait network is of.
    """
    frames, places = flow_frames(files, embedder.client)
    starts = [slice(start, start + WINDOW) for start in window_starts(places)]
    return _embedded([placed(np.stack(frames[cut]), places[cut]) for cut in starts], embedder)


def flow_frames(files: Sequence[Path], client: InferenceClient) -> tuple[list[np.ndarray], list[Place]]:
    """Flow frames (60, 60, 2) of the tallest person, from every image in which somebody is seen well, and where."""
    frames: list[np.ndarray] = []
    places: list[Place] = []
    pipeline = PosePipeline(client, POSE)
    for index, path in enumerate(files):
        image = read_image(path)
        if image is None:
            continue
        people = pipeline.process(Frame(image, int(index / FPS * 1e9))).people
        person = max(people, key=lambda someone: someone.box[3], default=None)
        if person is None or person.gait_frame is None or person.quality < RecognizerConfig.min_quality:
            continue
        frames.append(person.gait_frame)
        places.append(Place.of(index, person.box))
    return frames, places


def _embedded(read: list[np.ndarray], embedder: WalkEmbedder) -> Arrays:
    return {"embeddings": np.stack([embedder(window) for window in read]) if read else np.zeros((0, 1, 1), np.float32)}


def videos_of(embedded: Mapping[str, Arrays]) -> list[Video]:
    """All videos that have a window."""
    split = {name: name.split("/") for name in embedded}
    found = [Video(parts[1], parts[0], embedded[name]["embeddings"]) for name, parts in split.items()]
    return [video for video in found if len(video.embeddings)]


def evaluate(embedded: Mapping[str, Arrays], model: str, ties: str = TIES[0]) -> Result:
    """The protocol on what the jobs made. ties: one of TIES. Raises UsageError where too little is left to compare."""
    videos = videos_of(embedded)
    gallery = [video for video in videos if video.condition == GALLERY]
    people = sorted({video.person for video in gallery})
    probes = [video for video in videos if video.condition != GALLERY and video.person in people]
    if len(people) < 2 or not probes:
        raise UsageError("less than two people of the gallery, or none of the probes, have windows: nothing to compare")
    asked = [[video for video in probes if video.condition == condition] for condition in PROBES]
    rows = tuple(search(of_condition, gallery, ties) for of_condition in asked if of_condition)
    return Result(model, rows, len(people), len(embedded) - len(videos), ties)


def search(probes: Sequence[Video], gallery: Sequence[Video], ties: str = TIES[0]) -> Row:
    """Videos of one condition among those of another: each window by its K nearest, each video by its windows.

    probes, gallery: one or more of each, of the same people. ties: one of TIES.
    """
    people = sorted({video.person for video in gallery})
    templates = np.concatenate([video.embeddings for video in gallery])
    owners = np.concatenate([[people.index(video.person)] * len(video.embeddings) for video in gallery])
    truth = np.array([people.index(video.person) for video in probes])
    votes, table, right_samples, samples = [], [], 0, 0
    for video, person in zip(probes, truth, strict=True):
        apart = distances(video.embeddings, templates)
        named = [name_of(owners[np.argsort(row, kind="stable")[:K]], ties) for row in apart]
        right_samples += sum(name == person for name in named)
        samples += len(named)
        votes.append(vote(named))
        table.append(to_persons(apart, owners, len(people)).mean(axis=0))
    nearest = np.stack(table)
    return Row(
        gallery[0].condition,
        probes[0].condition,
        RankRate(int((np.array(votes) == truth).sum()), len(truth)),
        RankRate(right_samples, samples),
        rank_rate(nearest, truth, 5),
        Comparison.of(nearest, truth),
    )


def name_of(neighbours: np.ndarray, ties: str) -> int:
    """The most frequent person of a window's neighbours, nearest first; of equals as `ties` says."""
    return vote(neighbours) if ties == "nearest" else int(np.bincount(neighbours).argmax())


def vote(names: Sequence[int] | np.ndarray) -> int:
    """The most frequent; of equals the one that comes first, as statistics.mode, by which the authors name videos."""
    return Counter(int(name) for name in names).most_common(1)[0][0]


def _json(row: Row) -> dict:
    return {
        "gallery": row.gallery,
        "probe": row.probe,
        "rank1": row.videos.rate,
        "ci95": list(row.videos.ci95),
        "probes": row.videos.probes,
        "rank1_samples": row.samples.rate,
        "samples": row.samples.probes,
        "rank5": row.rank5.rate,
    }
