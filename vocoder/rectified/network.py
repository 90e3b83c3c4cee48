"""What the velocity networks of a rectified-flow vocoder have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class VelocityNetwork(nn.Module, ABC):
    """A network that reads a state, a time and a mel.

    Attributes:
        on_waveform: Whether states and answers are waveforms (B, T * hop); otherwise they are
            complex STFT frames (B, n_fft // 2 + 1, T).
        n_fft: FFT size of those frames; for a network on waveforms, of the frames in whose cells
            it may be preconditioned.
        mel_reach_frames: Distance from which a frame of the mel is heard by its encoding.
        state_reach_frames: Distance from which the state, or the mel's encoding, is heard by the
            answer.
    """

    on_waveform: ClassVar[bool]
    n_fft: int
    mel_reach_frames: int
    state_reach_frames: int

    @abstractmethod
    def encode_mel(self, mel: Tensor, mask: Tensor | None) -> Tensor:
        """Read the mel once a synthesis.

        Args:
            mel: Standardised log mel, (B, M, T).
            mask: Real frames, (B, 1, T) bool, or None.

        Returns:
            The condition that `forward` takes.
        """

    @abstractmethod
    def forward(self, t: Tensor, state: Tensor, condition: Tensor, mask: Tensor | None) -> Tensor:
        """Predict the velocity, or its standardised rest.

        Args:
            t: Time, () or (B,).
            state: Waveform (B, T * hop) float32, or complex frames (B, F, T).
            condition: From `encode_mel`.
            mask: Real frames, (B, 1, T) bool, or None.

        Returns:
            As the state, float32 or of float32 parts; whatever on padding.
        """
