"""From sentences as the frontend reads them to sentences as they are said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from core.audio.mel import MelSpec
from core.errors import InputError
from text import Utterance
from text.symbols import SYMBOLS
from tts.frames import Mels
from tts.options import Options
from tts.speech import Span, Speech


def share_durations(utterances: Sequence[Utterance], options: Options) -> Iterator[Options]:
    """The options of each sentence, with its part of the durations of all their phonemes.

    Raises:
        InputError: They are not as many as the phonemes, or a sentence would last no frame.
    """
    durations = options.durations or ()
    count = sum(len(utterance.ids) for utterance in utterances)
    if count != len(durations):
        given = f"there are {len(durations)} durations"
        raise InputError(f"the text has {count} phonemes and {given}")
    start = 0
    for number, utterance in enumerate(utterances, 1):
        own = tuple(durations[start : start + len(utterance.ids)])
        start += len(utterance.ids)
        if not any(own):
            raise InputError(f"sentence {number} would last no frame: lengthen a phoneme of it")
        yield replace(options, durations=own)


def speech_of(
    utterance: Utterance,
    mels: Mels,
    index: int,
    spec: MelSpec,
    waveform: Tensor,
    vocoder_nfe: int,
    seconds: tuple[float, float],
) -> Speech:
    """One sentence of a batch as it is said, with the times of its words.

    Args:
        utterance: The sentence.
        mels: Of the batch.
        index: Its place in the batch.
        spec: The mel contract.
        waveform: Its samples, and maybe padding.
        vocoder_nfe: Evaluations of the vocoder.
        seconds: What the acoustic model and the vocoder took.
    """
    frames = int(mels.mask[index].sum())
    hop_seconds = spec.hop_samples / spec.sample_rate_hz
    ends = [int(mels.before[index]) * hop_seconds]
    for count in mels.durations[index, : len(utterance.ids)].tolist():
        ends.append(ends[-1] + count * hop_seconds)
    return Speech(
        text=utterance.text,
        waveform=waveform[: frames * spec.hop_samples],
        sample_rate_hz=spec.sample_rate_hz,
        mel=mels.log_mel[index, :, :frames].cpu(),
        hop_samples=spec.hop_samples,
        words=tuple(Span(w.text, ends[w.start], ends[w.end]) for w in utterance.words),
        phonemes=tuple(Span(SYMBOLS[i], ends[n], ends[n + 1]) for n, i in enumerate(utterance.ids)),
        sentences=(Span(utterance.text, 0.0, frames * hop_seconds),),
        notes=tuple(utterance.notes),
        acoustic_nfe=mels.nfe,
        vocoder_nfe=vocoder_nfe,
        acoustic_seconds=seconds[0],
        vocoder_seconds=seconds[1],
    )


def voiced(
    speech: Speech, chunks: Iterator[tuple[Tensor, int]], lock: threading.Lock
) -> Iterator[Speech]:
    """The parts of a speech as its sound is made.

    Args:
        speech: Complete but for the sound.
        chunks: The sound in whole frames, each with the vocoder's evaluations.
        lock: Held while a chunk is made.
    """
    first = 0
    while first < speech.mel.shape[1]:
        with lock:
            began = time.perf_counter()
            waveform, nfe = next(chunks)
            seconds = time.perf_counter() - began
        last = first + len(waveform) // speech.hop_samples
        part = speech.part(first, last)
        yield replace(part, waveform=waveform, vocoder_nfe=nfe, vocoder_seconds=seconds)
        first = last
