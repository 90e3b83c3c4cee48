"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from core.files import atomic_write


def test_finished_file_appears_under_its_name_alone(tmp_path):
    """Directories are made, the suffix is kept, nothing is left over."""
    target = tmp_path / "new" / "speech.wav"
    with atomic_write(target) as temporary:
        assert temporary.suffix == ".wav"
        assert temporary.parent == target.parent
        temporary.write_bytes(b"sound")
        assert not target.exists()
    assert target.read_bytes() == b"sound"
    assert list(target.parent.iterdir()) == [target]


def test_failure_leaves_the_old_file_and_no_rest(tmp_path):
    """As on a full disk."""
    target = tmp_path / "speech.wav"
    target.write_bytes(b"old")

    def write():
        with atomic_write(target) as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_interruption_leaves_no_rest(tmp_path):
    """Ctrl-C is no OSError, and is tidied up after all the same."""
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "speech.wav"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_writer_that_replaces_the_temporary_file_is_fine(tmp_path):
    """Some libraries delete and create anew."""
    target = tmp_path / "weights.safetensors"
    with atomic_write(target) as temporary:
        temporary.unlink()
        temporary.write_bytes(b"fresh")
    assert target.read_bytes() == b"fresh"


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX")
def test_permissions_are_those_of_a_plain_open(tmp_path):
    """A new file follows the umask, an old one keeps what it had."""
    plain, fresh, old = tmp_path / "plain", tmp_path / "fresh", tmp_path / "old"
    plain.touch()
    old.touch(0o600)
    for target in (fresh, old):
        with atomic_write(target) as temporary:
            temporary.write_bytes(b"x")
    assert stat.S_IMODE(fresh.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert stat.S_IMODE(old.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
def test_symbolic_link_is_followed(tmp_path):
    """The link stays a link; its file is replaced."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with atomic_write(link) as temporary:
        temporary.write_bytes(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_directory_in_the_way_is_named(tmp_path):
    """Before anything is written."""
    with pytest.raises(IsADirectoryError, match="is a directory"), atomic_write(tmp_path):
        pass
