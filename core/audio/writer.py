"""Encoding sound: formats, and a writer for sound of any length."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from torch import Tensor

from core.audio.resample import check_rate
from core.errors import InputError, unknown_name
from core.files import atomic_write

# libsndfile's names of container and codec for every format; its name is also its extension.
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "pcm": ("RAW", "PCM_16"),
}
CODEC_RATES_HZ = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
# libsndfile's Vorbis encoder overflows the stack when given minutes at once.
BLOCK_SAMPLES = 1 << 14


def audio_format(path: str | os.PathLike[str], format: str | None = None) -> str:
    """The format to write.

    Args:
        path: Of the file; its extension decides when `format` is None.
        format: Name of a format, in any case.

    Returns:
        One of "wav", "flac", "ogg", "opus", "mp3" and "pcm".

    Raises:
        InputError: There is no such format.
    """
    kind = (Path(path).suffix[1:] if format is None else format).lower()
    if kind not in FORMATS:
        where = f"the name {os.fspath(path)!r}" if format is None else ""
        raise unknown_name("audio format", kind, FORMATS, where)
    return kind


def codec_rate(kind: str, sample_rate_hz: int) -> int:
    """The lowest rate of a format that keeps all of a sound, or its highest one."""
    rates = CODEC_RATES_HZ.get(kind, (sample_rate_hz,))
    return next((rate for rate in rates if rate >= sample_rate_hz), rates[-1])


def mono_samples(waveform: Tensor | np.ndarray) -> np.ndarray:
    """A waveform as (L,) float32 on the CPU.

    Raises:
        ValueError: It is not mono or holds NaN.
    """
    array = waveform.detach().cpu().float().numpy() if isinstance(waveform, Tensor) else waveform
    if array.ndim != 1:
        raise ValueError(f"a waveform of shape {tuple(array.shape)} is not mono: give (L,)")
    if np.isnan(array).any():
        raise ValueError("the waveform holds NaN and was not written")
    return np.ascontiguousarray(array, dtype=np.float32)


def open_sound(
    target: io.IOBase, sample_rate_hz: int, kind: str, *, constant_bitrate: bool = False
) -> soundfile.SoundFile:
    """Open a mono encoder onto a seekable stream."""
    container, codec = FORMATS[kind]
    endian = "LITTLE" if kind == "pcm" else "FILE"
    more = {"bitrate_mode": "CONSTANT", "compression_level": 0.5} if constant_bitrate else {}
    return soundfile.SoundFile(
        target, "w", sample_rate_hz, 1, codec, endian=endian, format=container, **more
    )


def put(file: soundfile.SoundFile, samples: np.ndarray) -> None:
    """Encode samples, cut to [-1, 1].

    Args:
        file: The encoder.
        samples: (L,) float32.
    """
    samples = np.clip(samples, -1.0, 1.0)
    if file.subtype == "PCM_16":
        # libsndfile would scale by 32767 and so change the samples of a file that it read itself.
        samples = np.minimum(np.round(samples * 32768.0), 32767.0).astype(np.int16)
    for start in range(0, len(samples), BLOCK_SAMPLES):
        file.write(samples[start : start + BLOCK_SAMPLES])


class _Disk(io.FileIO):
    """A file that keeps its first error and swallows what follows: libsndfile passes none on."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return size

    def check(self) -> None:
        if self.error:
            raise self.error


class AudioWriter:
    """A sound file that is being written piece by piece; `audio_writer` opens one.

    Attributes:
        clipped: Samples so far that left [-1, 1] and were cut there.
        samples: Samples so far.
    """

    def __init__(self, file: soundfile.SoundFile, disk: _Disk) -> None:
        self._file, self._disk = file, disk
        self.clipped = self.samples = 0

    def write(self, waveform: Tensor | np.ndarray) -> int:
        """Append a piece.

        Args:
            waveform: (L,) float; what lies outside [-1, 1] is cut there and never wraps.

        Returns:
            The number of samples that were cut.

        Raises:
            ValueError: The waveform is not mono or holds NaN.
            OSError: The file cannot be written, as on a full disk.
        """
        samples = mono_samples(waveform)
        clipped = int((np.abs(samples) > 1).sum())
        put(self._file, samples)
        self._disk.check()
        self.clipped += clipped
        self.samples += len(samples)
        return clipped


@contextmanager
def audio_writer(
    path: str | os.PathLike[str], sample_rate_hz: int, format: str | None = None
) -> Iterator[AudioWriter]:
    """Write a sound of any length in little memory.

    The file appears, whole, when the block ends well, and not at all when the block raises.

    Args:
        path: The file.
        sample_rate_hz: Rate of the pieces.
        format: "wav", "flac", "ogg", "opus", "mp3" or "pcm"; by the extension when None.

    Yields:
        The writer to give the pieces to.

    Raises:
        InputError: There is no such format, or it has no such rate.
        OSError: The file cannot be written, as on a full disk.
    """
    kind = audio_format(path, format)
    check_rate(sample_rate_hz)
    if codec_rate(kind, sample_rate_hz) != sample_rate_hz:
        allowed = ", ".join(map(str, CODEC_RATES_HZ[kind]))
        raise InputError(f"{kind} cannot hold {sample_rate_hz} Hz; allowed: {allowed}")
    with atomic_write(path) as temporary, _Disk(temporary, "w+") as disk:
        try:
            with open_sound(disk, sample_rate_hz, kind) as file:
                yield AudioWriter(file, disk)
        except soundfile.SoundFileError as error:
            raise OSError(f"cannot write {os.fspath(path)}: {error}") from error
        disk.check()
