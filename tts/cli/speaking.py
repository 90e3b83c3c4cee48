"""The work behind `straighttalk say`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.audio.mel import MelSpec
from core.errors import InputError
from text import TextError
from tts.cli.messages import Progress
from tts.cli.output import STDOUT, Sink, check_output, file_sink, free_name, played_sink
from tts.cli.report import Tally, report
from tts.cli.texts import Utterance
from tts.options import Options
from tts.speaker_vectors import read_speaker_vector
from tts.synthesizer import Synthesizer
from tts.timings import Timings, read_frames, timings_format, write_timings

VOLUMES = (0.0, 10.0)


@dataclass(frozen=True)
class Request:
    """What `say` was asked for, besides the text and the voice.

    Attributes:
        options: How to speak.
        output: File, device or "-"; None for no file.
        directory: Where each utterance gets a file of its own, or None.
        format: Of the files; by the extension when None.
        play: Whether to play; None plays when there is nowhere else for the sound to go.
        timings: File for the times, or with `directory` a format; None for no times.
        volume: Factor on the samples.
        batch_size: Sentences made together.
        stream: Whether sound leaves inside sentences; they are then made one by one.
        as_json: Whether facts are JSON.
        quiet: Whether to be silent but for errors.
    """

    options: Options
    output: str | None
    directory: str | None
    format: str | None
    play: bool | None
    timings: str | None
    volume: float
    batch_size: int
    stream: bool
    as_json: bool
    quiet: bool

    def __post_init__(self) -> None:
        low, high = VOLUMES
        if not low <= self.volume <= high:
            raise InputError(f"volume is {self.volume}; it must be from {low:g} to {high:g}")
        if not 1 <= self.batch_size <= 1024:
            raise InputError(f"batch size is {self.batch_size}; it must be from 1 to 1024")
        if self.directory is not None:
            check_output("x", self.format or "wav")
        elif self.output is not None:
            check_output(self.output, self.format)
        elif self.format is not None:
            check_output("x", self.format)
        if self.timings is not None:
            kind = timings_format(self.timings)
            if self.directory is not None and self.timings.lstrip(".").lower() != kind.lower():
                raise InputError(
                    f"with --output-dir every utterance has timings of its own: "
                    f"give their format alone, as in --timings {kind}"
                )


def given(
    options: Options, speaker_vector: str | None, durations: str | None, spec: MelSpec
) -> Options:
    """The options with what stands in files.

    Raises:
        InputError: A file cannot be read or holds something else.
    """
    if speaker_vector is not None:
        options = replace(options, speaker_vector=read_speaker_vector(Path(speaker_vector)))
    if durations is not None:
        frames = read_frames(durations, spec.hop_samples / spec.sample_rate_hz)
        options = replace(options, durations=frames)
    return options


def speak(synthesizer: Synthesizer, request: Request, utterances: Sequence[Utterance]) -> None:
    """Speak utterances as a request says, and report on them.

    Args:
        synthesizer: The voice.
        request: How, and where to.
        utterances: What.

    Raises:
        InputError: One cannot be spoken, or a choice does not fit the voice.
        TextError: A text that has no place of its own cannot be spoken.
        OSError: The sound cannot be written.
    """
    counts = [u.characters for u in utterances]
    total = None if None in counts else sum(c for c in counts if c is not None)
    with Progress("speaking", total, quiet=request.quiet) as progress:
        job = Job(synthesizer, request, progress)
        if request.directory is None:
            job.into_one(utterances)
        else:
            job.into_many(utterances)


class Job:
    """One run of `say`.

    Args:
        synthesizer: The voice.
        request: How.
        progress: Told of every sentence.
    """

    def __init__(self, synthesizer: Synthesizer, request: Request, progress: Progress) -> None:
        self.synthesizer, self.request, self.progress = synthesizer, request, progress

    def speak(self, utterance: Utterance, sink: Sink, timings: Timings) -> Tally:
        """Speak one utterance, sentence by sentence.

        Raises:
            InputError: It cannot be spoken; its place is named.
        """
        request, tally = self.request, Tally()
        stream = self.synthesizer.stream(
            utterance.lines,
            request.options,
            batch_size=request.batch_size,
            in_parts=request.stream,
        )
        while True:
            began = time.perf_counter()
            try:
                speech = next(stream, None)
            except (InputError, TextError) as error:
                if not utterance.where:
                    raise
                raise InputError(f"{utterance.where}: {error}") from error
            tally.seconds += time.perf_counter() - began
            if speech is None:
                return tally
            tally.clipped_samples += sink.write(speech.waveform * request.volume)
            if request.timings is not None:
                timings.add(speech)
            tally.audio_seconds += speech.seconds
            tally.acoustic_nfe += speech.acoustic_nfe
            tally.vocoder_nfe += speech.vocoder_nfe
            tally.acoustic_seconds += speech.acoustic_seconds
            tally.vocoder_seconds += speech.vocoder_seconds
            tally.notes += [note for note in speech.notes if note not in tally.notes]
            self.progress.advance(len(speech.text))

    def into_one(self, utterances: Sequence[Utterance]) -> None:
        """Speak everything into one sound."""
        request, timings = self.request, Timings()
        rate = self.synthesizer.sample_rate_hz
        tallies: list[Tally] = []
        with self._sink(rate) as (sink, name):
            for number, utterance in enumerate(utterances):
                if number:
                    self._pause(sink, timings, rate)
                tallies.append(self.speak(utterance, sink, timings))
        if request.timings is not None:
            write_timings(request.timings, timings)
        for utterance, tally in zip(utterances, tallies, strict=True):
            self._report(utterance, tally, name)

    def into_many(self, utterances: Sequence[Utterance]) -> None:
        """Speak each utterance into a file of its own."""
        request, rate = self.request, self.synthesizer.sample_rate_hz
        directory, suffix = Path(request.directory or "."), (request.format or "wav").lower()
        for utterance in utterances:
            path, timings = directory / f"{utterance.id}.{suffix}", Timings()
            with file_sink(str(path), rate, suffix) as sink:
                tally = self.speak(utterance, sink, timings)
            if request.timings is not None:
                kind = timings_format(request.timings)
                write_timings(directory / f"{utterance.id}.{kind}", timings)
            self._report(utterance, tally, str(path))

    @contextmanager
    def _sink(self, rate: int) -> Iterator[tuple[Sink, str]]:
        request = self.request
        with ExitStack() as stack:
            if request.output is None and request.play is False:
                name = str(free_name(f"speech.{(request.format or 'wav').lower()}"))
                yield stack.enter_context(file_sink(name, rate)), name
                return
            played: Sink | None = None
            if request.output is None or request.play:
                fallback = request.output is None and request.play is None
                played = stack.enter_context(
                    played_sink(rate, fallback=fallback, quiet=request.quiet)
                )
            if request.output is None:
                assert played is not None
                yield played, ""
                return
            kept = stack.enter_context(
                file_sink(request.output, rate, request.format, at_once=request.stream)
            )
            name = "" if request.output == STDOUT else request.output
            yield (kept if played is None else _Both(kept, played)), name

    def _pause(self, sink: Sink, timings: Timings, rate: int) -> None:
        samples = round(self.request.options.sentence_silence_seconds * rate)
        sink.write(torch.zeros(samples))
        timings.add_silence(samples / rate)

    def _report(self, utterance: Utterance, tally: Tally, name: str) -> None:
        request = self.request
        facts: dict[str, Any] = {"id": utterance.id} if utterance.id else {}
        if name:
            facts["file"] = name
        report(
            tally,
            name,
            facts,
            as_json=request.as_json,
            to_stderr=request.output == STDOUT,
            quiet=request.quiet,
        )


class _Both:
    """Two sinks as one."""

    def __init__(self, kept: Sink, played: Sink) -> None:
        self._kept, self._played = kept, played

    def write(self, waveform: torch.Tensor | np.ndarray, /) -> int:
        self._played.write(waveform)
        return self._kept.write(waveform)
