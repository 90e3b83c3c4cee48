"""WaveODE's velocity network: DiffWave's dilated convolutions on the waveform itself.

Kong et al. (2021), DiffWave, section 3 and appendix C, here with flow time in place of the
diffusion step. The state enters by a pointwise convolution; each layer adds the time, convolves
with a dilation that doubles from layer to layer and starts again every cycle, adds the mel and is
gated; half of its answer is the residual, half the skip. The time is added for the convolution
alone and never to the residual stream.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from core.audio.mel import MelSpec
from core.errors import InputError
from core.nn import TimeEmbedding
from vocoder.rectified.config import DilatedConfig
from vocoder.rectified.network import VelocityNetwork
from vocoder.rectified.upsampling import MelUpsampling, two_factors


def _convolution(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> nn.Conv1d:
    """A convolution of the same length, with He's initial weights and weight norm."""
    padding = dilation * (kernel // 2)
    made = nn.Conv1d(inputs, outputs, kernel, padding=padding, dilation=dilation)
    nn.init.kaiming_normal_(made.weight)
    normed: nn.Conv1d = weight_norm(made)
    return normed


class DilatedLayer(nn.Module):
    """One gated residual layer.

    Args:
        config: Sizes.
        n_mels: Bands of the mel.
        dilation: Of its convolution, in samples.
        strides: Of its own upsampling of the mel.
    """

    def __init__(
        self, config: DilatedConfig, n_mels: int, dilation: int, strides: tuple[int, ...]
    ) -> None:
        super().__init__()
        width = config.channels
        self.time = nn.Linear(config.time_width, width)
        self.dilated = _convolution(width, 2 * width, config.kernel, dilation)
        self.upsampling = MelUpsampling(strides)
        self.mel = _convolution(n_mels, 2 * width)
        self.residual = _convolution(width, width)
        self.skip = _convolution(width, config.skip_channels)

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        mel: Tensor,
        frames: Tensor | None,
        samples: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Run the layer.

        Args:
            x: Residual stream (B, C, L).
            time: Embedded time (B, E).
            mel: (B, M, T).
            frames: Mask of real frames (B, 1, T), or None.
            samples: Mask of real samples (B, 1, L), or None.

        Returns:
            The next residual stream (B, C, L) and the skip (B, S, L).
        """
        y = x + self.time(time)[:, :, None]
        y = self.dilated(y if samples is None else y * samples)
        content, gate = (y + self.mel(self.upsampling(mel, frames))).chunk(2, dim=1)
        y = content.tanh() * gate.sigmoid()
        return (x + self.residual(y)) * math.sqrt(0.5), self.skip(y)


class DilatedNetwork(VelocityNetwork):
    """Gated dilated convolutions over samples, conditioned on a log mel and on time.

    Published sizes have 6,914,297 parameters, weight norm's scales included, and at 22,050 Hz cost
    100 GMAC a second of audio and evaluation.

    Args:
        config: Sizes.
        spec: The mel contract; the upsampling's strides multiply to its hop.

    Raises:
        InputError: The strides do not, or the kernel has no middle.
    """

    on_waveform = True

    def __init__(self, config: DilatedConfig, spec: MelSpec) -> None:
        super().__init__()
        if config.kernel % 2 == 0:
            raise InputError(f"kernel {config.kernel} must be odd")
        strides = config.upsample_strides or two_factors(spec.hop_samples)
        if math.prod(strides) != spec.hop_samples:
            product = " x ".join(map(str, strides))
            raise InputError(
                f"upsample_strides multiply to {product} = {math.prod(strides)}; "
                f"they must make the hop, {spec.hop_samples}"
            )
        self.n_fft, self.hop_samples = spec.n_fft, spec.hop_samples
        # Each upsampling hears one of its own frames to either side, and its frames only shorten.
        self.mel_reach_frames = len(strides)
        dilations = (2 ** (n % config.dilation_cycle) for n in range(config.layers))
        samples = config.kernel // 2 * sum(dilations)
        self.state_reach_frames = -(-samples // spec.hop_samples)
        self.time = TimeEmbedding(config.time_channels, config.time_width, config.time_scale)
        self.enter = _convolution(1, config.channels)
        self.layers = nn.ModuleList(
            DilatedLayer(config, spec.n_mels, 2 ** (n % config.dilation_cycle), strides)
            for n in range(config.layers)
        )
        self.leave = _convolution(config.skip_channels, config.skip_channels)
        self.out = nn.Conv1d(config.skip_channels, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def encode_mel(self, mel: Tensor, mask: Tensor | None) -> Tensor:
        """The mel itself: upsampled by every layer for itself, it would fill the memory.

        Thirty mels at the rate of samples are 200 MB a second of audio, and recomputing them is
        one part in fifty of an evaluation.
        """
        return mel

    def forward(self, t: Tensor, state: Tensor, condition: Tensor, mask: Tensor | None) -> Tensor:
        """Read a waveform (B, T * hop) and answer with one; see `VelocityNetwork.forward`."""
        samples = None if mask is None else mask.repeat_interleave(self.hop_samples, dim=2)
        time = self.time(t, len(state))
        x = functional.relu(self.enter(state[:, None]))
        skips = torch.zeros((), device=x.device)
        for layer in self.layers:
            x, skip = layer(x, time, condition, mask, samples)
            skips = skips + skip
        hidden = functional.relu(self.leave(skips / math.sqrt(len(self.layers))))
        out: Tensor = self.out(hidden)[:, 0].float()
        return out if samples is None else out * samples[:, 0]
