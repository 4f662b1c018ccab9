import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.generated_views import AZIMUTHS, generated_view_prior
from rt_gait_ros.serving.onnx_client import OnnxClient


@pytest.fixture(scope="module")
def client(model_repository):
    client = OnnxClient(model_repository, timeout=600.0)
    yield client
    client.close()


@pytest.mark.slow
def test_views_of_generated_walkers_are_told_apart(client):
    lines: list[str] = []
    prior, embeddings, views = generated_view_prior(client, "gait_energy_image", 12, lines.append)
    assert prior.views == len(AZIMUTHS)
    assert len(embeddings) == len(views) > 10 * len(AZIMUTHS)
    told = prior.nearest(embeddings)
    # a view or one beside it; front and back are alike for silhouettes
    apart = np.abs(told - views)
    assert (np.minimum(apart, len(AZIMUTHS) - 1 - apart) <= 1).mean() > 0.5


def test_too_few_people_are_one_line(client):
    with pytest.raises(UsageError, match="3 people are too few to know a view by"):
        generated_view_prior(client, "gait_energy_image", 3, print)
