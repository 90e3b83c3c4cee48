"""A small corpus spoken by eSpeak NG, so that recipes can be tested without any recording."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path

import espeakng_loader
import numpy as np
import soundfile
import torch

from core.audio.resample import resample

SENTENCES = (
    "The boat left early.",
    "Seven birds sat on the wall.",
    "Please close the window.",
    "He never came back.",
    "A dog slept by the door.",
    "The soup was far too hot.",
    "We walked along the river.",
    "Nobody knew the answer.",
    "She paid for the tickets.",
    "Rain fell all afternoon.",
    "They planted apple trees.",
    "The clock had stopped at noon.",
)
SYNCHRONOUS = 2
KEEP_ALIVE = 0x8000
UTF8 = 1
PITCH = 3

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, int]:
    """The library and its sample rate."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(espeakng_loader.get_data_path()).encode()
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, data, KEEP_ALIVE)
    assert rate > 0, "eSpeak NG found no data"
    return library, rate


@lru_cache(maxsize=256)
def _speak(text: str, voice: str, pitch: int) -> bytes:
    library, _ = _library()
    pieces: list[bytes] = []

    @_Callback
    def collect(samples: object, count: int, events: int | None) -> int:
        if samples and count:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(collect)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, f"no voice {voice}"
    library.espeak_SetParameter(PITCH, pitch, 0)
    raw = text.encode()
    size = ctypes.c_size_t(len(raw) + 1)
    assert library.espeak_Synth(raw, size, 0, 0, 0, UTF8, None, None) == 0
    library.espeak_Synchronize()
    return b"".join(pieces)


def speak(
    text: str, sample_rate_hz: int = 22050, *, voice: str = "en-us", pitch: int = 50
) -> np.ndarray:
    """Say a text: (L,) float32 in [-1, 1], the same every time.

    Args:
        text: What to say.
        sample_rate_hz: Rate wanted.
        voice: eSpeak's name of a voice, with a variant after "+".
        pitch: 0 to 100.
    """
    samples = np.frombuffer(_speak(text, voice, pitch), dtype="<i2").astype(np.float32) / 32768.0
    rate = _library()[1]
    if rate == sample_rate_hz:
        return samples
    return resample(torch.from_numpy(samples), rate, sample_rate_hz).numpy()


def make_ljspeech(root: Path, count: int = len(SENTENCES)) -> Path:
    """`metadata.csv` of three columns and `wavs/`, 22.05 kHz."""
    (root / "wavs").mkdir(parents=True)
    lines = []
    for number, text in enumerate(SENTENCES[:count], 1):
        name = f"LJ001-{number:04d}"
        soundfile.write(root / "wavs" / f"{name}.wav", speak(text), 22050, "PCM_16")
        lines.append(f"{name}|{text}|{text}\n")
    (root / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return root


def make_kathleen_repository(root: Path, count: int = 6) -> Path:
    """`data/<prompt>_<take>.wav`, 48 kHz stereo, beside `.txt`; two takes of every sentence."""
    (root / "data").mkdir(parents=True)
    for name, text, pitch in _takes(count):
        wave = speak(text, 48000, pitch=pitch)
        soundfile.write(root / "data" / f"{name}.wav", np.stack([wave, wave], 1), 48000, "PCM_16")
        (root / "data" / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return root


def make_kathleen_copy(root: Path, count: int = 6) -> Path:
    """`wavs/*.flac`, 22.05 kHz mono, with `metadata.csv`; two takes of every sentence."""
    (root / "wavs").mkdir(parents=True)
    lines = []
    for name, text, pitch in _takes(count):
        soundfile.write(root / "wavs" / f"{name}.flac", speak(text, pitch=pitch), 22050, "PCM_16")
        lines.append(f"{name}|{text}\n")
    (root / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return root


def make_vctk(root: Path, count: int = 6) -> Path:
    """Two speakers with transcripts and one without, two microphones, 48 kHz."""
    audio, texts = root / "wav48_silence_trimmed", root / "txt"
    for speaker, voice in (("p225", "en+f3"), ("p226", "en+m3"), ("p315", "en-us+m1")):
        (audio / speaker).mkdir(parents=True)
        for number, text in enumerate(SENTENCES[:count], 1):
            name = f"{speaker}_{number:03d}"
            wave = speak(text, 48000, voice=voice)
            for microphone, gain in (("mic1", 1.0), ("mic2", 0.5)):
                path = audio / speaker / f"{name}_{microphone}.flac"
                soundfile.write(path, gain * wave, 48000, "PCM_16")
            if speaker != "p315":
                (texts / speaker).mkdir(parents=True, exist_ok=True)
                (texts / speaker / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    (root / "speaker-info.txt").write_text(
        "ID  AGE  GENDER  ACCENTS  REGION COMMENTS\n"
        "p225  23  F    English    Southern  England\n"
        "p226  22  M    English    Surrey\n"
        "p315  18  M    American   New  England   (no transcripts)\n",
        encoding="utf-8",
    )
    return root


def _takes(count: int) -> list[tuple[str, str, int]]:
    return [
        (f"arctic_a{number:04d}_{15927000 + 10 * number + take}", text, 45 + 10 * take)
        for number, text in enumerate(SENTENCES[:count], 1)
        for take in range(2)
    ]
