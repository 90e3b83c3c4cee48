"""Corpora from the network: https only, resumed after a break, and checked before they count."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from core.errors import InputError

SECURE = ("https",)
BLOCK_BYTES = 1 << 20
TIMEOUT_SECONDS = 60.0

Progress = Callable[[int, "int | None"], None]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to a scheme that is allowed."""

    max_redirections = 5

    def __init__(self, schemes: Collection[str]) -> None:
        self.schemes = schemes

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_scheme(newurl, self.schemes)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    url: str,
    path: Path,
    sha256: str,
    max_bytes: int,
    *,
    schemes: Collection[str] = SECURE,
    progress: Progress | None = None,
) -> None:
    """Download a file; what came before a break stays in `<path>.part` and is gone on from.

    Args:
        url: Where it is.
        path: Where it goes, under this name only when it is whole and right.
        sha256: Its digest in hexadecimal.
        max_bytes: More than that is refused.
        schemes: Of the address and of what it redirects to.
        progress: Called with the bytes that are there and, when the server says, those in all.

    Raises:
        InputError: The address is not allowed, the server cannot be reached or refuses, the file
            is too large or short, or its digest is another one.
        OSError: The disk is full or read-only.
    """
    _check_scheme(url, schemes)
    if path.is_file():
        _check_digest(path, sha256, f"{path} is not the file of this recipe: remove it")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        _fetch_rest(url, part, max_bytes, schemes, progress)
    except urllib.error.HTTPError as error:
        raise InputError(f"{url} was refused by its server: {error.code} {error.reason}") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{url} cannot be fetched ({reason}): run the stage again") from error
    try:
        _check_digest(part, sha256, f"{url} sent another file than expected")
    except InputError:
        part.unlink()
        raise
    part.replace(path)


def fetch_commit(
    url: str, directory: Path, commit: str, *, schemes: Collection[str] = SECURE
) -> None:
    """Fetch one commit of a git repository; its name is the checksum of everything in it.

    Args:
        url: The repository.
        directory: Where its files go; it appears only when they are complete.
        commit: All 40 digits.
        schemes: Protocols that git may speak.

    Raises:
        InputError: The address is not allowed, git is not there or failed.
    """
    _check_scheme(url, schemes)
    if directory.is_dir():
        return
    if shutil.which("git") is None:
        raise InputError("this corpus is fetched with git, which is not installed")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".git-") as temporary:
        place = Path(temporary) / "checkout"
        safe = ["-c", "protocol.allow=never", "-c", "core.symlinks=false"]
        for scheme in schemes:
            safe += ["-c", f"protocol.{scheme}.allow=always"]
        git = ["git", *safe, "-C", str(place)]
        _run(["git", "init", "--quiet", str(place)])
        checked = ["-c", "fetch.fsckObjects=true"]
        _run([*git, *checked, "fetch", "--depth", "1", "--progress", url, commit])
        _run([*git, "checkout", "--quiet", "--detach", "FETCH_HEAD"])
        head = _run([*git, "rev-parse", "HEAD"], capture=True).strip()
        if head != commit:
            raise InputError(f"{url} sent commit {head} where {commit} was asked for")
        place.replace(directory)


def _fetch_rest(
    url: str,
    part: Path,
    max_bytes: int,
    schemes: Collection[str],
    progress: Progress | None,
) -> None:
    done = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "straighttalk", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        response: HTTPResponse = _opener(schemes).open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        # Nothing lies beyond the part: it is whole, or wrong, which its digest will tell.
        if error.code == 416 and done:
            return
        raise
    with response:
        if response.status != 206:
            done = 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        with part.open("ab" if done else "wb") as stream:
            while block := response.read(BLOCK_BYTES):
                done += len(block)
                if done > max_bytes:
                    part.unlink()
                    raise InputError(f"{url} is larger than the {max_bytes} bytes it may have")
                stream.write(block)
                if progress:
                    progress(done, total)
    if total is not None and done < total:
        raise InputError(f"{url} broke off after {done} of {total} bytes: run the stage again")


def _opener(schemes: Collection[str]) -> urllib.request.OpenerDirector:
    """An opener that knows no scheme but these: no files, no ftp, no data."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(schemes),
    ]
    if "http" in schemes:
        handlers.append(urllib.request.HTTPHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _check_scheme(url: str, schemes: Collection[str]) -> None:
    if urlsplit(url).scheme not in schemes:
        raise InputError(f"{url} is refused: allowed is {', '.join(schemes)} only")


def _check_digest(path: Path, sha256: str, sentence: str) -> None:
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            total.update(block)
    if total.hexdigest() != sha256:
        raise InputError(f"{sentence} (SHA-256 {total.hexdigest()} instead of {sha256})")


def _run(command: list[str], capture: bool = False) -> str:
    # Without this, git would wait for a password that nobody types.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    output = subprocess.PIPE if capture else None
    done = subprocess.run(command, env=environment, stdout=output, text=True, check=False)
    if done.returncode:
        raise InputError(f"git failed with code {done.returncode}: what it said stands above")
    return done.stdout or ""
