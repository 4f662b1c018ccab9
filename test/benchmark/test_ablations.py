import sys
from dataclasses import asdict

import numpy as np
import pytest

from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.resources import resource
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes

pytest.importorskip("torch", reason="training takes the extra [train]")
sys.path.append(str(resource("benchmark")))
import ablations

FRAMES = 36


@pytest.fixture(scope="module")
def videos():
    """Eight generated people who pass once in each of two places."""
    random = np.random.default_rng(0)
    ranges = Nuisances(views=(90.0,), clothes=0.0, noise=0.0)
    found = {}
    for condition in ("d1", "d4"):
        scene = random_scene(ranges, random)
        for number in range(8):
            frames = random_silhouettes(person(number), scene, FRAMES, ranges, random)
            walk = GaitSequence("t0", np.arange(len(frames)), frames)
            found[f"{number:02d}", condition] = VideoWalks((walk,), ((0, FRAMES),))
    return found


def test_each_choice_undoes_one_thing():
    usual = asdict(ablations.CHOICES["usual"])
    for name, choice in ablations.CHOICES.items():
        undone = [key for key, value in asdict(choice).items() if value != usual[key]]
        assert len(undone) == (name != "usual"), name


@pytest.mark.slow
def test_trains_and_searches_real_walks_and_one_training_does_for_both_ways_of_use(tmp_path, videos):
    said: list[str] = []
    result = ablations._train_and_search("usual", 1, 1, videos, tmp_path, said.append)
    assert [(pair.gallery, pair.probe) for pair in result.pairs] == [("d1", "d4"), ("d4", "d1")]
    assert result.normalised
    assert result.lost == 0
    assert [line for line in said if line.startswith("epoch")]
    said.clear()
    ablations._train_and_search("mirror_off", 1, 1, videos, tmp_path, said.append)
    assert not [line for line in said if line.startswith("epoch")]
