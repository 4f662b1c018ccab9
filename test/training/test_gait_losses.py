import pytest
import torch
from torch.nn import functional

from rt_gait_ros.training.gait_losses import MARGIN, centred, circle, contrastive, triplet


def test_centring_takes_away_what_a_scene_adds():
    torch.manual_seed(0)
    persons = torch.randn(6, 1, 3, 8)
    scenes = 5.0 * torch.randn(1, 4, 3, 8)
    found = centred(persons + scenes)
    assert torch.allclose(found, found[:, :1].expand_as(found), atol=1e-5)
    assert torch.allclose(found.norm(dim=-1), torch.ones(6, 4, 3))


@pytest.mark.parametrize("loss", [circle, contrastive, triplet])
def test_losses_fall_when_a_person_s_walks_come_together(loss):
    torch.manual_seed(0)
    persons = torch.randn(6, 1, 3, 32)
    noise = torch.randn(6, 4, 3, 32)
    costs = [float(loss(functional.normalize(persons + share * noise, dim=-1))) for share in (0.1, 0.7, 3.0)]
    assert costs == sorted(costs)
    assert costs[0] < costs[2]


def test_triplet_costs_the_margin_where_all_are_one():
    assert float(triplet(torch.ones(4, 3, 2, 8))) == pytest.approx(MARGIN, abs=1e-3)


def test_circle_pulls_and_pushes_most_where_most_is_wrong():
    likeness = torch.tensor([[1.0, 0.6, 0.3, 0.1], [0.6, 1.0, 0.2, 0.2], [0.3, 0.2, 1.0, 0.9], [0.1, 0.2, 0.9, 1.0]])
    directions = torch.linalg.cholesky(likeness).reshape(2, 2, 1, 4).requires_grad_()
    circle(directions).backward()
    drawn = directions.grad.norm(dim=-1).sum(1).flatten()
    assert drawn[0] > 2 * drawn[1]  # the second person's walks are as near as they should be


def test_contrastive_of_chance_is_the_logarithm_of_the_others():
    same = functional.normalize(torch.ones(4, 3, 2, 8), dim=-1)
    assert float(contrastive(same)) == pytest.approx(2 * torch.log(torch.tensor(11.0)).item(), rel=1e-4)
