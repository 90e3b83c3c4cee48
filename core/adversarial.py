"""What every game of a sampler against critics shares (Mao et al., 2017; HiFi-GAN, 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from core.data.pair_store import Source
from core.errors import InputError
from core.training import TrainingConfig

SMALLEST_FEATURE = 1e-6


def check_fine_tune(training: TrainingConfig, data: Source) -> None:
    """Refuse a game that cannot be played.

    Raises:
        InputError: It has no trained model to begin with, or no recordings.
    """
    if training.warm_start is None:
        raise InputError(
            "adversarial fine-tunes a trained model: name its weights in training.warm_start"
        )
    if data.pairs is not None:
        raise InputError("adversarial learns from recordings: name data.features, not pairs")


def judge_unmoved(critic: nn.Module, *inputs: Any) -> Any:
    """A critic's answer, through which gradients reach the inputs but not its weights."""
    frozen = {name: value.detach() for name, value in critic.named_parameters()}
    return functional_call(critic, frozen, inputs)


def feature_distance(made: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean L1 distance of features, each in units of the recording's (HiFi-GAN, eq. 8).

    Args:
        made: A critic's features of what was sampled, one tensor a layer; gradients flow.
        real: Those of the recording; no gradient does.
    """
    parts = []
    for ours, theirs in zip(made, real, strict=True):
        truth = theirs.detach().float()
        size = truth.abs().mean().clamp_min(SMALLEST_FEATURE)
        parts.append(F.l1_loss(ours.float(), truth) / size)
    return torch.stack(parts).mean()
