"""From a manifest to a feature store: audio brought to one rate and loudness, text to ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.audio.files import read_audio
from core.audio.high_pass import high_pass
from core.audio.loudness import normalize_loudness
from core.audio.mel import MelSpec
from core.data.manifest import SPLITS, Recording, read_manifest
from core.data.store import HEADER, Utterance, write_header, write_split
from core.errors import InputError
from text import TextError, TextFrontend
from text import Utterance as Text
from text.symbols import symbol_table_hash
from tts.dataset_check import SILENT_PEAK, DatasetReport

# What counts as silence at the ends, below the loudest frame, and how much of it stays.
TRIM_DB = 42.0
LEAD_SECONDS = 0.08
TAIL_SECONDS = 0.16
TEXTS_AT_ONCE = 512

Progress = Callable[[int], None]


@dataclass(frozen=True)
class FeatureConfig:
    """How features are made.

    Attributes:
        sample_rate_hz: Of the store.
        language: eSpeak code.
        loudness_lufs: Every utterance is brought to it.
        trim: Whether silence at the ends is cut.
        high_pass_hz: What lies below is taken out first; 0 for nothing.
    """

    sample_rate_hz: int = 22_050
    language: str = "en-us"
    loudness_lufs: float = -20.0
    trim: bool = True
    high_pass_hz: float = 0.0


def build_features(
    manifest: Path,
    directory: Path,
    config: FeatureConfig,
    lexicon: Path | None = None,
    progress: Progress | None = None,
) -> DatasetReport:
    """Make a feature store and check the corpus on the way.

    A few utterances that cannot be used are left out and named in the report and in the store.

    Args:
        manifest: The corpus.
        directory: The store.
        config: How.
        lexicon: Pronunciations that go before eSpeak's, or None.
        progress: Called with 1 for every utterance done.

    Returns:
        What was found.

    Raises:
        InputError: The manifest cannot be read, a split is empty, or more than one in fifty
            recordings or texts cannot be used; they are named with the reasons.
    """
    recordings = read_manifest(manifest)
    frontend = TextFrontend(language=config.language, lexicon=lexicon)
    report = DatasetReport()
    # A store without its header is incomplete, so an old one must not vouch for new splits.
    (directory / HEADER).unlink(missing_ok=True)
    for split in SPLITS:
        chosen = [r for r in recordings if r.split == split]
        write_split(
            directory, split, _items(chosen, manifest.parent, config, frontend, report, progress)
        )
    report.finish()
    write_header(
        directory,
        config.sample_rate_hz,
        symbols=symbol_table_hash(),
        language=config.language,
        loudness_lufs=config.loudness_lufs,
        high_pass_hz=config.high_pass_hz,
        speakers=sorted(report.speakers),
        report=report.facts(),
    )
    return report


def _items(
    recordings: Sequence[Recording],
    root: Path,
    config: FeatureConfig,
    frontend: TextFrontend,
    report: DatasetReport,
    progress: Progress | None,
) -> Iterator[tuple[Utterance, np.ndarray]]:
    for start in range(0, len(recordings), TEXTS_AT_ONCE):
        chunk = recordings[start : start + TEXTS_AT_ONCE]
        for recording, text in zip(chunk, _texts(frontend, chunk, report), strict=True):
            if text is not None:
                yield from _item(recording, text, root, config, report)
            if progress:
                progress(1)


def _texts(
    frontend: TextFrontend, recordings: Sequence[Recording], report: DatasetReport
) -> list[Text | None]:
    try:
        return list(frontend.process_batch([r.text for r in recordings]))
    except TextError:
        # One of them; the rest are good.
        return [_text(frontend, recording, report) for recording in recordings]


def _text(frontend: TextFrontend, recording: Recording, report: DatasetReport) -> Text | None:
    try:
        return frontend.process(recording.text)
    except TextError as error:
        report.unusable[f"text ({error})"].append(recording.id)
        return None


def _item(
    recording: Recording, text: Text, root: Path, config: FeatureConfig, report: DatasetReport
) -> Iterator[tuple[Utterance, np.ndarray]]:
    rate = config.sample_rate_hz
    try:
        raw = read_audio(root / recording.audio, rate)[0].numpy()
    except InputError as error:
        report.unusable[f"audio ({error})"].append(recording.id)
        return
    if np.abs(raw).max(initial=0.0) < SILENT_PEAK:
        report.unusable["silent"].append(recording.id)
        return
    raw = high_pass(raw, rate, config.high_pass_hz)
    start, end = voiced_range(raw, rate) if config.trim else (0, len(raw))
    samples = raw[start:end]
    # With a blank on either side of every symbol, each needs a frame of its own.
    if 2 * len(text.ids) + 1 > -(-len(samples) // MelSpec().hop_samples):
        report.unusable["too short to hold its text"].append(recording.id)
        return
    samples = normalize_loudness(samples, rate, config.loudness_lufs)
    seconds, symbols = len(samples) / rate, len(text.ids)
    report.take(
        recording.id, recording.split, raw, seconds, len(raw) / rate, symbols, recording.speaker
    )
    facts = {
        "phonemes": text.phonemes,
        "prompt": recording.prompt,
        "words": [[word.text, word.start, word.end] for word in text.words],
        "recording": {"seconds": len(raw) / rate, "start_seconds": start / rate},
    }
    yield (
        Utterance(
            id=recording.id,
            samples=len(samples),
            text=recording.text,
            ids=list(text.ids),
            speaker=recording.speaker,
            extra=facts,
        ),
        np.asarray(samples),
    )


def voiced_range(waveform: np.ndarray, sample_rate_hz: int) -> tuple[int, int]:
    """Where a recording begins and ends without the silence at its ends, but for a little of it.

    Args:
        waveform: (L,).
        sample_rate_hz: Its rate.

    Returns:
        First sample and the one after the last; all of it when nothing stands out.
    """
    from librosa.effects import trim

    _, (start, end) = trim(waveform, top_db=TRIM_DB, frame_length=1024, hop_length=256)
    if start >= end:
        return 0, len(waveform)
    start = max(0, start - int(LEAD_SECONDS * sample_rate_hz))
    return int(start), min(len(waveform), int(end) + int(TAIL_SECONDS * sample_rate_hz))
