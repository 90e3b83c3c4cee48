"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _creation_mode() -> int:
    """The permissions a plain `open(path, "w")` would give."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends well.

    The temporary file lies in the directory of `path` (created if missing) and keeps its suffix,
    since many writers choose the format by it. When the block raises, as on a full disk, the
    temporary file is removed and an older `path` stays as it was. A symbolic link is followed: the
    file it points to is replaced.

    Args:
        path: Where the finished file shall be.

    Yields:
        An existing, empty temporary file to write to.

    Raises:
        OSError: The directory cannot be created or written to.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {target}: it is a directory")
    if target.exists() and not target.is_file():
        # The superuser would replace a device such as /dev/null by a plain file.
        raise OSError(f"cannot write {target}: it is a device or a pipe, not a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem[:100]}.", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else _creation_mode()
        yield temporary
        # Only now: some writers put a file of their own in its place, with a mode of their own.
        temporary.chmod(mode)
        # A crash right after the rename must not leave an empty file under the final name.
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
