"""From a manifest to a store: what comes in, at which rate and loudness, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.loudness import measure_loudness
from core.audio.mel import MelSpec
from core.data.manifest import Recording, write_manifest
from core.data.store import UtteranceStore
from core.errors import InputError
from tests.espeak_corpus import SENTENCES, speak
from text.symbols import symbol_table_hash
from tts.dataset_check import DatasetReport, is_clipped
from tts.features import FeatureConfig, build_features, voiced_range
from tts.training import Sentences

RATE = 22050
SPLITS = ("train",) * 7 + ("valid",) * 2 + ("test",)


def write_corpus(root: Path, **replaced: np.ndarray) -> list[Recording]:
    """Ten sentences at 16 kHz with half a second of silence around; some replaced by id."""
    silence = np.zeros(8000, dtype=np.float32)
    recordings = []
    for number, (text, split) in enumerate(zip(SENTENCES, SPLITS, strict=False)):
        name = f"u{number}"
        wave = replaced.get(name)
        if wave is None:
            wave = np.concatenate([silence, 0.3 * speak(text, 16000), silence])
        soundfile.write(root / f"{name}.wav", wave, 16000)
        recordings.append(Recording(name, f"{name}.wav", text, split))
    return recordings


def build(root: Path, recordings: list[Recording], **config: object) -> DatasetReport:
    write_manifest(root / "manifest.jsonl", recordings)
    return build_features(
        root / "manifest.jsonl",
        root / "features",
        FeatureConfig(**config),  # type: ignore[arg-type]
    )


def test_features_are_at_one_rate_and_loudness_without_their_silence(tmp_path: Path) -> None:
    """22.05 kHz, -20 LUFS within a tenth, and at most 0.3 s around the speech."""
    report = build(tmp_path, write_corpus(tmp_path))
    assert report.counts == {"train": 7, "valid": 2, "test": 1}
    store = UtteranceStore(tmp_path / "features", "train")
    assert store.sample_rate_hz == RATE
    for index, utterance in enumerate(store.utterances):
        wave = store.waveform(index).numpy()
        assert measure_loudness(wave, RATE) == pytest.approx(-20.0, abs=0.1)
        start, end = voiced_range(speak(utterance.text), RATE)
        spoken = (end - start) / RATE
        assert -0.05 < utterance.samples / RATE - spoken < 0.3


def test_features_fit_the_trainer(tmp_path: Path) -> None:
    """The trainer's own checks pass, and its mels have the ids' utterances."""
    build(tmp_path, write_corpus(tmp_path))
    sentences = Sentences(UtteranceStore(tmp_path / "features", "train"), MelSpec(), ())
    assert sentences.store.header["symbols"] == symbol_table_hash()
    batch = sentences.batch([(0,), (1, 2)])
    assert batch["mel"].shape[1] == 80
    assert int(batch["id_lengths"][0]) == len(sentences.store.utterances[0].ids)


def test_rumble_is_taken_out_before_the_silence_and_the_loudness(tmp_path: Path) -> None:
    """On a direct current nothing is silent and speech too soft; without it all is well."""
    recordings = write_corpus(tmp_path)
    silence = np.zeros(RATE // 2, dtype=np.float32)
    wave = np.concatenate([silence, 0.1 * speak(SENTENCES[0], RATE), silence])
    soundfile.write(tmp_path / "u0.wav", wave + np.float32(0.4), RATE)
    build(tmp_path, recordings, high_pass_hz=60.0)
    store = UtteranceStore(tmp_path / "features", "train")
    assert store.header["high_pass_hz"] == 60.0
    cleaned = store.utterances[0].samples / RATE
    made = store.waveform(0).numpy()
    assert cleaned < len(wave) / RATE - 0.3
    spectrum = np.abs(np.fft.rfft(made)) ** 2
    below = np.fft.rfftfreq(len(made), 1 / RATE) < 40
    assert spectrum[below].sum() < 0.02 * spectrum.sum()
    assert measure_loudness(made, RATE) == pytest.approx(-20.0, abs=0.1)


def test_features_keep_speakers_and_prompts(tmp_path: Path) -> None:
    """Names go into the store's header in order, prompts stay with their utterances."""
    recordings = [
        replace(r, speaker="ba"[n % 2], prompt=f"p{n}")
        for n, r in enumerate(write_corpus(tmp_path))
    ]
    report = build(tmp_path, recordings)
    store = UtteranceStore(tmp_path / "features", "train")
    assert store.header["speakers"] == ["a", "b"]
    assert [u.extra["prompt"] for u in store.utterances] == [f"p{n}" for n in range(7)]
    assert dict(report.speakers) == {"a": 5, "b": 5}


def test_a_silent_recording_is_named(tmp_path: Path) -> None:
    """One of ten is far more than one in fifty: the corpus is refused and no store stands."""
    recordings = write_corpus(tmp_path, u3=np.zeros(16000))
    with pytest.raises(InputError, match=r"1 of 10 utterances are unusable: silent: 1 \(u3\)"):
        build(tmp_path, recordings)
    assert not (tmp_path / "features" / "store.json").exists()


def test_damaged_short_and_unspeakable_utterances_are_named(tmp_path: Path) -> None:
    """Each with its reason, all of them in one sentence."""
    recordings = write_corpus(tmp_path, u4=0.3 * speak("A.", 16000)[:1600])
    (tmp_path / "u2.wav").write_bytes(b"no sound at all")
    recordings[6] = replace(recordings[6], text="\u200b…")
    with pytest.raises(InputError, match="3 of 10 utterances are unusable") as caught:
        build(tmp_path, recordings)
    sentence = str(caught.value)
    assert "too short to hold its text: 1 (u4)" in sentence
    assert "audio (" in sentence
    assert "(u2)" in sentence
    assert "text (" in sentence
    assert "(u6)" in sentence


def test_a_failed_run_does_not_leave_an_old_header(tmp_path: Path) -> None:
    """The header of an earlier run must not vouch for splits of a later one."""
    build(tmp_path, write_corpus(tmp_path))
    with pytest.raises(InputError, match="silent"):
        build(tmp_path, write_corpus(tmp_path, u0=np.zeros(16000)))
    with pytest.raises(InputError, match="no feature store"):
        UtteranceStore(tmp_path / "features", "train")


def test_a_few_unusable_utterances_are_left_out_and_counted() -> None:
    """Up to one in fifty; beyond that the corpus itself must be wrong."""
    report = DatasetReport()
    for number in range(98):
        split = "valid" if number < 3 else "train"
        report.take(f"u{number}", split, np.zeros(10), 2.0, 2.1, 20)
    report.unusable["silent"] += ["x", "y"]
    report.finish()
    assert "left out, silent: 2 (x, y)" in report.lines()
    report.unusable["silent"].append("z")
    with pytest.raises(InputError, match="3 of 101 utterances"):
        report.finish()


def test_texts_that_do_not_match_their_sound_are_doubtful() -> None:
    """A pace far from the corpus's own, whatever the language's symbols are."""
    report = DatasetReport()
    for number in range(50):
        report.take(f"u{number}", "valid" if number < 3 else "train", np.zeros(10), 2.0, 2.1, 20)
    report.take("fast", "train", np.zeros(10), 1.0, 1.1, 40)
    report.take("slow", "train", np.zeros(10), 10.0, 10.1, 5)
    report.take("long", "train", np.zeros(10), 25.0, 60.0, 250)
    report.finish()
    assert dict(report.doubtful) == {
        "longer than 20 s": ["long"],
        "more than half of it silence, cut": ["long"],
        "too short for its text": ["fast"],
        "too long for its text": ["slow"],
    }
    assert report.lines()[0] == "valid: 3 utterances, 0.1 minutes"


def test_a_corpus_without_validation_is_refused() -> None:
    """Training needs it."""
    report = DatasetReport()
    report.take("u", "train", np.zeros(10), 2.0, 2.1, 20)
    with pytest.raises(InputError, match="no usable utterance in its split 'valid'"):
        report.finish()


def test_clipping_is_several_samples_in_a_row() -> None:
    """A sine driven over full scale is clipped; one that just reaches it is not."""
    sine = np.sin(np.arange(2000) * 0.1)
    assert is_clipped(np.clip(1.5 * sine, -1, 1))
    assert not is_clipped(sine)
    assert not is_clipped(np.zeros(0))
    assert is_clipped(np.array([0.0, 1, -1, 1, 1]))


def test_trimming_leaves_lead_and_tail() -> None:
    """A tone between silences keeps 0.08 s before and 0.16 s after, up to one frame."""
    tone = np.sin(np.arange(RATE) * 0.2).astype(np.float32)
    wave = np.concatenate([np.zeros(RATE, np.float32), tone, np.zeros(RATE, np.float32)])
    trimmed = wave[slice(*voiced_range(wave, RATE))]
    assert len(trimmed) / RATE == pytest.approx(1.24, abs=0.06)
    assert np.abs(trimmed[: int(0.05 * RATE)]).max() == 0
    assert voiced_range(np.zeros(100, np.float32), RATE) == (0, 100)
