"""Predicted opinion and distances, against the libraries, closed forms and common sense."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch
from speechmos import dnsmos as reference_dnsmos

from core.audio.mel import MelSpec
from core.errors import InputError
from tests.espeak_corpus import speak
from tts.evaluation.griffin_lim import griffin_lim, mel_to_magnitude
from tts.evaluation.pitch import pitch_distance
from tts.evaluation.quality import dnsmos, pesq_wideband
from tts.evaluation.spectral import log_mel, mel_distance

RATE = 22050
SPEC = MelSpec()


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """A second and a half of speech at 22.05 kHz."""
    return 0.5 * speak("Please come back tomorrow morning.", RATE, voice="en-us+f2", pitch=40)


def noisy(wave: np.ndarray, level: float) -> np.ndarray:
    """The waveform with white noise."""
    noise = np.random.default_rng(0).standard_normal(len(wave))
    return (wave + level * noise).astype(np.float32)


def test_dnsmos_is_the_librarys_at_16_khz(wave: np.ndarray) -> None:
    """Threads and sessions of our own change nothing."""
    samples = wave[: len(wave) // 2]
    ours, theirs = dnsmos(samples, 16000), reference_dnsmos.run(samples, 16000)
    assert ours.overall == pytest.approx(theirs["ovrl_mos"], abs=1e-4)
    assert ours.signal == pytest.approx(theirs["sig_mos"], abs=1e-4)
    assert ours.background == pytest.approx(theirs["bak_mos"], abs=1e-4)
    assert ours.p808 == pytest.approx(theirs["p808_mos"], abs=1e-4)


def test_dnsmos_falls_with_noise(wave: np.ndarray) -> None:
    """The background's score most of all."""
    clean, noise = dnsmos(wave, RATE), dnsmos(noisy(wave, 0.05), RATE)
    assert clean.background - noise.background > 0.5
    assert clean.overall > noise.overall


def test_pesq_of_a_copy_is_the_scales_end_and_falls_with_noise(wave: np.ndarray) -> None:
    """P.862.2 maps a raw score of 4.5 to 0.999 + 4 / (1 + exp(-1.3669 * 4.5 + 3.8224))."""
    best = 0.999 + 4.0 / (1.0 + math.exp(-1.3669 * 4.5 + 3.8224))
    scores = [pesq_wideband(wave, noisy(wave, level), RATE) for level in (0.0, 0.003, 0.03)]
    assert scores[0] == pytest.approx(best, abs=1e-3)
    assert scores[0] > scores[1] > scores[2] > 1.0


def test_pesq_takes_the_frames_that_both_have(wave: np.ndarray) -> None:
    """A vocoder fills up its last frame; that is no fault."""
    longer = np.concatenate([wave, np.zeros(255, np.float32)])
    assert pesq_wideband(wave, longer, RATE) > 4.6


@pytest.mark.parametrize(
    ("original", "copy", "says"),
    [
        (RATE // 5, RATE // 5, "cannot compare these waveforms: Buffer needs to be at least 1/4"),
        (RATE * 3 // 2, RATE, "compares a copy with its original, but they last 1.00 s and 1.50 s"),
        (RATE, 0, "empty; PESQ needs sound"),
    ],
)
def test_pesq_refuses_what_cannot_be_compared(
    wave: np.ndarray, original: int, copy: int, says: str
) -> None:
    """Too short, which is the library's own word, of another length, or nothing."""
    with pytest.raises(InputError, match=says):
        pesq_wideband(wave[:original], wave[:copy], RATE)


@pytest.mark.parametrize("measure", [dnsmos, lambda x, rate: pesq_wideband(x, x, rate)])
def test_silence_is_refused(measure: object) -> None:
    """A figure for silence would be worth nothing."""
    assert callable(measure)
    with pytest.raises(InputError, match="silent"):
        measure(np.zeros(RATE, np.float32), RATE)


def test_mel_distance_of_a_gain_is_its_logarithm() -> None:
    """Where nothing is at the floor, a gain of g moves every log mel by ln g, 20 lg g dB."""
    noise = 0.05 * np.random.default_rng(0).standard_normal(8192).astype(np.float32)
    found = mel_distance(noise, 2.0 * noise, SPEC)
    assert found.log_mel_l1 == pytest.approx(math.log(2.0), abs=1e-4)
    assert found.spectral_db == pytest.approx(20.0 * math.log10(2.0), abs=1e-3)
    same = mel_distance(noise, noise, SPEC)
    assert (same.log_mel_l1, same.spectral_db) == (0.0, 0.0)


def test_mel_distance_refuses_other_lengths_and_emptiness() -> None:
    """One hop more is the vocoder's last frame; three are another utterance."""
    noise = 0.05 * np.random.default_rng(0).standard_normal(8192).astype(np.float32)
    assert mel_distance(noise, np.pad(noise, (0, 256)), SPEC).log_mel_l1 < 0.2
    with pytest.raises(InputError, match="35 and 32 frames"):
        mel_distance(noise, np.pad(noise, (0, 768)), SPEC)
    with pytest.raises(InputError, match="empty"):
        mel_distance(noise, noise[:0], SPEC)


def test_magnitudes_have_the_mel_they_come_from(wave: np.ndarray) -> None:
    """Least squares meets a mel that some spectrum has, in quiet frames too."""
    mel = log_mel(wave, SPEC)
    filters = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    again = np.log(np.maximum(filters @ mel_to_magnitude(mel, SPEC).numpy(), SPEC.log_floor))
    assert np.abs(again - mel.numpy()).mean() < 0.005


def test_griffin_lim_is_as_good_as_librosas(wave: np.ndarray) -> None:
    """Its waveform's mel is as near to the mel given; each has frames of its own."""
    wave = wave[5000:21000]
    mel = log_mel(wave, SPEC)
    ours = griffin_lim(mel, SPEC)
    assert len(ours) == 256 * mel.shape[1]
    theirs = librosa.griffinlim(
        mel_to_magnitude(mel, SPEC).numpy(), n_iter=60, hop_length=256, random_state=0
    )
    # Librosa's frame t is centred on t * hop, half a hop before ours.
    theirs = np.pad(theirs, (128, 0))[: len(wave)]
    near = mel_distance(wave, ours, SPEC).log_mel_l1
    assert near < 1.2 * mel_distance(wave, theirs, SPEC).log_mel_l1
    assert near < 0.7 * mel_distance(wave, griffin_lim(mel, SPEC, 1), SPEC).log_mel_l1


def test_griffin_lim_is_the_same_for_the_same_seed_only(wave: np.ndarray) -> None:
    """The first phases are all that is random."""
    mel = log_mel(wave[:8192], SPEC)
    one, two, other = (griffin_lim(mel, SPEC, 3, seed) for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("mel", "rounds", "says"),
    [
        (torch.zeros(40, 9), 60, r"shape \(40, 9\) is not \(80, frames\)"),
        (torch.full((80, 9), torch.nan), 60, "not finite"),
        (torch.zeros(80, 9), 0, "iterations is 0"),
    ],
)
def test_griffin_lim_refuses_other_mels(mel: torch.Tensor, rounds: int, says: str) -> None:
    """Shape, numbers, rounds."""
    with pytest.raises(InputError, match=says):
        griffin_lim(mel, SPEC, rounds)


def harmonics(f0_hz: float, seconds: float = 0.4) -> np.ndarray:
    """A voice-like tone and then silence, 0.6 s in all."""
    time = np.arange(int(0.6 * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * f0_hz * time) / k for k in range(1, 9))
    return 0.1 * tone * (time < seconds)


def test_pitch_distance_of_a_semitone_is_100_cents() -> None:
    """To pYIN's resolution of a tenth of a semitone; voiced in the same frames."""
    found = pitch_distance(harmonics(200.0), harmonics(200.0 * 2 ** (1 / 12)), RATE)
    assert found.f0_rmse_cents == pytest.approx(100.0, abs=12.0)
    assert found.voicing_error < 0.05


def test_voicing_error_is_the_share_of_frames() -> None:
    """Voiced for 0.2 s more, of 0.6 s."""
    found = pitch_distance(harmonics(200.0, 0.4), harmonics(200.0, 0.2), RATE)
    assert found.voicing_error == pytest.approx(1 / 3, abs=0.08)
