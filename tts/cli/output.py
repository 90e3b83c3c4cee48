"""Where sound goes: a file, a stream, or the loudspeaker."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from torch import Tensor

from core.audio.pcm import to_pcm, wav_header
from core.audio.writer import audio_format, audio_writer
from core.errors import InputError
from core.files import atomic_write
from tts.cli.messages import tell
from tts.cli.player import Player, find_player

STDOUT = "-"
# A stream shorter than this gets a header with its true length.
HELD_SECONDS = 10.0


class Sink(Protocol):
    """Takes a sound piece by piece."""

    def write(self, waveform: Tensor | np.ndarray, /) -> int:
        """Append (L,) samples; returns how many were cut."""
        ...


class StreamSink:
    """A WAV (or bare samples) on a stream that cannot go back.

    The first ten seconds are held, so that a short sound has an exact header. One that is longer,
    or must leave at once, begins with the sizes that mean "until the end"; they are put right
    where the stream can be rewound.

    Args:
        stream: Where it goes.
        sample_rate_hz: Rate of the pieces.
        header: Whether it is a WAV.
        at_once: Whether to hold nothing.
    """

    def __init__(
        self,
        stream: BinaryIO,
        sample_rate_hz: int,
        header: bool = True,
        at_once: bool = False,
    ) -> None:
        self._most_held = 0.0 if at_once else HELD_SECONDS * 2 * sample_rate_hz
        self._stream, self._rate, self._header = stream, sample_rate_hz, header
        self._held: list[bytes] | None = [] if header else None
        self._written = 0

    def write(self, waveform: Tensor | np.ndarray, /) -> int:
        """Append (L,) samples."""
        data, clipped = to_pcm(waveform)
        if self._held is None:
            self._put(data)
        else:
            self._held.append(data)
            if sum(map(len, self._held)) > self._most_held:
                self._release(None)
        return clipped

    def finish(self) -> None:
        """Write what is held, or the true length where that is possible."""
        if self._held is not None:
            self._release(sum(map(len, self._held)))
        elif self._header and _can_go_back(self._stream):
            end = self._stream.tell()
            self._stream.seek(end - self._written - 44)
            self._stream.write(wav_header(self._rate, self._written))
            self._stream.seek(end)
        self._stream.flush()

    def _release(self, data_bytes: int | None) -> None:
        held, self._held = self._held or [], None
        self._stream.write(wav_header(self._rate, data_bytes))
        for data in held:
            self._put(data)

    def _put(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
        self._written += len(data)


def _can_go_back(stream: BinaryIO) -> bool:
    """Whether earlier bytes can be replaced: not in a pipe, and not behind a shell's `>>`."""
    if not stream.seekable():
        return False
    try:
        import fcntl

        return not fcntl.fcntl(stream.fileno(), fcntl.F_GETFL) & os.O_APPEND
    except (ImportError, OSError):
        # Without fcntl nobody can tell; without a file number it is a buffer in memory.
        return not hasattr(stream, "fileno")


class PlayedSink:
    """A sound that is played, and kept in a file until it is known to have been.

    Args:
        kept: The file.
        player: What plays it.
        sample_rate_hz: Rate of the pieces.
    """

    def __init__(self, kept: Sink, player: Player, sample_rate_hz: int) -> None:
        self._kept = kept
        self._process = player.start(sample_rate_hz) if player.streams else None

    def write(self, waveform: Tensor | np.ndarray, /) -> int:
        """Append (L,) samples."""
        clipped = self._kept.write(waveform)
        if self._process is not None and self._process.stdin is not None:
            # A player that gives up is noticed at the end, by its exit code.
            with suppress(BrokenPipeError):
                self._process.stdin.write(to_pcm(waveform)[0])
                self._process.stdin.flush()
        return clipped

    def wait(self) -> bool | None:
        """Wait for the end of the sound; None when this player takes no stream."""
        if self._process is None:
            return None
        with suppress(BrokenPipeError):
            self._process.communicate()
        return self._process.returncode == 0

    def stop(self) -> None:
        """Fall silent."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def check_output(path: str, format: str | None) -> str:
    """The format of an output, before anything is made.

    Raises:
        InputError: There is no such format, or it cannot be streamed.
    """
    if not is_stream(path):
        return audio_format(path, format)
    kind = audio_format("", format or "wav")
    if kind not in ("wav", "pcm"):
        raise InputError(f"{kind} cannot be written to a stream; allowed there: wav, pcm")
    if path == STDOUT and sys.stdout.isatty():
        raise InputError("-o - writes sound to standard output: send it to a file or a pipe")
    return kind


def is_stream(path: str) -> bool:
    """Whether a path is standard output, a pipe or a device, which nothing can replace."""
    return path == STDOUT or (os.path.exists(path) and not os.path.isfile(path))


@contextmanager
def file_sink(
    path: str, sample_rate_hz: int, format: str | None = None, at_once: bool = False
) -> Iterator[Sink]:
    """A file that appears whole or not at all; or a stream.

    Args:
        path: A file, a pipe, a device, or "-" for standard output.
        sample_rate_hz: Rate of the pieces.
        format: By the extension when None.
        at_once: Whether a stream holds nothing back for the sake of an exact header.

    Raises:
        InputError: There is no such format.
        OSError: It cannot be written.
    """
    kind = check_output(path, format)
    if not is_stream(path):
        with audio_writer(path, sample_rate_hz, kind) as writer:
            yield writer
        return
    with ExitStack() as stack:
        stream: BinaryIO = sys.stdout.buffer
        if path != STDOUT:
            stream = stack.enter_context(open(path, "wb", buffering=0))
        sink = StreamSink(stream, sample_rate_hz, kind == "wav", at_once)
        yield sink
        sink.finish()


@contextmanager
def played_sink(sample_rate_hz: int, *, fallback: bool, quiet: bool) -> Iterator[Sink]:
    """The loudspeaker.

    Args:
        sample_rate_hz: Rate of the pieces.
        fallback: Whether a sound that cannot be played goes to a free name like `speech.wav`.
        quiet: Whether not to say so.

    Raises:
        InputError: It cannot be played and `fallback` is off.
    """
    player = find_player()
    if player is None and not fallback:
        raise InputError("no player was found: install aplay, paplay or ffplay, or use -o FILE")
    with tempfile.TemporaryDirectory(prefix="straighttalk-") as directory:
        spool = Path(directory) / "speech.wav"
        played: PlayedSink | None = None
        try:
            with audio_writer(spool, sample_rate_hz) as writer:
                played = PlayedSink(writer, player, sample_rate_hz) if player else None
                yield played or writer
            done = _finish(played, player, spool, sample_rate_hz)
        finally:
            if played is not None:
                played.stop()
        if done:
            return
        reason = f"{player.program} failed" if player else "no player was found"
        if not fallback:
            raise InputError(f"{reason}: the sound was not played")
        path = free_name("speech.wav")
        with atomic_write(path) as temporary:
            temporary.write_bytes(spool.read_bytes())
        tell(f"{reason}, so the speech is in {path}", quiet=quiet)


def _finish(
    played: PlayedSink | None, player: Player | None, spool: Path, sample_rate_hz: int
) -> bool:
    if played is None or player is None:
        return False
    heard = played.wait()
    if heard is None:
        with player.start(sample_rate_hz, spool) as process:
            try:
                heard = process.wait() == 0
            except BaseException:
                process.terminate()
                raise
    return heard


def free_name(name: str) -> Path:
    """The name itself, or with the lowest number that makes it free: nothing is overwritten."""
    path = Path(name)
    number = 2
    while path.exists():
        path = Path(name).with_stem(f"{Path(name).stem}-{number}")
        number += 1
    return path
