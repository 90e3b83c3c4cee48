"""The work behind `straighttalk straightness`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.audio.mel import MelExtractor
from core.data.pairs import file_hash, item_seed
from core.data.store import UtteranceStore
from core.errors import InputError
from core.flow import Field, bends
from tts.cli.teachers import Teacher, load_acoustic, load_vocoder
from tts.evaluation.statistics import mean
from tts.reflow import align_recordings
from tts.sentences import Sentences
from vocoder.pairs import require_flow


@dataclass(frozen=True)
class Question:
    """What to measure; the options of the command.

    Attributes:
        kind: "acoustic" or "vocoder".
        voice: Name, path or hub address, or None.
        run: Directory of a training, or None.
        features: The feature store.
        split: Of the store.
        limit: Most utterances.
        steps: Of the midpoint method.
        temperature: What the noise is multiplied by.
        seed: Of the noise.
        device: Where the model runs.
    """

    kind: str
    voice: str | None
    run: str | None
    features: str
    split: str
    limit: int
    steps: int
    temperature: float
    seed: int
    device: str


@torch.inference_mode()
def measure(question: Question, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Measure the straightness of a model on recordings, with the recordings' rhythm and mels.

    Args:
        question: What to measure.
        progress: Told of each utterance.

    Returns:
        "straightness" in units of the squared displacement, its 95 % interval over utterances
        ("low", "high"), "profile" (the same at equal times, whose mean it is), "times", and what
        was asked.

    Raises:
        InputError: The model or the features are missing or not fit for it, or it is no flow.
    """
    load = load_acoustic if question.kind == "acoustic" else load_vocoder
    found = load(question.voice, question.run)
    found.model.to(question.device)
    store = UtteranceStore(question.features, question.split)
    count = min(question.limit, len(store))
    if not count:
        raise InputError(f"{question.features} has no utterance in split {question.split!r}")
    if found.sentences is None:
        require_flow(found.model)
        starts = _sounds(found, store, question)
    else:
        sentences = found.sentences(Path(question.features), question.split)
        starts = _mels(found, sentences, question)
    profiles = []
    for index in range(count):
        squares, whole = bends(*starts(index), question.steps)
        profiles.append(squares[0] / whole[0])
        progress(1)
    table = torch.stack(profiles)
    estimate = mean(table.mean(1).tolist())
    steps = question.steps
    return {
        **asdict(question),
        "weights": file_hash(found.weights),
        "utterances": count,
        "straightness": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "times": [(i + 0.5) / steps for i in range(steps)],
        "profile": table.mean(0).tolist(),
    }


Starts = Callable[[int], tuple[Field, Tensor]]
"""From the number of an utterance to its velocity field and noise (1, ...)."""


def _mels(found: Teacher, sentences: Sentences, question: Question) -> Starts:
    def start(index: int) -> tuple[Field, Tensor]:
        aligned = align_recordings(found.model, sentences, [index])
        white = found.model.white_noise(aligned.mask, [item_seed(question.seed, index)])
        return aligned.field, aligned.prior_mean + question.temperature * white

    return start


def _sounds(found: Teacher, store: UtteranceStore, question: Question) -> Starts:
    model, extract = found.model, MelExtractor(found.spec)
    if store.sample_rate_hz != found.spec.sample_rate_hz:
        raise InputError(
            f"the features are at {store.sample_rate_hz} Hz, "
            f"the mel contract at {found.spec.sample_rate_hz} Hz"
        )

    def start(index: int) -> tuple[Field, Tensor]:
        log_mel = extract(store.waveform(index)[None]).to(question.device)
        x_0 = model.noise(log_mel, [item_seed(question.seed, index)])
        return model.field(log_mel), question.temperature * x_0

    return start
