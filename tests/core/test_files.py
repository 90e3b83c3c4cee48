"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.files import atomic_write


def test_a_written_file_appears_whole_at_the_end(tmp_path: Path) -> None:
    """Before the end of the block the old content stands, after it the new, and nothing else."""
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_write(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failed_writing_changes_nothing(
    tmp_path: Path, error: type[BaseException], existing: bool
) -> None:
    """Whatever stops the block."""
    target = tmp_path / "a.txt"
    if existing:
        target.write_text("old")

    def fail() -> None:
        with atomic_write(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"] * existing


def test_missing_directories_are_made(tmp_path: Path) -> None:
    """As a user who names a new output directory expects."""
    with atomic_write(tmp_path / "a" / "b" / "c.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


def test_a_directory_is_not_replaced(tmp_path: Path) -> None:
    """Neither an empty one."""
    with pytest.raises(IsADirectoryError, match="is a directory"), atomic_write(tmp_path):
        pytest.fail("the block must not run")


@pytest.mark.skipif(os.name == "nt", reason="symbolic links and modes of POSIX")
def test_a_link_is_followed_and_the_mode_is_that_of_any_file(tmp_path: Path) -> None:
    """A new file has the mode that `open` gives, an old one keeps its own."""
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "new"):
        pass
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "new")]
    assert modes[0] == modes[1]
    (tmp_path / "new").chmod(0o640)
    (tmp_path / "link").symlink_to("new")
    with atomic_write(tmp_path / "link") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_text() == "x"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="no file size limits")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file sizes stands for the disk."""
    (tmp_path / "a").write_text("old")
    program = f"""
import resource
from core.files import atomic_write
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with atomic_write({str(tmp_path / "a")!r}) as path:
        path.write_bytes(bytes(2000))
except OSError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_a_writer_that_replaces_the_file_does_not_decide_its_mode(tmp_path: Path) -> None:
    """safetensors puts a file that its owner alone may read over the temporary one."""
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "new") as temporary:
        other = tmp_path / "other"
        other.touch(0o600)
        other.replace(temporary)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "new")]
    assert modes[0] == modes[1]
