"""Losses on gait embeddings: what pulls one person's walks together and different persons' apart."""

import torch
from torch import Tensor
from torch.nn import functional

# Margin of the batch-all triplet loss (GaitSet, AAAI 2019).
MARGIN = 0.2
# Temperatures of the contrastive loss: of single parts, whose likeness says little, and of all parts together.
PART_TEMPERATURE, WHOLE_TEMPERATURE = 0.15, 0.07
# Relaxation of the circle loss (its authors'), and its scales: of single parts, and of all parts together.
RELAXATION, PART_SCALE, WHOLE_SCALE = 0.25, 16.0, 64.0


def centred(embeddings: Tensor) -> Tensor:
    """Take from each embedding the mean of its scene, and scale each part to length 1.

    embeddings: (P, C, parts, channels): P persons, each once in each of C scenes. As the recogniser's scene
    normalisation does with whoever walks by.
    """
    return functional.normalize(embeddings - embeddings.mean(0, keepdim=True), dim=-1)


def contrastive(embeddings: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020), of every part for itself and of all together.

    embeddings: (P, C, parts, channels), each part of length 1; the C of a person are alike, all others are not.
    """
    likeness, persons = _likeness(embeddings)
    return _info(likeness / PART_TEMPERATURE, persons) + _info(likeness.mean(0) / WHOLE_TEMPERATURE, persons)


def circle(embeddings: Tensor) -> Tensor:
    """Circle loss (Sun et al., CVPR 2020), of every part for itself and of all together.

    embeddings: (P, C, parts, channels), each part of length 1.
    """
    likeness, persons = _likeness(embeddings)
    return _circle(likeness, persons, PART_SCALE) + _circle(likeness.mean(0), persons, WHOLE_SCALE)


def triplet(embeddings: Tensor) -> Tensor:
    """Batch-all triplet loss of every part for itself, mean of the triplets that still cost (Hermans et al., 2017;
    GaitSet). embeddings: (P, C, parts, channels)."""
    persons, walks = embeddings.shape[:2]
    parts = embeddings.flatten(0, 1).transpose(0, 1).contiguous()
    distances = torch.cdist(parts, parts)
    labels = torch.arange(persons, device=embeddings.device).repeat_interleave(walks)
    same = labels[:, None] == labels
    itself = torch.eye(len(labels), dtype=torch.bool, device=embeddings.device)
    shape = len(parts), len(labels), -1
    genuine = distances[:, same & ~itself].reshape(shape)
    impostor = distances[:, ~same].reshape(shape)
    costs = functional.relu(MARGIN + genuine[..., :, None] - impostor[..., None, :]).flatten(1)
    return (costs.sum(1) / (costs > 0).sum(1).clamp(min=1)).mean()


def _likeness(embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines (parts, N, N) of all walks with each other, and whose walks they are: (N,)."""
    persons = torch.arange(len(embeddings), device=embeddings.device).repeat_interleave(embeddings.shape[1])
    parts = embeddings.flatten(0, 1).transpose(0, 1)
    return parts @ parts.transpose(1, 2), persons


def _circle(likeness: Tensor, persons: Tensor, scale: float) -> Tensor:
    """The loss of cosines (..., N, N); each pair counts by how far it is from where it should be."""
    same = persons[:, None] == persons
    itself = torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    pull = (1.0 + RELAXATION - likeness).clamp(min=0.0).detach() * (1.0 - RELAXATION - likeness)
    push = (likeness + RELAXATION).clamp(min=0.0).detach() * (likeness - RELAXATION)
    genuine = torch.logsumexp((scale * pull).masked_fill(~same | itself, -torch.inf), -1)
    impostor = torch.logsumexp((scale * push).masked_fill(same, -torch.inf), -1)
    return functional.softplus(genuine + impostor).mean()


def _info(logits: Tensor, persons: Tensor) -> Tensor:
    """Mean negative log probability of a person's other walks among all others. logits: (..., N, N)."""
    itself = torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    logits = logits.masked_fill(itself, -torch.inf)
    surprise = torch.logsumexp(logits, -1, keepdim=True) - logits
    genuine = (persons[:, None] == persons) & ~itself
    return (surprise.masked_fill(~genuine, 0.0).sum(-1) / genuine.sum(-1)).mean()
