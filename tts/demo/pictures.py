"""Spectrograms as pictures, in one palette that is at home on light and on dark pages."""

from __future__ import annotations

import io

import numpy as np
from torch import Tensor

# From quiet to loud: night, indigo, violet, rose, coral, cream.
LOUDNESS = ("#0d1128", "#2b2d78", "#6a3d9f", "#c2517f", "#f2936a", "#fdeec4")
# From a copy that is too quiet to one that is too loud, night between.
DIFFERENCE = ("#7fd8e8", "#2f7f9f", "#0d1128", "#b5574f", "#ffb38a")
# Nats that are shown: 78 dB, and 17 dB either way.
LOUDNESS_NATS = 9.0
DIFFERENCE_NATS = 2.0
ROWS = 160


def mel_png(log_mel: Tensor, top: float | None = None) -> bytes:
    """A log mel as a picture.

    Args:
        log_mel: (M, T), natural logs.
        top: What is shown brightest; the loudest cell when None.

    Returns:
        A PNG of T columns, low frequencies at the bottom.
    """
    values = log_mel.detach().cpu().double().numpy()
    highest = float(values.max()) if top is None else top
    return _png((values - highest) / LOUDNESS_NATS + 1, LOUDNESS)


def difference_png(difference: Tensor) -> bytes:
    """A difference of log mels (M, T) as a picture; night where there is none."""
    values = difference.detach().cpu().double().numpy()
    return _png(values / (2 * DIFFERENCE_NATS) + 0.5, DIFFERENCE)


def _png(levels: np.ndarray, anchors: tuple[str, ...]) -> bytes:
    from PIL import Image

    ramp = np.array([[int(anchor[i : i + 2], 16) for i in (1, 3, 5)] for anchor in anchors])
    at = np.clip(levels, 0, 1) * (len(anchors) - 1)
    nodes = np.arange(len(anchors))
    colours = [np.interp(at, nodes, ramp[:, channel]) for channel in range(3)]
    pixels = np.stack(colours, axis=2)[::-1].round().astype(np.uint8)
    # Made taller here, because browsers blur or block what they stretch.
    picture = Image.fromarray(pixels).resize((pixels.shape[1], ROWS), Image.Resampling.BICUBIC)
    memory = io.BytesIO()
    picture.save(memory, "PNG", optimize=False)
    return memory.getvalue()
