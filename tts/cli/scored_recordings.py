"""Which recordings `straighttalk likelihood` scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.audio.files import read_audio
from core.data.store import UtteranceStore
from core.errors import InputError
from tts.evaluation import choose_utterances
from tts.options import Options
from tts.sentences import Sentences
from tts.synthesizer import Synthesizer


@dataclass(frozen=True)
class Recording:
    """One of them.

    Attributes:
        id: File or utterance.
        waveform: (L,) at the voice's rate.
        ids: Phoneme ids (N,); empty where no text is needed.
        speaker: As `Synthesizer.speaker` gives it; None for a voice of one.
    """

    id: str
    waveform: Tensor
    ids: Tensor
    speaker: Tensor | None


@dataclass(frozen=True)
class Source:
    """Where they come from.

    Attributes:
        files: Recordings.
        texts: What they say, one each, for mels.
        features: A feature store, in place of both.
        split: Of the store.
        limit: Most utterances of the store, or None.
        speaker: Who speaks in the files.
        seconds: Only so much of the middle, for waveforms.
    """

    files: tuple[str, ...]
    texts: tuple[str, ...]
    features: str | None
    split: str
    limit: int | None
    speaker: str | None
    seconds: float | None

    def check(self, what: str) -> None:
        """Refuse what does not go together.

        Args:
            what: "mel" or "waveform".

        Raises:
            InputError: It does not.
        """
        if bool(self.files) == (self.features is not None):
            raise InputError("give either recordings or --features, and not both")
        if self.features is not None and (self.texts or self.speaker):
            raise InputError("--text and --speaker are of recordings: --features has its own")
        if what == "mel" and self.files and len(self.texts) != len(self.files):
            raise InputError(
                f"{len(self.files)} recordings and {len(self.texts)} texts: give --text once for "
                "each recording"
            )
        if what == "mel" and self.seconds is not None:
            raise InputError("--seconds is for waveform: a part of a mel has not the whole text")
        if what == "waveform" and self.texts:
            raise InputError("--text is for mel: a waveform is scored given its mel alone")
        if self.seconds is not None and not 0.05 <= self.seconds <= 600:
            raise InputError(f"--seconds is {self.seconds}; it must be from 0.05 to 600")

    def recordings(self, voice: Synthesizer) -> tuple[int, Iterator[Recording]]:
        """How many there are, and one after the other.

        Raises:
            InputError: A file, a text or the store is missing or not fit for it.
        """
        if self.features is None:
            return len(self.files), self._of_files(voice)
        store = UtteranceStore(self.features, self.split)
        spec = voice.acoustic.spec
        sentences = Sentences(store, spec, voice.speakers)
        indices = choose_utterances(store.utterances, self.limit)
        return len(indices), (self._of_store(sentences, i, voice) for i in indices)

    def _of_files(self, voice: Synthesizer) -> Iterator[Recording]:
        speaker = voice.speaker(Options(speaker=self.speaker))
        for number, name in enumerate(self.files):
            waveform, _ = read_audio(name, voice.sample_rate_hz)
            ids = voice.frontend.process(self.texts[number]).ids if self.texts else []
            yield Recording(
                Path(name).stem, self._middle(waveform, voice), torch.tensor(ids), speaker
            )

    def _of_store(self, sentences: Sentences, index: int, voice: Synthesizer) -> Recording:
        utterance = sentences.store.utterances[index]
        numbers = sentences.numbers
        speaker = torch.tensor(numbers[utterance.speaker]) if len(numbers) > 1 else None
        waveform = self._middle(sentences.store.waveform(index), voice)
        return Recording(utterance.id, waveform, torch.tensor(utterance.ids), speaker)

    def _middle(self, waveform: Tensor, voice: Synthesizer) -> Tensor:
        if self.seconds is None:
            return waveform
        count = round(self.seconds * voice.sample_rate_hz)
        start = max(0, (len(waveform) - count) // 2)
        return waveform[start : start + count]
