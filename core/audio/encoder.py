"""Encoding sound piece by piece onto a stream that cannot go back, such as an answer over HTTP."""

from __future__ import annotations

import io
import os

import numpy as np
import torch
from torch import Tensor

from core.audio.pcm import to_pcm, wav_header
from core.audio.resample import check_rate
from core.audio.writer import audio_format, codec_rate, mono_samples, open_sound, put

# A blank MP3 frame, in which a file's length would stand, is all zeros behind these.
MP3_FRAME_HEAD = 4


class StreamEncoder:
    """Turns pieces of sound into the bytes of one file, as they come.

    Nothing that was handed out is taken back: what a file corrects at its end, such as the length
    in its header, says "unknown" instead. An MP3 then has a constant bit rate, from which players
    tell its length, and the 50 to 80 ms of silence that every MP3 without a length begins and ends
    with.

    Args:
        kind: A format of `core.audio.writer.FORMATS`.
        sample_rate_hz: Rate of the pieces.
        target_rate_hz: Rate of the file; None takes the lowest one of the format that keeps all.
        samples: Length of the whole, where it is known. Headers are exact then, but all but WAV
            and PCM come only at the end.

    Raises:
        InputError: There is no such format or rate.
    """

    def __init__(
        self,
        kind: str,
        sample_rate_hz: int,
        target_rate_hz: int | None = None,
        samples: int | None = None,
    ) -> None:
        check_rate(sample_rate_hz)
        self.kind = audio_format("", kind)
        self.rate_hz = target_rate_hz or codec_rate(self.kind, sample_rate_hz)
        self._resample = _Resampler(sample_rate_hz, self.rate_hz)
        self._head = b""
        self._sink: _Forwards | None = None
        self._whole = samples is not None
        if self.kind == "wav":
            known = samples if self.rate_hz == sample_rate_hz else None
            self._head = wav_header(self.rate_hz, None if known is None else 2 * known)
        elif self.kind != "pcm":
            self._sink = _Forwards()
            self._blank = self.kind == "mp3" and not self._whole
            self._file = open_sound(
                self._sink, self.rate_hz, self.kind, constant_bitrate=self._blank
            )

    def feed(self, waveform: Tensor | np.ndarray) -> bytes:
        """Append (L,) float samples; what lies outside [-1, 1] is cut. Returns what is ready."""
        return self._encode(self._resample(mono_samples(waveform)))

    def finish(self) -> bytes:
        """The end of the file."""
        rest = self._encode(self._resample(np.zeros(0, np.float32), last=True))
        if self._sink is None:
            return rest
        self._file.close()
        return rest + self._without_blank(self._sink.take())

    def _encode(self, samples: np.ndarray) -> bytes:
        if self._sink is not None:
            put(self._file, samples)
            return b"" if self._whole else self._without_blank(self._sink.take())
        head, self._head = self._head, b""
        return head + to_pcm(torch.from_numpy(samples))[0]

    def _without_blank(self, data: bytes) -> bytes:
        if not self._blank or not data:
            return data
        self._blank = False
        second = data.find(data[:2], MP3_FRAME_HEAD)
        return data[second:] if second > 0 else data


class _Resampler:
    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")

    def __call__(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        if self._stream is None:
            return samples
        made: np.ndarray = self._stream.resample_chunk(samples, last=last)
        return made


class _Forwards(io.RawIOBase):
    """A file whose beginning is given away: what is written there later is lost."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._given = self._at = 0

    def take(self) -> bytes:
        """Everything written since the last call."""
        taken = bytes(self._held)
        self._given += len(taken)
        self._held.clear()
        return taken

    def write(self, data: object) -> int:
        new = bytes(memoryview(data).cast("B"))  # type: ignore[arg-type]
        start = self._at - self._given
        self._at += len(new)
        kept = new[max(0, -start) :]
        start = max(0, start)
        self._held[start : start + len(kept)] = kept
        return len(new)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        end = self._given + len(self._held)
        self._at = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: end}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True
