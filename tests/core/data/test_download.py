"""Downloads: whole and right, or not there."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.data.download import fetch, fetch_commit
from core.errors import InputError

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PLAIN = ("http",)


class Server(BaseHTTPRequestHandler):
    """Sends CONTENT in several right and wrong ways."""

    ranges: list[str | None]

    def do_GET(self) -> None:
        self.ranges.append(self.headers.get("Range"))
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/missing":
            self.send_error(404)
        else:
            self.send_content()

    def send_content(self) -> None:
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if self.path == "/no-ranges":
            start = 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/short" else body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine."""
    Server.ranges = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(address: str, path: Path, digest: str = DIGEST, most: int = 10**6) -> None:
    fetch(address, path, digest, most, schemes=PLAIN)


def test_fetch_writes_the_file_and_only_the_file(address: str, tmp_path: Path) -> None:
    """The content is there under its name, and no partial file beside it."""
    seen: list[tuple[int, int | None]] = []
    fetch(
        f"{address}/file", tmp_path / "a" / "file", DIGEST, 10**6,
        schemes=PLAIN, progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert (tmp_path / "a" / "file").read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["file"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_fetch_goes_on_where_it_broke_off(address: str, tmp_path: Path) -> None:
    """After a connection that ends early only the rest is asked for."""
    path = tmp_path / "file"
    with pytest.raises(InputError, match=r"broke off after .* run the stage again"):
        get(f"{address}/short", path)
    assert not path.exists()
    half = (tmp_path / "file.part").stat().st_size
    get(f"{address}/file", path)
    assert path.read_bytes() == CONTENT
    assert Server.ranges == [None, f"bytes={half}-"]


def test_fetch_begins_again_when_the_server_knows_no_ranges(address: str, tmp_path: Path) -> None:
    """A 200 answer to a request for the rest is the whole file."""
    (tmp_path / "file.part").write_bytes(CONTENT[:100])
    get(f"{address}/no-ranges", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_fetch_takes_a_part_that_was_already_whole(address: str, tmp_path: Path) -> None:
    """A download killed just before its renaming is not fetched twice."""
    (tmp_path / "file.part").write_bytes(CONTENT)
    get(f"{address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_fetch_leaves_a_right_file_alone(tmp_path: Path) -> None:
    """What is there and right is not asked for again; the address is nobody's."""
    (tmp_path / "file").write_bytes(CONTENT)
    get("http://127.0.0.1:9/file", tmp_path / "file")


def test_fetch_refuses_another_content(address: str, tmp_path: Path) -> None:
    """A wrong digest leaves nothing behind, so that the next attempt starts afresh."""
    with pytest.raises(InputError, match=f"SHA-256 {DIGEST} instead of {'0' * 64}"):
        get(f"{address}/file", tmp_path / "file", digest="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_fetch_stops_at_the_size_limit(address: str, tmp_path: Path) -> None:
    """A file beyond its limit is refused while it comes."""
    with pytest.raises(InputError, match="larger than the 1000 bytes"):
        get(f"{address}/file", tmp_path / "file", most=1000)
    assert list(tmp_path.iterdir()) == []


def test_fetch_refuses_plain_http_by_default(address: str, tmp_path: Path) -> None:
    """Only https is spoken to."""
    with pytest.raises(InputError, match="allowed is https only"):
        fetch(f"{address}/file", tmp_path / "file", DIGEST, 10**6)
    assert Server.ranges == []


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "https://127.0.0.1/x"]
)
def test_fetch_refuses_a_redirection_to_another_scheme(
    address: str, tmp_path: Path, target: str
) -> None:
    """A redirection must keep to the schemes that were allowed."""
    with pytest.raises(InputError):
        get(f"{address}/to/{target}", tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_fetch_follows_a_redirection_of_the_same_scheme(address: str, tmp_path: Path) -> None:
    """Servers that keep their files elsewhere are followed."""
    get(f"{address}/to/{address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_fetch_says_what_the_server_said(address: str, tmp_path: Path) -> None:
    """A missing file and a missing server are told apart."""
    with pytest.raises(InputError, match="404"):
        get(f"{address}/missing", tmp_path / "file")
    with pytest.raises(InputError, match="cannot be fetched"):
        get("http://127.0.0.1:9/file", tmp_path / "file")


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A git repository of two commits, and the name of the first."""
    place = tmp_path / "repository"
    place.mkdir()

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        done = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    (place / "word.txt").write_text("first")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    first = git("rev-parse", "HEAD")
    (place / "word.txt").write_text("second")
    git("commit", "--quiet", "-am", "two")
    return place, first


def test_fetch_commit_takes_that_commit(repository: tuple[Path, str], tmp_path: Path) -> None:
    """Not the newest state, but the one whose name was given."""
    place, first = repository
    fetch_commit(place.as_uri(), tmp_path / "corpus", first, schemes=("file",))
    assert (tmp_path / "corpus" / "word.txt").read_text() == "first"


def test_fetch_commit_refuses_what_is_not_https(
    repository: tuple[Path, str], tmp_path: Path
) -> None:
    """Nothing but https by default."""
    place, first = repository
    with pytest.raises(InputError, match="allowed is https only"):
        fetch_commit(place.as_uri(), tmp_path / "corpus", first)


def test_fetch_commit_leaves_nothing_behind_when_it_fails(
    repository: tuple[Path, str], tmp_path: Path
) -> None:
    """An unknown commit is one sentence and no directory."""
    place, _ = repository
    with pytest.raises(InputError, match="git failed"):
        fetch_commit(place.as_uri(), tmp_path / "corpus", "1" * 40, schemes=("file",))
    assert [p.name for p in tmp_path.iterdir()] == ["repository"]
