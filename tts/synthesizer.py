"""Text to speech: the frontend, the acoustic model and the vocoder, chained."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence

from core.checkpoint import load_module
from core.config import parse_config
from core.errors import InputError, unknown_name
from core.voice import ACOUSTIC, Voice, find_voice
from text import TextFrontend, Utterance, iter_sentences
from text.symbols import SYMBOLS, symbol_table_hash
from tts.config import AcousticConfig
from tts.frames import Mels
from tts.model import AcousticModel
from tts.options import Options, with_choices
from tts.speakers import chosen_speaker
from tts.speech import Span, Speech, join
from vocoder import Vocoder

__all__ = ["Options", "Synthesizer", "pick_device"]


class Synthesizer:
    """A voice ready to speak; safe to share between threads, whose batches take turns.

    Args:
        voice: Where it came from.
        frontend: Text to phoneme ids.
        acoustic: Phoneme ids to mel.
        vocoder: Mel to waveform.
        device: Where both run.
    """

    def __init__(
        self,
        voice: Voice,
        frontend: TextFrontend,
        acoustic: AcousticModel,
        vocoder: Vocoder,
        device: str = "cpu",
    ) -> None:
        ours, theirs = "the vocoder's", "the acoustic model's"
        vocoder.spec.require_same(acoustic.spec, ours=ours, theirs=theirs)
        self.voice, self.frontend, self.vocoder = voice, frontend, vocoder
        self.acoustic = acoustic.to(device).eval()
        self.device = torch.device(device)
        self._lock = threading.Lock()

    @classmethod
    def from_pretrained(
        cls,
        voice: str | Path | None = None,
        *,
        device: str = "auto",
        language: str | None = None,
        lexicon: str | Path | None = None,
        normalize: bool = True,
    ) -> Synthesizer:
        """Load a voice.

        Args:
            voice: Name, path or hub address; None takes the default voice.
            device: "auto", "cpu", "cuda" or "mps".
            language: eSpeak code, where it is to differ from the voice's own.
            lexicon: Pronunciations that go before eSpeak's; a voice's own `lexicon.txt` otherwise.
            normalize: Whether numbers, dates and the like are written out.

        Raises:
            InputError: There is no such voice, or its files are not fit to be loaded.
        """
        found = find_voice(voice)
        facts = found.facts
        if facts.symbols != symbol_table_hash():
            raise InputError(f"voice {facts.name} was trained with another symbol table")
        where = f"{found.file('config.yaml')}, acoustic"
        config = parse_config(facts.acoustic, AcousticConfig, where=where)
        acoustic = load_module(
            found.file(ACOUSTIC), lambda: AcousticModel(config, facts.mel, len(SYMBOLS))
        )
        own = found.file("lexicon.txt")
        chosen = Path(lexicon) if lexicon else (own if own.is_file() else None)
        frontend = TextFrontend(language or facts.language, lexicon=chosen, normalize=normalize)
        name = pick_device(device)
        return cls(found, frontend, acoustic, Vocoder.from_pretrained(found.directory, name), name)

    @property
    def sample_rate_hz(self) -> int:
        """Rate of everything it says."""
        return self.acoustic.spec.sample_rate_hz

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers; empty for a voice of one."""
        return self.acoustic.config.speakers

    def synthesize(self, text: str, options: Options | None = None, **choices: object) -> Speech:
        """Say a text of any length.

        Args:
            text: What to say.
            options: How.
            **choices: Fields of `Options`, which go before those of `options`.

        Returns:
            Audio, mel and the times of words and phonemes.

        Raises:
            InputError: An option is out of range or unknown.
            text.TextError: There is nothing to say.
        """
        return join(list(self.stream([text], with_choices(options, choices))))

    def stream(
        self,
        lines: Iterable[str],
        options: Options | None = None,
        *,
        batch_size: int = 1,
        **choices: object,
    ) -> Iterator[Speech]:
        """Say a text sentence by sentence, in bounded memory.

        Args:
            lines: The text, in pieces that end where sentences may end.
            options: As in `synthesize`.
            batch_size: Sentences synthesised together; it does not change a sample.
            **choices: Fields of `Options`.

        Yields:
            Each sentence, with the silence that follows it.
        """
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; it must be 1 or more")
        options = with_choices(options, choices)
        self.speaker(options)
        sentences = iter_sentences(lines, self.frontend.language)
        if options.durations is not None:
            yield from self._with_durations(list(sentences), options, options.durations)
            return
        pending: Speech | None = None
        while batch := list(itertools.islice(sentences, batch_size)):
            spoken = self.frontend.process_batch(batch)
            for piece in self._speak(spoken, [options] * len(spoken)):
                if pending is not None:
                    yield self.with_pause(pending, options)
                pending = piece
        if pending is None:
            # Let the frontend say what is wrong with a text that has no sentence.
            self.frontend.process("")
            return
        yield pending

    def _with_durations(
        self, sentences: Sequence[str], options: Options, durations: Sequence[int]
    ) -> Iterator[Speech]:
        """Say sentences, each with its part of the durations of all their phonemes."""
        spoken = self.frontend.process_batch(sentences)
        count = sum(len(utterance.ids) for utterance in spoken)
        if count != len(durations):
            given = f"there are {len(durations)} durations"
            raise InputError(f"the text has {count} phonemes and {given}")
        start = 0
        for number, utterance in enumerate(spoken, 1):
            own = tuple(durations[start : start + len(utterance.ids)])
            start += len(utterance.ids)
            if not any(own):
                raise InputError(f"sentence {number} would last no frame: lengthen a phoneme of it")
            (speech,) = self._speak([utterance], [replace(options, durations=own)])
            yield speech if number == len(spoken) else self.with_pause(speech, options)

    def speak_together(
        self, utterances: Sequence[Utterance], options: Sequence[Options]
    ) -> list[Speech]:
        """Say sentences of several texts in one batch; each sounds as it does alone.

        Args:
            utterances: At least one, from `frontend`.
            options: How each is said; only speaker, speed, seed and silence may differ.

        Raises:
            InputError: A speaker is unknown.
            ValueError: Options differ that a batch must share.
        """
        if len({choice.shared for choice in options}) != 1:
            raise ValueError("a batch must share steps, method, grid and temperature")
        return self._speak(utterances, options)

    def with_pause(self, speech: Speech, options: Options) -> Speech:
        """A sentence with the silence that follows it when it is not the last."""
        floor = math.log(self.acoustic.spec.log_floor)
        return speech.with_silence(options.sentence_silence_seconds, floor)

    def speaker(self, options: Options) -> torch.Tensor | None:
        """Who speaks, as the acoustic model wants it; see `tts.speakers.chosen_speaker`."""
        config, voice = self.acoustic.config, f"voice {self.voice.facts.name}"
        return chosen_speaker(config, options.speaker, options.speaker_vector, voice)

    def _speak(self, batch: Sequence[Utterance], options: Sequence[Options]) -> list[Speech]:
        with self._lock:
            return self._batch(batch, options)

    def _batch(self, batch: Sequence[Utterance], options: Sequence[Options]) -> list[Speech]:
        common = options[0]
        speakers = [self.speaker(choice) for choice in options]
        known = [speaker for speaker in speakers if speaker is not None]
        given = [torch.tensor(choice.durations) for choice in options if choice.durations]
        frames = pad_sequence(given, batch_first=True).to(self.device) if given else None
        began = time.perf_counter()
        ids = [torch.tensor(u.ids, dtype=torch.long) for u in batch]
        seeds = [choice.seed for choice in options]
        mels = self.acoustic.synthesise(
            pad_sequence(ids, batch_first=True).to(self.device),
            torch.tensor([len(i) for i in ids], device=self.device),
            seeds,
            speaker=torch.stack(known).to(self.device) if known else None,
            speed=torch.tensor([[choice.speed] for choice in options], dtype=torch.float64),
            steps=common.steps,
            method=common.method,
            grid=common.grid,
            temperature=common.temperature,
            guidance=common.guidance,
            durations=frames,
        )
        middle = time.perf_counter()
        vocoded = self.vocoder.vocode(
            mels.log_mel,
            steps=common.vocoder_steps,
            method=common.method,
            grid=common.grid,
            seed=seeds,
            mask=mels.mask if len(batch) > 1 else None,
        )
        end = time.perf_counter()
        shares = ((middle - began) / len(batch), (end - middle) / len(batch))
        return [
            self._speech(utterance, mels, vocoded.waveform[index], vocoded.nfe, index, shares)
            for index, utterance in enumerate(batch)
        ]

    def _speech(
        self,
        utterance: Utterance,
        mels: Mels,
        waveform: torch.Tensor,
        vocoder_nfe: int,
        index: int,
        seconds: tuple[float, float],
    ) -> Speech:
        spec = self.acoustic.spec
        frames = int(mels.mask[index].sum())
        hop_seconds = spec.hop_samples / spec.sample_rate_hz
        ends = [0.0]
        for count in mels.durations[index, : len(utterance.ids)].tolist():
            ends.append(ends[-1] + count * hop_seconds)
        words = tuple(Span(w.text, ends[w.start], ends[w.end]) for w in utterance.words)
        phonemes = tuple(
            Span(SYMBOLS[i], ends[n], ends[n + 1]) for n, i in enumerate(utterance.ids)
        )
        return Speech(
            text=utterance.text,
            waveform=waveform[: frames * spec.hop_samples],
            sample_rate_hz=spec.sample_rate_hz,
            mel=mels.log_mel[index, :, :frames].cpu(),
            hop_samples=spec.hop_samples,
            words=words,
            phonemes=phonemes,
            sentences=(Span(utterance.text, 0.0, frames * hop_seconds),),
            notes=tuple(utterance.notes),
            acoustic_nfe=mels.nfe,
            vocoder_nfe=vocoder_nfe,
            acoustic_seconds=seconds[0],
            vocoder_seconds=seconds[1],
        )


def pick_device(name: str) -> str:
    """Turn "auto" into the best device there is.

    Raises:
        InputError: The device is unknown or not there.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return next(d for d in ("cuda", "mps", "cpu") if there[d])
    if name not in there:
        raise unknown_name("device", name, ["auto", *there])
    if not there[name]:
        raise InputError(f"device {name} is not available here; use cpu or auto")
    return name
