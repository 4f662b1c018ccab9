import numpy as np
import pytest

from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.synthesis.masks import MaskNoise
from rt_gait_ros.synthesis.strollers import make_stroller, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, Scene
from rt_gait_ros.training.filming import Film, filmed_silhouettes, random_film

SIDE = Scene(height=1.2, distance=4.5, azimuth=90.0, noise=MaskNoise())
RANGES = Nuisances(views=(90.0,), clothes=0.0, noise=0.0)
FILM = Film(seed=1, size=(320, 240), grey=False, blur=0.5, quality=80)


@pytest.fixture(scope="module")
def client(model_repository):
    client = OnnxClient(model_repository, timeout=600.0)
    yield client
    client.close()


def filmed(client, scene=SIDE, film=FILM, frames=6):
    return filmed_silhouettes(make_stroller(3), scene, film, frames, RANGES, np.random.default_rng(2), client)


def test_the_pose_stage_sees_a_walker_nearly_as_he_is(client):
    seen = filmed(client)
    assert seen.shape[1:] == (64, 64)
    assert len(seen) >= 4
    true = stroller_silhouettes(make_stroller(3), SIDE, 25, RANGES, np.random.default_rng(2))
    # each beside the true silhouette that is most like it: some other moment of the gait cycle is the most that differs
    for silhouette in seen > 127:
        overlap = [(silhouette & one).sum() / (silhouette | one).sum() for one in true > 127]
        assert 0.6 < max(overlap) < 1.0


def test_the_same_seed_is_the_same_film(client):
    first, again = filmed(client), filmed(client)
    assert (first == again).all()


def test_whoever_is_not_wholly_in_the_picture_is_left_out(client):
    near = Scene(height=1.2, distance=1.6, azimuth=90.0, noise=MaskNoise())
    assert filmed(client, near).shape == (0, 64, 64)


def test_a_film_is_grey_and_blurred():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    developed = Film(seed=1, size=(60, 40), grey=True, blur=1.2, quality=90).develop(image)
    assert developed.shape == image.shape
    assert np.ptp(developed.astype(int), axis=2).max() <= 3
    assert developed.std() < image.std() / 2


def test_films_differ_and_are_small_pictures():
    films = [random_film(np.random.default_rng(seed)) for seed in range(20)]
    assert {film.grey for film in films} == {True, False}
    assert all(190 <= film.size[0] < 450 and film.size[0] * 3 // 4 - film.size[1] in (-1, 0, 1) for film in films)
