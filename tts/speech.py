"""What a synthesizer makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """A word or a phoneme in time.

    Attributes:
        text: What is said.
        start_seconds: Where it begins.
        end_seconds: Where it ends.
    """

    text: str
    start_seconds: float
    end_seconds: float

    def later(self, seconds: float) -> Span:
        """The same span, moved."""
        return Span(self.text, self.start_seconds + seconds, self.end_seconds + seconds)


@dataclass(frozen=True)
class Speech:
    """A stretch of speech.

    Attributes:
        text: What was to be said.
        waveform: (L,) float32 in [-1, 1].
        sample_rate_hz: Its rate.
        mel: Log mel (M, T), T * hop_samples = L.
        hop_samples: Samples a mel frame.
        words: The words in time.
        phonemes: The phonemes in time.
        sentences: The sentences in time.
        notes: What normalisation dropped or could not read, one sentence each.
        acoustic_nfe: Evaluations of the mel decoder, over all sentences.
        vocoder_nfe: Evaluations of the vocoder, over all sentences.
        acoustic_seconds: Time the acoustic model took.
        vocoder_seconds: Time the vocoder took.
    """

    text: str
    waveform: Tensor
    sample_rate_hz: int
    mel: Tensor
    hop_samples: int
    words: tuple[Span, ...]
    phonemes: tuple[Span, ...]
    sentences: tuple[Span, ...]
    notes: tuple[str, ...]
    acoustic_nfe: int
    vocoder_nfe: int
    acoustic_seconds: float
    vocoder_seconds: float

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.waveform) / self.sample_rate_hz

    def with_silence(self, seconds: float, log_floor: float) -> Speech:
        """The same speech with silence after it, in whole mel frames."""
        frames = round(seconds * self.sample_rate_hz / self.hop_samples)
        quiet = self.waveform.new_zeros(frames * self.hop_samples)
        floor = self.mel.new_full((self.mel.shape[0], frames), log_floor)
        return replace(
            self,
            waveform=torch.cat([self.waveform, quiet]),
            mel=torch.cat([self.mel, floor], dim=1),
        )

    def silence(self, seconds: float, log_floor: float) -> Speech:
        """What `with_silence` puts after it, alone."""
        frames = self.mel.shape[1]
        wordless = replace(self, words=(), phonemes=(), sentences=())
        longer = wordless.with_silence(seconds, log_floor)
        return longer.part(frames, longer.mel.shape[1])

    def part(self, first: int, last: int) -> Speech:
        """The stretch between two mel frames; `join` puts such parts together again.

        Text, notes and costs go to the part that begins with frame 0; words, phonemes and
        sentences to the part in which they begin, whole.
        """
        hop_seconds = self.hop_samples / self.sample_rate_hz
        begin, end = first * hop_seconds, last * hop_seconds
        if last == self.mel.shape[1]:
            end = math.inf

        def own(spans: Sequence[Span]) -> tuple[Span, ...]:
            return tuple(s.later(-begin) for s in spans if begin <= s.start_seconds < end)

        cut = replace(
            self,
            waveform=self.waveform[first * self.hop_samples : last * self.hop_samples],
            mel=self.mel[:, first:last],
            words=own(self.words),
            phonemes=own(self.phonemes),
            sentences=own(self.sentences),
        )
        if first == 0:
            return cut
        return replace(
            cut,
            text="",
            notes=(),
            acoustic_nfe=0,
            vocoder_nfe=0,
            acoustic_seconds=0.0,
            vocoder_seconds=0.0,
        )


def join(pieces: Sequence[Speech]) -> Speech:
    """Put stretches of speech one after another.

    Args:
        pieces: At least one, of the same rate.
    """
    starts = [0.0]
    for piece in pieces:
        starts.append(starts[-1] + piece.seconds)

    def spans(name: str) -> tuple[Span, ...]:
        pairs = zip(pieces, starts, strict=False)
        return tuple(span.later(start) for p, start in pairs for span in getattr(p, name))

    return Speech(
        text=" ".join(p.text for p in pieces if p.text),
        waveform=torch.cat([p.waveform for p in pieces]),
        sample_rate_hz=pieces[0].sample_rate_hz,
        mel=torch.cat([p.mel for p in pieces], dim=1),
        hop_samples=pieces[0].hop_samples,
        words=spans("words"),
        phonemes=spans("phonemes"),
        sentences=spans("sentences"),
        notes=tuple(note for p in pieces for note in p.notes),
        acoustic_nfe=sum(p.acoustic_nfe for p in pieces),
        vocoder_nfe=sum(p.vocoder_nfe for p in pieces),
        acoustic_seconds=sum(p.acoustic_seconds for p in pieces),
        vocoder_seconds=sum(p.vocoder_seconds for p in pieces),
    )
