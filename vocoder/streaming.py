"""A long mel made part by part, so that its first sound is there before the rest is made.

Far enough from a cut, a sample does not know that the mel ended there. Every part is therefore
carried along the flow with a context of frames on both sides, which is then thrown away, and the
parts laid end to end are what the whole mel gives at once. Noise is drawn for the whole, so that
every part starts from its own stretch of the same noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from vocoder.interface import FlowVocoder, Generated, Sampling, VocoderModel

# Long parts throw less context away, short ones are heard sooner and take less memory.
GROWTH = 4
MOST_FRAMES = 512


class Part(NamedTuple):
    """Frames of a mel that are made together.

    Attributes:
        start: First frame that is kept.
        end: The frame after the last one that is kept.
        first: First frame that is read.
        last: The frame after the last one that is read.
    """

    start: int
    end: int
    first: int
    last: int


def parts(frames: int, chunk_frames: int, context: int | None) -> Iterator[Part]:
    """Cut a mel into parts, each longer than the one before it until they are long.

    Args:
        frames: Length of the mel, 1 or more.
        chunk_frames: Length of the first part, 1 or more.
        context: Frames that a part reads on either side; None cuts nothing.
    """
    start, size = 0, chunk_frames
    while start < frames:
        if context is None:
            yield Part(0, frames, 0, frames)
            return
        last = start + size + context
        # Frames read up to the end of the mel are right up to there, and need no part of their own.
        end, last = (frames, frames) if last >= frames else (start + size, last)
        yield Part(start, end, max(0, start - context), last)
        start, size = end, max(size, min(GROWTH * size, MOST_FRAMES))


def stream(
    model: VocoderModel, log_mel: Tensor, seed: int, sampling: Sampling, chunk_frames: int
) -> Iterator[Generated]:
    """Synthesise one mel part by part.

    A model without a bounded context makes it in one part.

    Args:
        model: The vocoder.
        log_mel: (1, M, T).
        seed: Of the noise.
        sampling: How.
        chunk_frames: Length of the first part.

    Yields:
        Waveforms (1, L); end to end, what `model.generate` makes of the mel.
    """
    frames, hop = log_mel.shape[2], model.spec.hop_samples
    context = model.context_frames(sampling) if isinstance(model, FlowVocoder) else None
    cuts = list(parts(frames, chunk_frames, context))
    if not isinstance(model, FlowVocoder) or len(cuts) == 1:
        yield model.generate(log_mel, [seed], sampling)
        return
    with torch.inference_mode():
        noise = model.noise(log_mel, [seed])
    for start, end, first, last in cuts:
        x_0, mel = noise[:, first * hop : last * hop], log_mel[:, :, first:last]
        made = model.carry(x_0, mel, sampling)
        kept = made.waveform[:, (start - first) * hop : (end - first) * hop]
        yield Generated(kept, made.nfe)
