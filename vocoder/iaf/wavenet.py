"""A causal WaveNet (van den Oord et al., 2016) that answers a shift and a log-scale a sample.

What it says of sample t depends on the samples before t alone: its input is moved by one sample.
That is what makes the Jacobian of y_t = s_t z_t + mu_t triangular with diagonal s_t.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vocoder.iaf.conditioner import stretch
from vocoder.iaf.config import WaveNetConfig

Emit = Callable[[int, Tensor, Tensor], Tensor]
"""Sample t (B,) from t, its shift (B,) and its log-scale (B,)."""
Step = Callable[[Tensor, int], tuple[Tensor, Tensor]]


class Affine(NamedTuple):
    """Of each sample, given those before it; both (B, L)."""

    shift: Tensor
    log_scale: Tensor


class Layer(nn.Module):
    """A gated convolution of two taps with residual and skip outputs.

    Args:
        config: Widths.
        dilation: From one tap to the other, in samples.
    """

    def __init__(self, config: WaveNetConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        self.dilation = dilation
        self.taps = nn.Conv1d(channels, 2 * channels, 2, dilation=dilation)
        self.condition = nn.Conv1d(config.condition_channels, 2 * channels, 1, bias=False)
        self.out = nn.Conv1d(channels, channels + config.skip_channels, 1)

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Residual stream (B, C, L) and skip output (B, S, L) from the stream and condition."""
        heard = stretch(self.condition(condition), x.shape[2])
        gate = self.taps(functional.pad(x, (self.dilation, 0))) + heard
        return self._finish(x, self.out(_gated(gate)))

    def stepper(self, condition: Tensor, length: int) -> Step:
        """The same, one sample (B, C) after the other, with the past kept between the calls."""
        heard = self.condition(condition).permute(2, 0, 1)  # (T, B, 2 C)
        hold = length // len(heard)
        heard = heard + self.taps.bias
        weight = self.taps.weight.permute(2, 1, 0).flatten(0, 1)  # (2 C, 2 C)
        out_weight, out_bias = self.out.weight[:, :, 0], self.out.bias
        silence = condition.new_zeros(len(condition), self.taps.in_channels)
        past = deque([silence] * self.dilation)

        def step(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
            past.append(x)
            both = torch.cat([past.popleft(), x], dim=1)
            gate = torch.addmm(heard[t // hold], both, weight)
            return self._finish(x, functional.linear(_gated(gate), out_weight, out_bias))

        return step

    def _finish(self, x: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
        residual, skip = out.tensor_split([x.shape[1]], dim=1)
        return x + residual, skip


class WaveNet(nn.Module):
    """The network. It starts as the identity: shift and log-scale 0.

    Args:
        config: Widths and dilations.
        layers: How many.
    """

    def __init__(self, config: WaveNetConfig, layers: int) -> None:
        super().__init__()
        self.limit = config.log_scale_limit
        self.enter = nn.Conv1d(1, config.channels, 2)
        dilations = [2 ** (layer % config.cycle) for layer in range(layers)]
        self.layers = nn.ModuleList(Layer(config, dilation) for dilation in dilations)
        self.mix = nn.Conv1d(config.skip_channels, config.skip_channels, 1)
        self.answer = nn.Conv1d(config.skip_channels, 2, 1)
        for parameter in self.answer.parameters():
            nn.init.zeros_(parameter)
        self.receptive_field = 2 + sum(dilations)
        """Samples before t that sample t's shift and log-scale depend on."""

    def forward(self, history: Tensor, condition: Tensor) -> Affine:
        """Shift and log-scale of every sample at once.

        Args:
            history: (B, L); sample t is seen from t + 1 on, and before the first are zeros.
            condition: (B, C, T), L a multiple of T.
        """
        x = self.enter(functional.pad(history, (2, 0))[:, None, :-1])
        total = x.new_zeros(())
        for layer in self.layers:
            x, skip = layer(x, condition)
            total = total + skip
        return self._bounded(self.answer(functional.relu(self.mix(functional.relu(total)))))

    def walk(self, condition: Tensor, length: int, emit: Emit) -> tuple[Tensor, Affine]:
        """Make a sequence from its first sample to its last, each from those before it.

        Each sample costs one pass through the layers, on one sample: past activations are kept.
        Differentiable, at the price of a graph of length * layers small operations.

        Args:
            condition: (B, C, T), length a multiple of T.
            length: Samples.
            emit: Makes a sample.

        Returns:
            The sequence (B, length), and its shifts and log-scales: those that `forward` answers
            for it.
        """
        steps = [cast(Layer, layer).stepper(condition, length) for layer in self.layers]
        enter = self.enter.weight[:, 0]
        previous = last = condition.new_zeros(len(condition))
        made, shifts, log_scales = [], [], []
        for t in range(length):
            x = functional.linear(torch.stack([previous, last], dim=1), enter, self.enter.bias)
            total = x.new_zeros(())
            for step in steps:
                x, skip = step(x, t)
                total = total + skip
            x = functional.relu(self.mix(functional.relu(total)[:, :, None]))
            shift, log_scale = self._bounded(self.answer(x))
            previous, last = last, emit(t, shift[:, 0], log_scale[:, 0])
            made.append(last)
            shifts.append(shift)
            log_scales.append(log_scale)
        affine = Affine(torch.cat(shifts, dim=1), torch.cat(log_scales, dim=1))
        return torch.stack(made, dim=1), affine

    def _bounded(self, answer: Tensor) -> Affine:
        shift, raw = answer.unbind(1)
        return Affine(shift, self.limit * torch.tanh(raw / self.limit))


def _gated(gate: Tensor) -> Tensor:
    tone, amount = gate.chunk(2, dim=1)
    return torch.tanh(tone) * torch.sigmoid(amount)
