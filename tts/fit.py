"""How well recordings fit their texts, to find transcripts that say something else."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from tts.frames import fold_blanks
from tts.losses import align_batch
from tts.model import AcousticModel
from tts.sentences import Sentences

# Of a stretch of a recording; about two syllables.
STRETCH_SECONDS = 0.4
# A deviation of a Gaussian is so many times its median absolute one.
DEVIATIONS = 1.4826
# From this score on a transcript is worth a look.
SUSPICIOUS = 5.0


@dataclass(frozen=True)
class Fit:
    """How well a recording fits its text.

    Attributes:
        id: Of the utterance.
        text: What it is said to say.
        distance: Mean square of the recording's mel from the mean of its text, along the best
            alignment, in the model's units.
        worst: The same of the worst stretch of 0.4 s.
        worst_seconds: Where the middle of that is.
        longest_seconds: What the longest phoneme lasts.
    """

    id: str
    text: str
    distance: float
    worst: float
    worst_seconds: float
    longest_seconds: float


@torch.inference_mode()
def fits(model: AcousticModel, sentences: Sentences, indices: Sequence[int]) -> Iterator[Fit]:
    """Align recordings with their texts, as training does, and see how well they fit.

    Args:
        model: Trained on this corpus, on the CPU or elsewhere.
        sentences: The corpus.
        indices: Of its utterances.
    """
    device = model.mel_mean.device
    frame_seconds = sentences.spec.hop_samples / sentences.spec.sample_rate_hz
    for index in indices:
        batch = {name: value.to(device) for name, value in sentences.batch([(index,)]).items()}
        encoded, mel, durations = align_batch(model, batch)
        mean = encoded.mean[0].repeat_interleave(durations[0], dim=1)
        square = (mel[0] - mean).square().mean(0)  # (T,)
        width = min(len(square), max(1, round(STRETCH_SECONDS / frame_seconds)))
        stretches = F.avg_pool1d(square[None], width, stride=1)[0]
        worst = int(stretches.argmax())
        phonemes = fold_blanks(durations) if model.config.blanks else durations
        utterance = sentences.store.utterances[index]
        yield Fit(
            id=utterance.id,
            text=utterance.text,
            distance=float(square.mean()),
            worst=float(stretches[worst]),
            worst_seconds=(worst + width / 2) * frame_seconds,
            longest_seconds=int(phonemes.max()) * frame_seconds,
        )


def suspicion(found: Sequence[Fit]) -> list[float]:
    """How far each recording is from what is usual in its corpus.

    Returns:
        For each the larger of two scores, of its distance and of its worst stretch: deviations
        above the median, a deviation being estimated by the median absolute one, which bad
        transcripts hardly move (Hampel, 1974).
    """
    whole = _robust_scores([fit.distance for fit in found])
    local = _robust_scores([fit.worst for fit in found])
    return [max(pair) for pair in zip(whole, local, strict=True)]


def _robust_scores(values: Sequence[float]) -> list[float]:
    middle = statistics.median(values)
    spread = DEVIATIONS * statistics.median(abs(value - middle) for value in values)
    return [(value - middle) / spread if spread else 0.0 for value in values]
