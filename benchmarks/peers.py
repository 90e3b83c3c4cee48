"""Networks of other systems with random weights, to measure beside ours."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn

MATCHA_SYMBOLS = 178
MATCHA_STEPS = 4
N_MELS = 80

Acoustic = Callable[[Tensor, int], Tensor]
Wave = Callable[[Tensor], Tensor]


class Vocos(nn.Module):
    """Vocos (Siuzdak, 2024), section 3: ConvNeXt on frames, magnitude and phase, inverse STFT.

    Args:
        n_mels: Mel bands.
        channels: Width of the residual stream.
        hidden: Width inside a block.
        blocks: Number of blocks.
        n_fft: FFT size of the head.
        hop_samples: Hop of the head.
    """

    window: Tensor

    def __init__(
        self,
        n_mels: int = N_MELS,
        channels: int = 512,
        hidden: int = 1536,
        blocks: int = 8,
        n_fft: int = 1024,
        hop_samples: int = 256,
    ) -> None:
        super().__init__()
        self.n_fft, self.hop_samples = n_fft, hop_samples
        self.embed = nn.Conv1d(n_mels, channels, 7, padding=3)
        self.first_norm = nn.LayerNorm(channels)
        self.depthwise = nn.ModuleList(
            nn.Conv1d(channels, channels, 7, padding=3, groups=channels) for _ in range(blocks)
        )
        self.pointwise = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(channels),
                nn.Linear(channels, hidden),
                nn.GELU(),
                nn.Linear(hidden, channels),
            )
            for _ in range(blocks)
        )
        self.scale = nn.Parameter(torch.full((blocks, channels), 1.0 / blocks))
        self.last_norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, n_fft + 2)
        self.register_buffer("window", torch.hann_window(n_fft))

    def forward(self, mel: Tensor) -> Tensor:
        """Turn a log mel (B, M, T) into a waveform (B, about T * hop)."""
        x = self.first_norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for depthwise, pointwise, scale in zip(
            self.depthwise, self.pointwise, self.scale, strict=True
        ):
            x = x + (scale * pointwise(depthwise(x).transpose(1, 2))).transpose(1, 2)
        log_magnitude, phase = self.head(self.last_norm(x.transpose(1, 2))).chunk(2, dim=2)
        magnitude = log_magnitude.exp().clamp(max=1e2)
        spectrum = torch.polar(magnitude, phase).transpose(1, 2)
        return torch.istft(spectrum, self.n_fft, self.hop_samples, window=self.window)


def vocos() -> tuple[nn.Module, Wave]:
    """Vocos at the mel contract of 22.05 kHz."""
    model = Vocos().eval()
    return model, model


def hifi_gan() -> tuple[nn.Module, Wave]:
    """HiFi-GAN V1 (Kong et al., 2020, appendix A), as `transformers` builds it."""
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    config = SpeechT5HifiGanConfig(
        model_in_dim=N_MELS,
        sampling_rate=22050,
        upsample_initial_channel=512,
        upsample_rates=(8, 8, 2, 2),
        upsample_kernel_sizes=(16, 16, 4, 4),
        resblock_kernel_sizes=(3, 7, 11),
        resblock_dilation_sizes=((1, 3, 5),) * 3,
        normalize_before=False,
    )
    model = SpeechT5HifiGan(config).eval()
    return model, lambda mel: model(mel.transpose(1, 2))


class Matcha(nn.Module):
    """Matcha-TTS (Mehta et al., 2024), section 3.2, built by its own package, one speaker.

    Its durations would be noise, so every phoneme lasts equally long; the predictor is run all the
    same.
    """

    def __init__(self) -> None:
        super().__init__()
        from matcha.models.components.flow_matching import CFM
        from matcha.models.components.text_encoder import TextEncoder

        encoder = SimpleNamespace(
            n_feats=N_MELS,
            n_channels=192,
            filter_channels=768,
            filter_channels_dp=256,
            n_heads=2,
            n_layers=6,
            kernel_size=3,
            p_dropout=0.1,
            prenet=True,
        )
        durations = SimpleNamespace(filter_channels_dp=256, kernel_size=3, p_dropout=0.1)
        self.encoder = TextEncoder("RoPE Encoder", encoder, durations, MATCHA_SYMBOLS)
        self.flow = CFM(
            in_channels=2 * N_MELS,
            out_channel=N_MELS,
            cfm_params=SimpleNamespace(solver="euler", sigma_min=1e-4),
            decoder_params={
                "channels": (256, 256),
                "dropout": 0.05,
                "attention_head_dim": 64,
                "n_blocks": 1,
                "num_mid_blocks": 2,
                "num_heads": 2,
                "act_fn": "snakebeta",
            },
        )

    def forward(self, ids: Tensor, frames: int) -> Tensor:
        """Turn ids (B, N) into a log mel (B, M, frames) in `MATCHA_STEPS` Euler steps."""
        lengths = torch.full((ids.shape[0],), ids.shape[1])
        mean, _, _ = self.encoder(ids, lengths)
        # Two levels of downsampling want a multiple of four frames.
        padded = -(-frames // 4) * 4
        index = torch.arange(padded) * ids.shape[1] // padded
        mask = torch.ones(ids.shape[0], 1, padded)
        mel: Tensor = self.flow(mean[:, :, index], mask, MATCHA_STEPS, 0.667)
        return mel[:, :, :frames]


def matcha() -> tuple[nn.Module, Acoustic]:
    """Matcha-TTS for one speaker."""
    model = Matcha().eval()
    return model, model
