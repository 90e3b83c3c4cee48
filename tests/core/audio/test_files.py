"""Sound files: what goes in comes out, and what is no sound is refused."""

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
    content = encoded(tone().numpy(), 8000, container, subtype)
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
        (encoded(tone().numpy(), format="FLAC")[:-1000], "cut short|damaged"),
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
    """Ten hours of silence in a few hundred kilobytes, its header made to promise nothing."""
    program = """
import io, resource, struct, time, numpy as np, soundfile
from core.audio.files import read_audio
from core.errors import InputError
memory = io.BytesIO()
with soundfile.SoundFile(memory, "w", 8000, 1, "PCM_16", format="FLAC") as file:
    silence = np.zeros(8000 * 600, np.int16)
    for _ in range(60):
        file.write(silence)
bomb = bytearray(memory.getvalue())
bomb[21] &= 0xF0  # The total of samples: 36 bits that end at byte 25; zero means unknown.
bomb[22:26] = bytes(4)
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
try:
    read_audio(bytes(bomb))
except InputError as error:
    print(len(bomb), error)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 100_000, grown
assert time.monotonic() - start < 5
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.rstrip().endswith("the audio is longer than 600 seconds")
    assert int(done.stdout.split()[0]) < 2_000_000


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
            outcomes.add(kind)
        else:
            assert torch.isfinite(waveform).all() and 1 <= len(waveform) <= 20 * rate
print(sorted(refused))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    kinds = "['flac', 'mp3', 'ogg', 'opus', 'wav']\n"
    assert (done.returncode, done.stdout) == (0, kinds), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
