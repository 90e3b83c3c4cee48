"""Bare 16-bit samples, and the header that makes a WAV of them."""

from __future__ import annotations

import struct

import numpy as np
from torch import Tensor

from core.audio.writer import mono_samples

UNKNOWN_SIZE = 0xFFFFFFFF


def to_pcm(waveform: Tensor | np.ndarray) -> tuple[bytes, int]:
    """16-bit little-endian samples, and how many left [-1, 1] and were cut."""
    samples = mono_samples(waveform)
    clipped = int((np.abs(samples) > 1).sum())
    scaled = np.round(np.clip(samples, -1.0, 1.0) * 32768.0).clip(-32768, 32767)
    return scaled.astype("<i2").tobytes(), clipped


def wav_header(sample_rate_hz: int, data_bytes: int | None) -> bytes:
    """Header of a mono 16-bit WAV; None writes the largest size, which means unknown."""
    data = UNKNOWN_SIZE if data_bytes is None else data_bytes
    riff = UNKNOWN_SIZE if data_bytes is None else data_bytes + 36
    kind = struct.pack("<HHIIHH", 1, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", riff)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + kind
        + (b"data" + struct.pack("<I", data))
    )
