"""Mel spectrogram to waveform, on its own or behind any acoustic model.

>>> from vocoder import Vocoder
>>> vocoder = Vocoder.from_pretrained()
>>> vocoder.vocode(mel).waveform  # doctest: +SKIP
"""

from vocoder.streaming import MOST_FRAMES
from vocoder.vocoder import CHUNK_FRAMES, Vocoded, Vocoder

__all__ = ["CHUNK_FRAMES", "MOST_FRAMES", "Vocoded", "Vocoder"]
