"""Archives of strangers: what is inside comes out, and nothing else happens."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.data.archives import extract
from core.errors import InputError

FILES = {"corpus/metadata.csv": b"a|b\n", "corpus/wavs/a.wav": os.urandom(5000)}


def tar(path: Path, files: dict[str, bytes], mode: str = "w:bz2") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_extract_gives_back_what_was_packed(tmp_path: Path, mode: str) -> None:
    """Every kind of archive that corpora come in."""
    archive = tmp_path / "a"
    if mode == "zip":
        zipped(archive, FILES)
    else:
        tar(archive, FILES, mode)
    extract(archive, tmp_path / "out", 10**6)
    for name, content in FILES.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "out"]


@pytest.mark.parametrize(
    "name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "..\\out.txt", "C:out.txt"]
)
@pytest.mark.parametrize("pack", [tar, zipped])
def test_extract_refuses_names_that_lead_out(tmp_path: Path, name: str, pack: object) -> None:
    """The archive is refused as a whole and leaves no trace."""
    archive = pack(tmp_path / "a", {"good": b"1", name: b"2"})  # type: ignore[operator]
    with pytest.raises(InputError, match="leads out of its directory"):
        extract(archive, tmp_path / "out", 10**6)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_extract_refuses_links_and_devices_in_tar(tmp_path: Path, kind: bytes) -> None:
    """A link could point anywhere."""
    with tarfile.open(tmp_path / "a", "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match="neither file nor directory"):
        extract(tmp_path / "a", tmp_path / "out", 10**6)


def test_extract_refuses_links_in_zip(tmp_path: Path) -> None:
    """Zip keeps a link as a file whose mode says so."""
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="a link or encrypted"):
        extract(tmp_path / "a", tmp_path / "out", 10**6)


@pytest.mark.parametrize("pack", [tar, zipped])
def test_extract_stops_a_bomb(tmp_path: Path, pack: object) -> None:
    """Ten megabytes of zeros in a few kilobytes are noticed at the limit."""
    archive = pack(tmp_path / "a", {"zeros": bytes(10**7)})  # type: ignore[operator]
    assert archive.stat().st_size < 10**5
    with pytest.raises(InputError, match="unpacks to more than 3000000 bytes"):
        extract(archive, tmp_path / "out", 3 * 10**6)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_extract_limits_the_number_of_files(tmp_path: Path) -> None:
    """Empty files cost no bytes and still fill a disk."""
    archive = tar(tmp_path / "a", {str(i): b"" for i in range(20)})
    with pytest.raises(InputError, match="more than 10 files"):
        extract(archive, tmp_path / "out", 10**6, max_files=10)


def test_extract_refuses_a_name_that_stands_twice(tmp_path: Path) -> None:
    """The later one would replace what was checked."""
    with tarfile.open(tmp_path / "a", "w") as archive:
        for content in (b"1", b"2"):
            info = tarfile.TarInfo("name")
            info.size = 1
            archive.addfile(info, io.BytesIO(content))
    with pytest.raises(InputError, match="'name' twice"):
        extract(tmp_path / "a", tmp_path / "out", 10**6)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "zip"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_extract_refuses_a_truncated_archive(tmp_path: Path, mode: str, keep: float) -> None:
    """One sentence, and no half-unpacked corpus that a later run would take for whole."""
    archive = tmp_path / "a"
    if mode == "zip":
        zipped(archive, FILES)
    else:
        tar(archive, FILES, mode)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError, match="is damaged"):
        extract(archive, tmp_path / "out", 10**6)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_extract_leaves_an_unpacked_corpus_alone(tmp_path: Path) -> None:
    """A second run does nothing, even when the archive was removed."""
    (tmp_path / "out").mkdir()
    extract(tmp_path / "gone", tmp_path / "out", 10**6)
