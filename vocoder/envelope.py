"""The spectral envelope that a mel spectrogram implies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.audio.mel import MelSpec, mel_filterbank
from core.audio.stft import Stft

TINY = 1e-9


class MelEnvelope(nn.Module):
    """Spread mel bands back over STFT bins.

    Each bin takes the mean magnitudes of the bands that cover it, weighted by their triangles. A
    bin that no band covers (DC, above f_max) takes those of the nearest covered bin. A gain per
    bin, measured on a corpus by `measure_gain`, turns that into the root mean square of the STFT.

    Args:
        spec: The mel contract.
    """

    spread: Tensor
    covered: Tensor
    bank: Tensor
    band_area: Tensor
    gain: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        # Which bins are covered is a question of values, and the meta device has none.
        with torch.device("cpu"):
            bank = mel_filterbank(spec).float()  # (M, F)
            # A band too narrow to cover any bin says nothing; it must not divide by zero.
            triangles = bank / bank.amax(dim=1, keepdim=True).clamp_min(TINY)
            covered = triangles.sum(dim=0) > 1e-6
            bins = torch.arange(bank.shape[1])
            nearest = bins[covered][(bins[:, None] - bins[covered]).abs().argmin(dim=1)]
            spread = triangles[:, nearest].T  # (F, M)
        # No band hears anything from this bin on.
        self.heard_bins = int(bins[covered][-1]) + 1
        self.register_buffer("spread", spread / spread.sum(1, keepdim=True), persistent=False)
        self.register_buffer("covered", covered, persistent=False)
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("band_area", bank.sum(dim=1).clamp_min(TINY), persistent=False)
        self.register_buffer("gain", torch.ones(bank.shape[1]))

    def forward(self, log_mel: Tensor) -> Tensor:
        """Root mean square of the contract's STFT, (B, n_fft//2+1, T), from a log mel (B, M, T)."""
        with torch.autocast(log_mel.device.type, enabled=False):
            mean_magnitude = log_mel.float().exp() / self.band_area[:, None]
            return (self.spread @ mean_magnitude) * self.gain[:, None]

    def resize(self, envelope: Tensor, n_fft: int) -> Tensor:
        """The same envelope for an STFT of fewer bins with the same framing.

        Args:
            envelope: (B, F, T) for the contract's FFT size and window.
            n_fft: A divisor of the contract's FFT size; its window is a Hann of that length.

        Returns:
            (B, n_fft//2+1, T): a Hann window's energy is proportional to its length, and so is the
            mean square of a noise's STFT.
        """
        scale = (n_fft / self.spec.win_samples) ** 0.5
        return envelope[:, :: self.spec.n_fft // n_fft] * scale

    @torch.no_grad()
    def measure_gain(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Set the gain to the corpus's root mean square of |STFT| / envelope, bin by bin.

        Args:
            waveform: (B, T * hop) float32 in [-1, 1].
            log_mel: Its log mel (B, M, T).
        """
        stft = Stft(self.spec.n_fft, self.spec.hop_samples, self.spec.win_samples)
        self.gain.fill_(1.0)
        envelope = self(log_mel)
        # Near the log floor the envelope says nothing about the signal.
        audible = (envelope > 10 * self.spec.log_floor / self.band_area.mean()).float()
        ratio = (stft(waveform).abs() / envelope.clamp_min(1e-9)).square() * audible
        total = audible.sum(dim=(0, 2)).clamp_min(1.0)
        self.gain.copy_((ratio.sum(dim=(0, 2)) / total).sqrt().clamp(1e-2, 1e2))
