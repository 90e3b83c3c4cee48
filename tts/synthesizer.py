"""Text to speech: the frontend, the acoustic model and the vocoder, chained."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence

from core.checkpoint import load_module
from core.config import parse_config
from core.errors import InputError
from core.voice import ACOUSTIC, Voice, find_voice
from text import TextFrontend, Utterance, iter_sentences
from text.symbols import SYMBOLS, symbol_table_hash
from tts.config import AcousticConfig
from tts.devices import pick_device
from tts.frames import Mels
from tts.model import AcousticModel
from tts.options import Options, with_choices
from tts.prosody import holds, id_speeds
from tts.speakers import chosen_speaker
from tts.speech import Speech, join
from tts.utterances import share_durations, speech_of, voiced
from vocoder import CHUNK_FRAMES, MOST_FRAMES, Vocoder

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
        self._log_floor = math.log(acoustic.spec.log_floor)

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
        frontend = TextFrontend(language or facts.language, chosen, normalize, closing=True)
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
        in_parts: bool = False,
        **choices: object,
    ) -> Iterator[Speech]:
        """Say a text sentence by sentence, in bounded memory.

        Args:
            lines: The text, in pieces that end where sentences may end.
            options: As in `synthesize`.
            batch_size: Sentences synthesised together; it does not change a sample.
            in_parts: Whether to yield inside sentences, as soon as there is a third of a second,
                one sentence after another; it changes no sample by more than 1e-4.
            **choices: Fields of `Options`.

        Yields:
            Each sentence, with the silence that follows it; or their parts and each silence.
        """
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; it must be 1 or more")
        options = with_choices(options, choices)
        self.speaker(options)
        one = in_parts or options.durations is not None
        readings = self._readings(lines, options, 1 if one else batch_size)
        if in_parts:
            yield from self._in_parts(readings)
            return
        pending: Speech | None = None
        while batch := list(itertools.islice(readings, 1 if one else batch_size)):
            for piece in self._speak(*zip(*batch, strict=True)):
                if pending is not None:
                    yield self.with_pause(pending, options)
                pending = piece
        if pending is not None:
            yield pending

    def _readings(
        self, lines: Iterable[str], options: Options, batch_size: int
    ) -> Iterator[tuple[Utterance, Options]]:
        """Read a text sentence by sentence; each with its part of the durations, if any."""
        sentences = iter_sentences(lines, self.frontend.language)
        if options.durations is not None:
            utterances = self.frontend.process_batch(list(sentences))
            yield from zip(utterances, share_durations(utterances, options), strict=True)
            return
        empty = True
        while batch := list(itertools.islice(sentences, batch_size)):
            empty = False
            yield from ((utterance, options) for utterance in self.frontend.process_batch(batch))
        if empty:
            # Let the frontend say what is wrong with a text that has no sentence.
            self.frontend.process("")

    def _in_parts(self, readings: Iterable[tuple[Utterance, Options]]) -> Iterator[Speech]:
        part, frames = None, 0
        for utterance, options in readings:
            if part is not None and options.sentence_silence_seconds:
                yield self.pause(part, options)
            for part in self.speak_in_parts(utterance, options, frames):
                yield part
                frames += part.mel.shape[1]

    def speak_in_parts(
        self, utterance: Utterance, options: Options, heard_frames: int = 0
    ) -> Iterator[Speech]:
        """Say a sentence part by part, as soon as there is a third of a second.

        Args:
            utterance: From `frontend`.
            options: How.
            heard_frames: How much was said before it: while that plays, a longer first part can
                be made, which costs less.

        Yields:
            Parts whose `join` is the sentence; see `Speech.part` for what goes to which.
        """
        with self._lock:
            mels, seconds = self._mels([utterance], [options])
        silent = torch.zeros(mels.mask.shape[2] * self.acoustic.spec.hop_samples)
        made = speech_of(utterance, mels, 0, self.acoustic.spec, silent, 0, (seconds, 0.0))
        chunks = self.vocoder.stream(
            made.mel,
            chunk_frames=min(max(CHUNK_FRAMES, heard_frames), MOST_FRAMES),
            quality=options.quality,
            steps=options.vocoder_steps,
            method=options.method,
            grid=options.grid,
            seed=options.seed,
        )
        yield from voiced(made, ((c.waveform, c.nfe) for c in chunks), self._lock)

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
            raise ValueError("a batch must share quality, steps, method, grid and temperature")
        return self._speak(utterances, options)

    def with_pause(self, speech: Speech, options: Options) -> Speech:
        """A sentence with the silence that follows it when it is not the last."""
        return speech.with_silence(options.sentence_silence_seconds, self._log_floor)

    def pause(self, speech: Speech, options: Options) -> Speech:
        """The silence that follows a sentence, or its last part, alone."""
        return speech.silence(options.sentence_silence_seconds, self._log_floor)

    def speaker(self, options: Options) -> torch.Tensor | None:
        """Who speaks, as the acoustic model wants it; see `tts.speakers.chosen_speaker`."""
        config, voice = self.acoustic.config, f"voice {self.voice.facts.name}"
        return chosen_speaker(config, options.speaker, options.speaker_vector, voice)

    def _speak(self, batch: Sequence[Utterance], options: Sequence[Options]) -> list[Speech]:
        with self._lock:
            return self._batch(batch, options)

    def _batch(self, batch: Sequence[Utterance], options: Sequence[Options]) -> list[Speech]:
        common = options[0]
        mels, acoustic_seconds = self._mels(batch, options)
        began = time.perf_counter()
        vocoded = self.vocoder.vocode(
            mels.log_mel,
            quality=common.quality,
            steps=common.vocoder_steps,
            method=common.method,
            grid=common.grid,
            seed=[choice.seed for choice in options],
            mask=mels.mask if len(batch) > 1 else None,
        )
        shares = (acoustic_seconds / len(batch), (time.perf_counter() - began) / len(batch))
        spec, nfe = self.acoustic.spec, vocoded.nfe
        return [
            speech_of(utterance, mels, index, spec, vocoded.waveform[index], nfe, shares)
            for index, utterance in enumerate(batch)
        ]

    def _mels(self, batch: Sequence[Utterance], options: Sequence[Options]) -> tuple[Mels, float]:
        """The mels of a batch, and the seconds they took."""
        common = options[0]
        speakers = [self.speaker(choice) for choice in options]
        known = [speaker for speaker in speakers if speaker is not None]
        given = [torch.tensor(choice.durations) for choice in options if choice.durations]
        frames = pad_sequence(given, batch_first=True).to(self.device) if given else None
        began = time.perf_counter()
        ids = [torch.tensor(u.ids, dtype=torch.long) for u in batch]
        mels = self.acoustic.synthesise(
            pad_sequence(ids, batch_first=True).to(self.device),
            torch.tensor([len(i) for i in ids], device=self.device),
            [choice.seed for choice in options],
            speaker=torch.stack(known).to(self.device) if known else None,
            speed=id_speeds(batch, options),
            quality=common.quality,
            steps=common.steps,
            method=common.method,
            grid=common.grid,
            temperature=common.temperature,
            guidance=common.guidance,
            denoise=common.denoise,
            durations=frames,
            pauses=holds(batch, options, self.acoustic.spec),
        )
        return mels, time.perf_counter() - began
