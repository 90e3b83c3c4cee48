"""Sound files: what goes in comes out, and what cannot go in is refused."""

from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.audio.files import encode_audio, read_audio, write_audio
from core.audio.writer import audio_writer
from core.errors import InputError

RATE = 22050
LOSSY = ["mp3", "ogg", "opus"]


def tone(seconds: float = 1.0, amplitude: float = 0.5) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (amplitude * torch.sin(2 * math.pi * 440 * time)).float()


def encoded(array: np.ndarray, rate: int = RATE, format: str = "WAV", subtype: str = "") -> bytes:
    memory = io.BytesIO()
    soundfile.write(memory, array, rate, format=format, subtype=subtype or None)
    return memory.getvalue()


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_written_sound_is_read_back_to_half_a_step(tmp_path: Path, format: str) -> None:
    """16 bits round to half of 2^-15."""
    path = tmp_path / f"tone.{format}"
    assert write_audio(path, tone(), RATE) == 0
    waveform, rate = read_audio(path)
    assert rate == RATE
    assert waveform.dtype == torch.float32
    torch.testing.assert_close(waveform, tone(), atol=2**-16 + 1e-7, rtol=0)
    assert encode_audio(waveform, rate, format) == encode_audio(tone(), rate, format)


@pytest.mark.parametrize("format", LOSSY)
def test_lossy_formats_keep_length_and_tone(tmp_path: Path, format: str) -> None:
    """Coded and decoded, nearly all energy is still at 440 Hz."""
    path = tmp_path / f"tone.{format}"
    write_audio(path, tone(), RATE)
    waveform, rate = read_audio(path)
    assert len(waveform) == pytest.approx(rate, abs=0.01 * rate)
    power = torch.fft.rfft(waveform.double()).abs().square()
    near = round(440 * len(waveform) / rate)
    assert power[near - 5 : near + 6].sum() / power.sum() > 0.99


@pytest.mark.parametrize("format", LOSSY)
def test_long_sound_is_decoded_in_blocks_without_seams(format: str) -> None:
    """Block by block gives what one call of the decoder gives."""
    noise = 0.1 * torch.randn(24000 * 12, generator=torch.Generator().manual_seed(0))
    content = encode_audio(noise, 24000, format)
    whole, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    waveform, _ = read_audio(content)
    torch.testing.assert_close(waveform, torch.from_numpy(whole), atol=1e-6, rtol=0)


def test_writing_clips_instead_of_wrapping(tmp_path: Path) -> None:
    """1.5 becomes the largest sample, never a negative one, and the clipped samples are counted."""
    path = tmp_path / "loud.wav"
    loud = torch.tensor([0.0, 1.0, -1.0, 1.5, -1.5, 40000.0, math.inf])
    assert write_audio(path, loud, RATE) == 4
    with wave.open(str(path)) as file:
        values = struct.unpack("<7h", file.readframes(7))
    assert values == (0, 32767, -32768, 32767, -32768, 32767, 32767)


def test_a_16_bit_wav_survives_reading_and_writing_unchanged(tmp_path: Path) -> None:
    """Every one of the 65,536 values."""
    values = np.arange(-32768, 32768, dtype=np.int16)
    waveform, _ = read_audio(encoded(values))
    write_audio(tmp_path / "copy.wav", waveform, RATE)
    copy, _ = soundfile.read(tmp_path / "copy.wav", dtype="int16")
    assert (copy == values).all()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
def test_all_plain_wav_types_are_read(subtype: str, container: str) -> None:
    """From 8 bits to double, plain or extensible."""
    content = encoded(tone().numpy(), format=container, subtype=subtype)
    step = 2**-7 if subtype == "PCM_U8" else 2**-15
    torch.testing.assert_close(read_audio(content)[0], tone(), atol=step, rtol=0)


def test_channels_are_averaged() -> None:
    """Left 0.5 and right -0.25 make 0.125."""
    stereo = np.tile([0.5, -0.25], (1000, 1))
    waveform, _ = read_audio(encoded(stereo))
    torch.testing.assert_close(waveform, torch.full((1000,), 0.125))


def test_reading_resamples_on_request() -> None:
    """A second at 48 kHz is a second at 22,050 Hz."""
    waveform, rate = read_audio(encoded(np.zeros(48000), 48000), sample_rate_hz=RATE)
    assert (len(waveform), rate) == (RATE, RATE)


def test_a_sample_alone_and_no_sample() -> None:
    """One sample is a sound, none is an error."""
    assert read_audio(encoded(np.ones(1) * 0.5))[0].tolist() == [0.5]
    with pytest.raises(InputError, match="no samples"):
        read_audio(encoded(np.zeros(0)))


def test_piecewise_writing_equals_writing_at_once(tmp_path: Path) -> None:
    """The pieces leave no seams, and clipped samples are summed up."""
    sound = tone(2.0, 1.1)
    clipped = write_audio(tmp_path / "whole.wav", sound, RATE)
    with audio_writer(tmp_path / "pieces.wav", RATE) as writer:
        for piece in sound.split(777):
            writer.write(piece)
    assert writer.clipped == clipped > 0
    assert writer.samples == len(sound)
    assert (tmp_path / "pieces.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


def test_pcm_is_samples_and_nothing_else() -> None:
    """16-bit little-endian without a header."""
    assert encode_audio(torch.tensor([0.5, -1.0]), RATE, "pcm") == struct.pack("<2h", 16384, -32768)


def test_a_failed_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither half a file nor a temporary one; an older file stays."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with audio_writer(path, RATE) as writer:
            writer.write(tone())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits")
def test_a_full_disk_is_an_os_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit on file sizes stands for the disk; also when only the last byte does not fit."""
    program = f"""
import resource, torch
from core.audio.files import write_audio
noise = 0.3 * torch.randn(200000, generator=torch.Generator().manual_seed(0))
for kind in ("wav", "flac", "mp3"):
    path = {str(tmp_path)!r} + "/noise." + kind
    write_audio(path, noise, 22050)
    with open(path, "rb+") as file:
        size = file.seek(0, 2)
        file.truncate(3)
    for limit in (size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            write_audio(path, noise, 22050)
        except OSError as error:
            assert "too large" in str(error), error
        else:
            raise SystemExit("written")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    left = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert left == {"noise.wav": 3, "noise.flac": 3, "noise.mp3": 3}


@pytest.mark.parametrize("name", ["a.aiff", "a", "a.wavv"])
def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    """The sentence lists what can be written."""
    with pytest.raises(InputError, match=r"audio format .*wav, flac, ogg"):
        write_audio(tmp_path / name, tone(), RATE)


def test_what_is_no_mono_sound_is_not_written(tmp_path: Path) -> None:
    """NaN and batches."""
    with pytest.raises(ValueError, match="NaN"):
        write_audio(tmp_path / "a.wav", torch.tensor([math.nan]), RATE)
    with pytest.raises(ValueError, match=r"\(1, 5\)"):
        write_audio(tmp_path / "a.wav", torch.zeros(1, 5), RATE)
    with pytest.raises(InputError, match="0 Hz"):
        write_audio(tmp_path / "a.wav", tone(), 0)
    with pytest.raises(InputError, match="allowed: 8000, 11025"), audio_writer("a.mp3", 22051):
        pass
    assert list(tmp_path.iterdir()) == []
