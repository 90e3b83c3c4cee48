"""From a manifest to a feature store: audio brought to one rate and loudness, text to ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.audio.files import read_audio
from core.audio.loudness import normalize_loudness
from core.data.manifest import SPLITS, Recording, read_manifest
from core.data.store import Utterance, write_header, write_split
from core.errors import InputError
from text import TextFrontend
from text.symbols import symbol_table_hash

# What counts as silence at the ends, below the loudest frame, and how much of it stays.
TRIM_DB = 42.0
LEAD_SECONDS = 0.08
TAIL_SECONDS = 0.16


@dataclass(frozen=True)
class FeatureConfig:
    """How features are made.

    Attributes:
        sample_rate_hz: Of the store.
        language: eSpeak code.
        loudness_lufs: Every utterance is brought to it.
        trim: Whether silence at the ends is cut.
    """

    sample_rate_hz: int = 22_050
    language: str = "en-us"
    loudness_lufs: float = -20.0
    trim: bool = True


def build_features(
    manifest: Path, directory: Path, config: FeatureConfig, lexicon: Path | None = None
) -> dict[str, int]:
    """Make a feature store.

    Args:
        manifest: The corpus.
        directory: The store.
        config: How.
        lexicon: Pronunciations that go before eSpeak's, or None.

    Returns:
        Utterances in each split.

    Raises:
        InputError: The manifest or a recording cannot be read, or a recording is silent; the
            utterance is named.
    """
    recordings = read_manifest(manifest)
    frontend = TextFrontend(language=config.language, lexicon=lexicon)
    counts = {}
    for split in SPLITS:
        chosen = [r for r in recordings if r.split == split]
        items = _items(chosen, manifest.parent, config, frontend)
        counts[split] = len(write_split(directory, split, items))
    write_header(
        directory,
        config.sample_rate_hz,
        symbols=symbol_table_hash(),
        language=config.language,
        loudness_lufs=config.loudness_lufs,
        speakers=sorted({r.speaker for r in recordings if r.speaker}),
    )
    return counts


def _items(
    recordings: Sequence[Recording], root: Path, config: FeatureConfig, frontend: TextFrontend
) -> Iterator[tuple[Utterance, np.ndarray]]:
    texts = frontend.process_batch([r.text for r in recordings])
    for recording, text in zip(recordings, texts, strict=True):
        waveform, _ = read_audio(root / recording.audio, config.sample_rate_hz)
        samples = waveform.numpy()
        if config.trim:
            samples = trim_silence(samples, config.sample_rate_hz)
        if not np.abs(samples).max(initial=0.0) > 0:
            raise InputError(f"{recording.audio} (utterance {recording.id}) is silent")
        samples = normalize_loudness(samples, config.sample_rate_hz, config.loudness_lufs)
        facts = {"phonemes": text.phonemes, "prompt": recording.prompt}
        utterance = Utterance(
            id=recording.id,
            samples=len(samples),
            text=recording.text,
            ids=list(text.ids),
            speaker=recording.speaker,
            extra=facts,
        )
        yield utterance, np.asarray(samples)


def trim_silence(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Cut silence from both ends, leaving a little of it.

    Args:
        waveform: (L,).
        sample_rate_hz: Its rate.

    Returns:
        A stretch of the waveform; all of it when nothing stands out.
    """
    from librosa.effects import trim

    _, (start, end) = trim(waveform, top_db=TRIM_DB, frame_length=1024, hop_length=256)
    if start >= end:
        return waveform
    start = max(0, start - int(LEAD_SECONDS * sample_rate_hz))
    return waveform[start : end + int(TAIL_SECONDS * sample_rate_hz)]
