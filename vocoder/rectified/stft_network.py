"""The velocity network on STFT frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.audio.mel import MelSpec
from core.errors import InputError
from core.nn import AdaptiveNorm, ConvNeXtBlock, TimeEmbedding
from vocoder.rectified.config import StftConvNeXtConfig
from vocoder.rectified.network import VelocityNetwork


class StftConvNeXt(VelocityNetwork):
    """ConvNeXt blocks over STFT frames, conditioned on a log mel and on time.

    Frames of the network and of the mel share their centres, so the mel needs no upsampling.

    Args:
        config: Sizes.
        spec: The mel contract; its hop is the network's.

    Raises:
        InputError: Its n_fft is no divisor of the contract's.
    """

    on_waveform = False

    def __init__(self, config: StftConvNeXtConfig, spec: MelSpec) -> None:
        super().__init__()
        if spec.n_fft % config.n_fft:
            raise InputError(
                f"the network's n_fft is {config.n_fft}; it must divide the mel's, {spec.n_fft}"
            )
        self.n_fft = config.n_fft
        self.mel_reach_frames = config.mel_blocks * (config.kernel // 2)
        self.state_reach_frames = config.blocks * (config.kernel // 2)
        bins = config.n_fft // 2 + 1
        width = config.channels
        self.mel_in = nn.Linear(spec.n_mels, width)
        self.mel_blocks = nn.ModuleList(
            ConvNeXtBlock(width, config.kernel, config.expansion) for _ in range(config.mel_blocks)
        )
        self.mel_norm = nn.LayerNorm(width)
        self.spectrum_in = nn.Linear(2 * bins, width)
        self.time = TimeEmbedding(width)
        self.modulation = AdaptiveNorm(width, config.blocks)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(width, config.kernel, config.expansion, adaptive=True)
            for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 2 * bins)
        # Start at the best linear velocity: the network's part is zero at first.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def encode_mel(self, mel: Tensor, mask: Tensor | None) -> Tensor:
        """Read the mel once a synthesis: (B, M, T) to (B, T, C)."""
        frames = None if mask is None else mask.transpose(1, 2)
        hidden = self.mel_in(mel.transpose(1, 2))
        for block in self.mel_blocks:
            hidden = block(hidden, frames)
        encoded: Tensor = self.mel_norm(hidden)
        return encoded

    def forward(self, t: Tensor, state: Tensor, condition: Tensor, mask: Tensor | None) -> Tensor:
        """Read frames (B, F, T) and answer with such; see `VelocityNetwork.forward`."""
        frames = None if mask is None else mask.transpose(1, 2)
        parts = torch.cat([state.real, state.imag], dim=1).transpose(1, 2)
        hidden = self.spectrum_in(parts) + condition
        modulations = self.modulation(self.time(t, state.shape[0]))
        for block, modulation in zip(self.blocks, modulations, strict=True):
            hidden = block(hidden, frames, modulation)
        real, imaginary = self.out(self.norm(hidden)).float().transpose(1, 2).chunk(2, dim=1)
        return torch.complex(real.contiguous(), imaginary.contiguous())
