"""Multiply-adds and parameters against counts by hand."""

from __future__ import annotations

import torch
from torch import nn

from core.nn.cost import count_multiply_adds, count_parameters


def test_linear_layer_costs_its_matrix():
    """One multiply-add for each weight and row; biases are additions alone."""
    layer = nn.Linear(5, 7)
    assert count_multiply_adds(lambda: layer(torch.zeros(3, 5))) == 3 * 5 * 7
    assert count_parameters(layer) == 5 * 7 + 7


def test_convolution_costs_its_taps_at_every_output():
    """Taps x channels in a group x channels out x outputs."""
    conv = nn.Conv1d(4, 6, kernel_size=3, groups=2)
    assert count_multiply_adds(lambda: conv(torch.zeros(2, 4, 12))) == 2 * 10 * 6 * 3 * 2
    assert count_parameters(conv) == 6 * 2 * 3 + 6


def test_buffers_are_no_parameters():
    """Statistics of a corpus are stored but not trained."""
    module = nn.BatchNorm1d(4)
    assert count_parameters(module) == 8
