"""The work behind `straighttalk evaluate`."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from core.audio.files import write_audio
from core.data.store import UtteranceStore
from core.errors import InputError
from core.files import atomic_write
from text import TextError
from tts.cli.messages import Progress, tell
from tts.cli.report import Tally, print_json
from tts.evaluation.measuring import check_metrics
from tts.evaluation.report import (
    COPY_HEADING,
    SPEECH_HEADING,
    Provenance,
    append_rows,
    copy_rows,
    markdown_table,
    speech_row,
    write_scores,
)
from tts.evaluation.results import WORD_ERROR_RATE, Evaluation
from tts.evaluation.runner import (
    COPY_METRICS,
    SPEECH_METRICS,
    SpeechPair,
    choose_utterances,
    evaluate_copy_synthesis,
    evaluate_speech,
)
from tts.options import Options
from tts.speech import Speech
from tts.synthesizer import Synthesizer

FIGURES = (
    WORD_ERROR_RATE, "dnsmos", "p808", "pesq", "log_mel_l1", "spectral_db", "f0_rmse_cents",
    "voicing_error",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        features: The feature store.
        split: Of the store.
        limit: Most sentences; None for all.
        options: How the voice speaks.
        step_counts: The vocoder's, for copy-synthesis.
        metrics: Names with commas between; None for the default ones.
        speech: Whether to judge speech from text.
        copies: Whether to judge copy-synthesis.
        workers: Processes that measure.
        results: Markdown file to append to, or None.
        directory: For speech and figures, or None.
        note: For the table.
        command: What was run, for the table.
        as_json: Whether the figures go to standard output as JSON.
        quiet: Whether to show no progress.
    """

    features: str
    split: str
    limit: int | None
    options: Options
    step_counts: tuple[int, ...]
    metrics: str | None
    speech: bool
    copies: bool
    workers: int
    results: str | None
    directory: str | None
    note: str
    command: str
    as_json: bool
    quiet: bool

    def chosen(self) -> tuple[list[str], list[str]]:
        """The metrics for speech and those for copy-synthesis.

        Raises:
            InputError: One is unknown, or its package is missing.
        """
        names = [*SPEECH_METRICS, *COPY_METRICS]
        if self.metrics is not None:
            names = self.metrics.replace(",", " ").split()
            check_metrics(names)
        speech = [n for n in dict.fromkeys(names) if n in SPEECH_METRICS and self.speech]
        copies = [n for n in dict.fromkeys(names) if n != "words" and self.copies]
        check_metrics([*speech, *copies])
        return speech, copies


@dataclass
class Spoken:
    """What was noticed while the voice spoke.

    Attributes:
        tally: Sums over all sentences.
        broken: Sentences whose phonemes do not follow one another from the first frame to the last.
    """

    tally: Tally = field(default_factory=Tally)
    broken: list[str] = field(default_factory=list)

    def take(self, name: str, speech: Speech) -> None:
        """Count a sentence."""
        self.tally.audio_seconds += speech.seconds
        self.tally.seconds += speech.acoustic_seconds + speech.vocoder_seconds
        self.tally.acoustic_seconds += speech.acoustic_seconds
        self.tally.vocoder_seconds += speech.vocoder_seconds
        self.tally.acoustic_nfe += speech.acoustic_nfe
        self.tally.vocoder_nfe += speech.vocoder_nfe
        if not is_complete(speech):
            self.broken.append(name)


def is_complete(speech: Speech) -> bool:
    """Whether every phoneme has time of its own, in order, and the last ends with the sound."""
    bounds = [(span.start_seconds, span.end_seconds) for span in speech.phonemes]
    frame = speech.hop_samples / speech.sample_rate_hz
    lasting = all(end - start > frame / 2 for start, end in bounds)
    ordered = all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(bounds))
    return bool(bounds) and lasting and ordered and abs(bounds[-1][1] - speech.seconds) < frame


def judge(synthesizer: Synthesizer, plan: Plan) -> None:
    """Measure a voice, write the figures and show them.

    Raises:
        InputError: The features or a choice are not fit for it.
    """
    speech_metrics, copy_metrics = plan.chosen()
    store = UtteranceStore(plan.features, plan.split)
    if store.sample_rate_hz != synthesizer.sample_rate_hz:
        raise InputError(
            f"{plan.features} is at {store.sample_rate_hz} Hz, "
            f"the voice at {synthesizer.sample_rate_hz} Hz"
        )
    indices = choose_utterances(store.utterances, plan.limit)
    summary: dict[str, Any] = {"voice": synthesizer.voice.facts.name, "utterances": len(indices)}
    origin = Provenance.of_this_run(
        plan.command, plan.options.seed, str(synthesizer.device), plan.note
    )
    # Copies first: they take no recogniser, so a mistake in them shows early.
    if copy_metrics:
        copies = _copies(synthesizer, store, indices, plan, copy_metrics)
        _publish(plan, "copies", COPY_HEADING, copies, copy_rows(copies, origin))
        summary["copies"] = figures(copies)
    if speech_metrics:
        spoken = Spoken()
        speech = _speech(synthesizer, store, indices, plan, speech_metrics, spoken)
        about = f"{plan.note}; " if plan.note else ""
        about += f"real-time factor {spoken.tally.rtf:.3f}; "
        about += f"{len(indices) - len(spoken.broken)} of {len(indices)} alignments complete"
        row = speech_row(speech, replace(origin, note=about))
        _publish(plan, "speech", SPEECH_HEADING, speech, [row])
        summary |= {
            "speech": figures(speech),
            "rtf": spoken.tally.rtf,
            "broken_alignments": spoken.broken,
        }
    if plan.directory is not None:
        with atomic_write(Path(plan.directory) / "summary.json") as path:
            path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    if plan.as_json:
        print_json(summary)


def figures(evaluation: Evaluation) -> dict[str, dict[str, dict[str, float]]]:
    """Every figure of every system, with its interval."""
    return {
        system: {
            figure: asdict(evaluation.estimate(system, figure))
            for figure in FIGURES
            if evaluation.has(system, figure)
        }
        for system in evaluation.systems
    }


def _speech(
    synthesizer: Synthesizer,
    store: UtteranceStore,
    indices: list[int],
    plan: Plan,
    metrics: list[str],
    spoken: Spoken,
) -> Evaluation:
    def pairs() -> Iterator[SpeechPair]:
        for index in indices:
            utterance = store.utterances[index]
            speaker = utterance.speaker if synthesizer.speakers else None
            try:
                speech = synthesizer.synthesize(utterance.text, plan.options, speaker=speaker)
            except (InputError, TextError) as error:
                raise InputError(f"utterance {utterance.id}: {error}") from error
            spoken.take(utterance.id, speech)
            if plan.directory is not None:
                name = re.sub(r"[^\w.-]", "_", utterance.id).lstrip(".") or str(index)
                path = Path(plan.directory) / "speech" / f"{name}.wav"
                write_audio(path, speech.waveform, speech.sample_rate_hz)
            yield SpeechPair(utterance.id, utterance.text, store.waveform(index), speech.waveform)

    with Progress("speech", len(indices), "sentences", quiet=plan.quiet) as progress:
        return evaluate_speech(
            pairs(), synthesizer.vocoder.spec, metrics, workers=plan.workers,
            language=synthesizer.frontend.language, seed=plan.options.seed,
            progress=progress.advance,
        )  # fmt: skip


def _copies(
    synthesizer: Synthesizer,
    store: UtteranceStore,
    indices: list[int],
    plan: Plan,
    metrics: list[str],
) -> Evaluation:
    vocoder, options = synthesizer.vocoder, plan.options

    def vocode(mel: Tensor, steps: int, seed: int) -> Tensor:
        return vocoder.vocode(
            mel, quality=options.quality, steps=steps, seed=seed, method=options.method,
            grid=options.grid,
        ).waveform  # fmt: skip

    recordings = ((store.utterances[i].id, store.waveform(i)) for i in indices)
    with Progress("copies", len(indices), "recordings", quiet=plan.quiet) as progress:
        return evaluate_copy_synthesis(
            recordings, vocoder.spec, vocode, plan.step_counts, metrics, workers=plan.workers,
            seed=options.seed, progress=progress.advance,
        )  # fmt: skip


def _publish(
    plan: Plan, name: str, heading: str, evaluation: Evaluation, rows: list[dict[str, str]]
) -> None:
    """Write the figures where they were asked for, and show them."""
    if plan.directory is not None:
        write_scores(Path(plan.directory) / f"{name}.jsonl", evaluation)
    if plan.results is not None:
        append_rows(Path(plan.results), heading, rows)
    if not plan.as_json:
        sys.stdout.write(f"{heading}\n\n{markdown_table(rows)}\n\n")
        sys.stdout.flush()
    for failure in evaluation.failures:
        tell(f"not measured: {failure}", quiet=plan.quiet)
