"""What is no sound, or too much of it, is refused before it does harm."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.audio.files import encode_audio, read_audio
from core.errors import InputError

NOISE = 0.3 * np.random.default_rng(0).standard_normal(22050)


def encoded(array: np.ndarray, rate: int = 22050, format: str = "WAV", subtype: str = "") -> bytes:
    memory = io.BytesIO()
    soundfile.write(memory, array, rate, format=format, subtype=subtype or None)
    return memory.getvalue()


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
        ("CAF", "PCM_16"),
        ("MAT4", "PCM_16"),
        ("MAT5", "PCM_16"),
        ("NIST", "PCM_16"),
        ("PAF", "PCM_16"),
        ("RF64", "PCM_16"),
        ("SVX", "PCM_16"),
        ("VOC", "PCM_16"),
        ("W64", "PCM_16"),
        ("WAV", "IMA_ADPCM"),
        ("WAV", "MS_ADPCM"),
        ("WAV", "GSM610"),
        ("WAV", "ULAW"),
        ("WAVEX", "ALAW"),
    ],
)
def test_odd_containers_and_codecs_are_refused_before_they_are_decoded(
    container: str, subtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their decoders see no byte."""
    content = encoded(NOISE, 8000, container, subtype)
    monkeypatch.setattr(soundfile.SoundFile, "__init__", lambda *_: pytest.fail("was opened"))
    with pytest.raises(InputError, match="allowed kind: WAV"):
        read_audio(content)


def patched(content: bytes, at: int, code: str, value: int) -> bytes:
    raw = bytearray(content)
    struct.pack_into(code, raw, at, value)
    return bytes(raw)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"RIFF", "not audio of an allowed kind"),
        (b"hello world, this is text", "not audio of an allowed kind"),
        (bytes(1000), "not audio of an allowed kind"),
        (b"fLaC" + bytes(100), "damaged or not audio"),
        (b"OggS" + bytes(23) + b"OpusHead" + bytes(100), "allowed kind|damaged or not audio"),
        (b"\xff\xfb\x90\x00" + bytes(10), "damaged or not audio|no samples"),
        (patched(encoded(np.zeros(99)), 24, "<I", 0), "damaged or not audio|0 Hz"),
        (patched(encoded(np.zeros(99)), 24, "<I", 2**31), "damaged or not audio|2147483648 Hz"),
        (patched(encoded(np.zeros(99)), 22, "<H", 255), "damaged or not audio|255 channels"),
        (encoded(np.zeros((99, 9))), "9 channels"),
        (encoded(np.array([0.0, np.nan]), subtype="FLOAT"), "not finite"),
        (encoded(np.array([0.0, np.inf]), subtype="DOUBLE"), "not finite"),
        (encoded(np.array([0.0, 32767.0]), subtype="FLOAT"), "32767; float audio must lie"),
        (encoded(np.zeros(5000))[:-100], "cut short"),
        (encoded(NOISE, format="FLAC")[:-1000], "cut short|damaged"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """From memory and from a file, which is named."""
    path = tmp_path / "odd.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_audio(content)
    with pytest.raises(InputError, match=r"odd\.wav") as caught:
        read_audio(path)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("path", ["missing.wav", ".", "nul\0byte.wav"])
def test_what_cannot_be_opened_is_refused_in_one_sentence(path: str) -> None:
    """No file, a directory, no name."""
    with pytest.raises(InputError, match="cannot read"):
        read_audio(path)


@pytest.mark.parametrize("format", ["flac", "ogg", "opus", "mp3"])
def test_too_long_a_sound_is_refused_while_it_is_decoded(format: str) -> None:
    """Silence packs hundreds of times; what is counted is what comes out."""
    content = encode_audio(torch.zeros(24000 * 30), 24000, format)
    with pytest.raises(InputError, match="longer than 20 seconds"):
        read_audio(content, max_seconds=20)
    assert len(read_audio(content, max_seconds=31)[0]) >= 24000 * 30


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory as Linux counts it")
def test_a_flac_bomb_is_refused_in_bounded_memory() -> None:
    """An hour of silence in a few hundred kilobytes, its header made to promise nothing."""
    program = """
import io, resource, time, numpy as np, soundfile
from core.audio.files import read_audio
from core.errors import InputError
memory = io.BytesIO()
soundfile.write(memory, np.zeros(8000 * 3600, np.int16), 8000, format="FLAC")
bomb = bytearray(memory.getvalue())
bomb[21] &= 0xF0  # The total of samples: 36 bits that end at byte 25; zero means unknown.
bomb[22:26] = bytes(4)
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    read_audio(bytes(bomb), max_seconds=60)
except InputError as error:
    print(len(bomb), error)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 20_000, grown
assert time.process_time() - start < 2
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.rstrip().endswith("the audio is longer than 60 seconds")
    assert int(done.stdout.split()[0]) < 500_000


def test_flipped_and_cut_files_give_sound_or_our_error() -> None:
    """Four hundred seeded damages a format, in a child whose crash would be seen."""
    program = """
import random, torch
from core.audio.files import encode_audio, read_audio
from core.errors import InputError
rng = random.Random(1)
sound = 0.3 * torch.randn(4000, generator=torch.Generator().manual_seed(0))
refused = set()
for kind in ("wav", "flac", "ogg", "opus", "mp3"):
    whole = encode_audio(sound, 24000, kind)
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            reach = len(content) if rng.random() < 0.5 else 200
            content[rng.randrange(reach)] = rng.randrange(256)
        if rng.random() < 0.2:
            del content[rng.randrange(len(content)) :]
        try:
            waveform, rate = read_audio(bytes(content), max_seconds=20)
        except InputError as error:
            assert "\\n" not in str(error)
            refused.add(kind)
        else:
            assert torch.isfinite(waveform).all() and 1 <= len(waveform) <= 20 * rate
print(sorted(refused))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    kinds = "['flac', 'mp3', 'ogg', 'opus', 'wav']\n"
    assert (done.returncode, done.stdout) == (0, kinds), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
