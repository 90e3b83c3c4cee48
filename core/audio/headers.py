"""What a file says it is, read from its first bytes before any decoder sees it.

libsndfile opens two dozen formats, some with decoders nobody looks after. Only the few that people
send are let through, by container and codec.
"""

from __future__ import annotations

import os
from io import BufferedIOBase

from core.errors import InputError

ALLOWED = "WAV (PCM or float), FLAC, OGG (Vorbis, Opus or FLAC) and MP3"
HEADER_BYTES = 1 << 16
WAV_PCM, WAV_FLOAT, WAV_EXTENSIBLE = 1, 3, 0xFFFE
# Writers that cannot go back to fill in the length leave one of about 2 or 4 gigabytes.
WAV_UNKNOWN_BYTES = 0x7FFFF000


def check_header(stream: BufferedIOBase, name: str) -> None:
    """Refuse a stream that does not begin like an allowed kind of audio.

    Args:
        stream: Seekable, at its beginning; it is left anywhere.
        name: Of the file, for the sentence.

    Raises:
        InputError: The file is empty, of another kind, or a WAV that ends before its samples do.
    """
    head = stream.read(HEADER_BYTES)
    if not head:
        raise InputError(f"{name} is empty")
    if head[:3] == b"ID3" and len(head) >= 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        stream.seek(10 + size)
        head = stream.read(HEADER_BYTES)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        allowed = _check_wav(head, stream.seek(0, os.SEEK_END), name)
    else:
        allowed = head[:4] == b"fLaC" or _is_ogg(head) or _is_mp3(head)
    if not allowed:
        raise InputError(f"{name} is not audio of an allowed kind: {ALLOWED}")


def _check_wav(head: bytes, size: int, name: str) -> bool:
    codec, at = 0, 12
    while at + 8 <= len(head):
        kind, length = head[at : at + 4], _number(head[at + 4 : at + 8])
        at += 8
        if kind == b"fmt " and length >= 16:
            codec = _number(head[at : at + 2])
            if codec == WAV_EXTENSIBLE:
                codec = _number(head[at + 24 : at + 26])
        if kind == b"data":
            if at + length > size and length < WAV_UNKNOWN_BYTES:
                raise InputError(f"{name} is cut short: {size - at} of {length} bytes of sound")
            break
        at += length + length % 2
    return codec in (WAV_PCM, WAV_FLOAT)


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _is_ogg(head: bytes) -> bool:
    if head[:4] != b"OggS" or len(head) < 28:
        return False
    return head[27 + head[26] :].startswith((b"\x01vorbis", b"OpusHead", b"\x7fFLAC"))


def _is_mp3(head: bytes) -> bool:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate != 15 and rate != 3
