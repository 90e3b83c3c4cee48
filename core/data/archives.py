"""Unpacking archives of strangers: plain files and directories, inside one place, up to a size."""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from core.errors import InputError

BLOCK_BYTES = 1 << 20
MAX_FILES = 1_000_000
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)

# A member: its name, None for a directory, or its content to read.
Member = tuple[str, IO[bytes] | None]


def extract(archive: Path, directory: Path, max_bytes: int, *, max_files: int = MAX_FILES) -> None:
    """Unpack a tar archive (plain, gzip, bzip2, xz) or a zip archive.

    Args:
        archive: The archive.
        directory: Where its content goes; it appears only when it is complete, and one that is
            there already is left alone.
        max_bytes: Unpacked size that is allowed, counted while unpacking.
        max_files: Number of members allowed.

    Raises:
        InputError: The archive is damaged, too large, or holds a link, a device, or a name that
            leads out of the directory.
        OSError: The disk is full or read-only.
    """
    if directory.is_dir():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".unpack-") as temporary:
        place = Path(temporary) / "content"
        place.mkdir()
        try:
            _unpack(archive, place, max_bytes, max_files)
        except (
            tarfile.TarError,
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
        ) as error:
            raise InputError(f"{archive} is damaged: {error}") from error
        except OSError as error:
            # bz2 reports damage as an OSError without a number; a full disk has one.
            if error.errno is not None:
                raise
            raise InputError(f"{archive} is damaged: {error}") from error
        place.replace(directory)


def _unpack(archive: Path, place: Path, max_bytes: int, max_files: int) -> None:
    members = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    written = 0
    for count, (name, stream) in enumerate(members(archive), 1):
        if count > max_files:
            raise InputError(f"{archive} holds more than {max_files} files")
        target = place / _safe_name(archive, name)
        if stream is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # "x" refuses a name that stands twice.
        try:
            output = target.open("xb")
        except FileExistsError as error:
            raise InputError(f"{archive} holds {name!r} twice") from error
        with stream, output:
            while block := stream.read(BLOCK_BYTES):
                written += len(block)
                if written > max_bytes:
                    raise InputError(f"{archive} unpacks to more than {max_bytes} bytes")
                output.write(block)


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is None and not member.isdir():
                raise InputError(f"{archive} holds {member.name!r}, neither file nor directory")
            yield member.name, stream


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or info.flag_bits & 1:
                raise InputError(f"{archive} holds {info.filename!r}, a link or encrypted")
            yield info.filename, None if info.is_dir() else file.open(info)


def _safe_name(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\:\0]", name):
        raise InputError(f"{archive} holds {name!r}, which leads out of its directory")
    return path
