"""What a network costs: parameters and multiply-adds, counted on the real thing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(module: nn.Module) -> int:
    """Numbers that training changes; statistics of the corpus are none."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_multiply_adds(work: Callable[[], object]) -> int:
    """Multiply-adds of the matrix products, convolutions and attention that a call runs.

    What is elementwise, the Fourier transforms and the lookups are left out, as is usual.

    Args:
        work: Runs the network.
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        work()
    return int(counter.get_total_flops()) // 2
