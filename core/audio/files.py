"""Sound files in and out: WAV, FLAC, OGG and MP3."""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from core.audio.headers import ALLOWED, check_header
from core.audio.resample import check_rate, resample
from core.audio.writer import audio_format, audio_writer, codec_rate, mono_samples, open_sound, put
from core.errors import InputError

READABLE = {"WAV", "WAVEX", "FLAC", "OGG", "MP3"}
MAX_SECONDS = 600.0
MAX_CHANNELS = 8
# Float files may overshoot a little; beyond 20 dB the samples are on another scale.
MAX_AMPLITUDE = 10.0
BLOCK_FRAMES = 1 << 16
UNKNOWN_FRAMES = 1 << 40


class _Memory(io.BytesIO):
    """A file in memory whose `seek` never raises: libsndfile cannot pass an exception on."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        size = len(self.getbuffer())
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: size}.get(whence, 0)
        return super().seek(min(max(start + offset, 0), size))


class _Sound(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types.
    """A decoder that only goes forwards.

    soundfile seeks to the place where it is after every block, and MP3 decoders lose what they
    need from the frames before.
    """

    def seekable(self) -> bool:
        return False


def read_audio(
    source: str | os.PathLike[str] | bytes,
    sample_rate_hz: int | None = None,
    max_seconds: float | None = None,
) -> tuple[Tensor, int]:
    """Read a sound file as mono, its channels averaged.

    Memory is bounded by `max_seconds` whatever the file claims: samples are counted as they come.

    Args:
        source: Path of a WAV, FLAC, OGG or MP3 file, or the content of one.
        sample_rate_hz: Rate wanted; the file's own when None.
        max_seconds: Longest sound allowed; 600 when None.

    Returns:
        The waveform, (L,) float32 with L >= 1, in [-1, 1] up to the overshoot of float files, lossy
        codecs and resampling; and its rate.

    Raises:
        InputError: The file is missing, unreadable, empty, too long, damaged, not of an allowed
            kind, or holds NaN or samples on another scale.
    """
    if sample_rate_hz is not None:
        check_rate(sample_rate_hz)
    name = "the audio" if isinstance(source, bytes) else os.fspath(source)
    try:
        with _stream(source) as stream:
            check_header(stream, name)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {name}: {reason.lower()}") from error
    samples, rate = _decode(source, name, MAX_SECONDS if max_seconds is None else max_seconds)
    waveform = torch.from_numpy(samples)
    if sample_rate_hz is None:
        return waveform, rate
    return resample(waveform, rate, sample_rate_hz), sample_rate_hz


def write_audio(
    path: str | os.PathLike[str],
    waveform: Tensor | np.ndarray,
    sample_rate_hz: int,
    format: str | None = None,
) -> int:
    """Write a sound file, whole or not at all.

    Args:
        path: The file.
        waveform: (L,) float; what lies outside [-1, 1] is cut there and never wraps.
        sample_rate_hz: Its rate. MP3 and Opus know a few rates only; for another one the sound is
            resampled to the next higher.
        format: "wav", "flac", "ogg", "opus", "mp3" or "pcm"; by the extension when None.

    Returns:
        The number of samples that were cut.

    Raises:
        InputError: The format or rate is not among the allowed ones.
        ValueError: The waveform is not mono or holds NaN.
        OSError: The file cannot be written, as on a full disk.
    """
    kind = audio_format(path, format)
    samples, rate, clipped = _prepare(waveform, sample_rate_hz, kind)
    with audio_writer(path, rate, kind) as writer:
        writer.write(samples)
    return clipped


def encode_audio(waveform: Tensor | np.ndarray, sample_rate_hz: int, format: str = "wav") -> bytes:
    """The content of a sound file.

    Args:
        waveform: (L,) float; what lies outside [-1, 1] is cut.
        sample_rate_hz: Its rate; see `write_audio`.
        format: "wav", "flac", "ogg", "opus", "mp3" or "pcm" (16-bit little-endian, no header).

    Returns:
        The encoded sound.

    Raises:
        InputError: The format or rate is not among the allowed ones.
        ValueError: The waveform is not mono or holds NaN.
    """
    kind = audio_format("", format)
    samples, rate, _ = _prepare(waveform, sample_rate_hz, kind)
    memory = _Memory()
    with open_sound(memory, rate, kind) as file:
        put(file, samples)
    return memory.getvalue()


def _prepare(
    waveform: Tensor | np.ndarray, sample_rate_hz: int, kind: str
) -> tuple[np.ndarray, int, int]:
    check_rate(sample_rate_hz)
    samples = mono_samples(waveform)
    clipped = int((np.abs(samples) > 1).sum())
    rate = codec_rate(kind, sample_rate_hz)
    if rate != sample_rate_hz:
        samples = resample(torch.from_numpy(samples), sample_rate_hz, rate).numpy()
    return samples, rate, clipped


def _stream(source: str | os.PathLike[str] | bytes) -> AbstractContextManager[io.BufferedIOBase]:
    return _Memory(source) if isinstance(source, bytes) else Path(source).open("rb")


def _decode(
    source: str | os.PathLike[str] | bytes, name: str, max_seconds: float
) -> tuple[np.ndarray, int]:
    opened = _Memory(source) if isinstance(source, bytes) else os.fspath(source)
    try:
        with _Sound(opened) as file:
            _check_sound(file, name)
            blocks, frames = [], 0
            while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                frames += len(block)
                if frames > max_seconds * file.samplerate:
                    raise InputError(f"{name} is longer than {max_seconds:g} seconds")
                blocks.append(_mix(block, name))
            rate = int(file.samplerate)
            # Of the allowed kinds only FLAC's header is both exact and not yet checked.
            if file.format == "FLAC" and frames < file.frames < UNKNOWN_FRAMES:
                raise InputError(f"{name} is cut short: {frames} of {file.frames} samples")
    except (soundfile.SoundFileError, RuntimeError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{name} is damaged or not audio: {reason}") from error
    if not blocks:
        raise InputError(f"{name} holds no samples")
    return np.concatenate(blocks), rate


def _check_sound(file: soundfile.SoundFile, name: str) -> None:
    if file.format not in READABLE:
        raise InputError(f"{name} is {file.format} audio; allowed: {ALLOWED}")
    check_rate(file.samplerate, f"the sample rate of {name}")
    if file.channels > MAX_CHANNELS:
        raise InputError(f"{name} has {file.channels} channels; allowed: 1 to {MAX_CHANNELS}")


def _mix(block: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(block).all():
        raise InputError(f"{name} holds samples that are not finite numbers")
    peak = float(np.abs(block).max())
    if peak > MAX_AMPLITUDE:
        raise InputError(f"{name} has samples up to {peak:g}; float audio must lie in [-1, 1]")
    mixed: np.ndarray = block.mean(axis=1, dtype=np.float32)
    return mixed
