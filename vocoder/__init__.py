"""Mel spectrogram to waveform, on its own or behind any acoustic model.

>>> from vocoder import Vocoder
>>> vocoder = Vocoder.from_pretrained()
>>> vocoder.vocode(mel).waveform  # doctest: +SKIP
"""

from vocoder.vocoder import Vocoded, Vocoder

__all__ = ["Vocoded", "Vocoder"]
