"""eSpeak NG in a process of its own, watched: a hang or a crash becomes a `TextError`."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

from text.errors import TextError, shown

WORKER = Path(__file__).with_name("espeak_worker.py")
CLAUSES_A_REQUEST = 500
START_SECONDS = 120.0
ANSWER_SECONDS = 30.0


class EspeakFailure(Exception):
    """The worker died or did not answer in time."""


class Espeak:
    """One language of eSpeak NG, from the `espeakng-loader` wheel, through phonemizer.

    Args:
        language: eSpeak code such as "en-us", "de" or "cmn".
        answer_seconds: How long a request may take before the worker is given up.
        worker: The script to run.

    Raises:
        TextError: eSpeak NG does not know the language.
    """

    def __init__(
        self, language: str, answer_seconds: float = ANSWER_SECONDS, worker: Path = WORKER
    ) -> None:
        self._language = language
        self._answer_seconds = answer_seconds
        self._script = worker
        require_language(language)
        # It takes a while to get up: let it, and wait when the first answer is needed.
        self._worker: _Worker | None = _Worker(worker, language)

    def phonemize(self, clauses: Sequence[str]) -> list[str]:
        """Pronounce clauses that hold no punctuation.

        Args:
            clauses: Words separated by spaces.

        Returns:
            For each clause its phonemes, in groups (often words) separated by single spaces.

        Raises:
            TextError: eSpeak NG cannot be loaded, or hangs or crashes on a clause; it is named.
        """
        spoken: list[str] = []
        for first in range(0, len(clauses), CLAUSES_A_REQUEST):
            spoken += self._request(list(clauses[first : first + CLAUSES_A_REQUEST]))
        return [" ".join(phonemes.split()) for phonemes in spoken]

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _request(self, clauses: list[str]) -> list[str]:
        try:
            return self._ask(clauses)
        except EspeakFailure as failure:
            if len(clauses) == 1:
                raise TextError(f"eSpeak NG {failure} on {shown(clauses[0])}") from None
        # One of them brought it down: find out which, each in its turn.
        return [self._request([clause])[0] for clause in clauses]

    def _ask(self, clauses: list[str]) -> list[str]:
        if self._worker is None:
            self._worker = _Worker(self._script, self._language)
        try:
            return cast("list[str]", self._worker.ask(clauses, self._answer_seconds))
        except (EspeakFailure, TextError):
            self.close()
            raise


class _Worker:
    def __init__(self, script: Path, language: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(script), language],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="ascii",
        )
        self.close = weakref.finalize(self, _end, self._process)
        self._ready = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # A pipe cannot be read with a time limit on every system; a queue can.
        arguments = (self._process.stdout, self._lines)
        threading.Thread(target=_forward, args=arguments, daemon=True).start()

    def ask(self, clauses: list[str], seconds: float) -> object:
        if not self._ready:
            problem = self._reply(START_SECONDS)
            if problem is not None:
                raise TextError(f"eSpeak NG cannot be loaded: {problem}")
            self._ready = True
        stdin = cast("IO[str]", self._process.stdin)
        try:
            stdin.write(json.dumps(clauses) + "\n")
            stdin.flush()
        except OSError:
            raise EspeakFailure("crashed") from None
        return self._reply(seconds)

    def _reply(self, seconds: float) -> object:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise EspeakFailure(f"did not answer within {seconds:g} s") from None
        if not line:
            raise EspeakFailure("crashed")
        return json.loads(line)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    with suppress(OSError):
        cast("IO[str]", process.stdin).close()


def _forward(lines: IO[str], into: queue.SimpleQueue[str]) -> None:
    with lines:
        for line in lines:
            into.put(line)
    into.put("")


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The codes of the languages eSpeak NG speaks, sorted, as its voice files give them."""
    import espeakng_loader

    folder = Path(espeakng_loader.get_data_path()) / "lang"
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        raise TextError(f"eSpeak NG has no languages in {folder}: reinstall espeakng-loader")
    lines = [path.read_text(encoding="utf-8") for path in files]
    found = [re.search(r"^language\s+(\S+)", text, re.MULTILINE) for text in lines]
    return tuple(sorted({match[1] for match in found if match}))


def require_language(language: str) -> None:
    """Raise the `TextError` for a language eSpeak NG does not speak."""
    known = languages()
    if language in known:
        return
    near = get_close_matches(language.lower(), known, n=1, cutoff=0.5)
    guess = f", did you mean {near[0]!r}?" if near else ";"
    raise TextError(f"unknown language {shown(language)}{guess} eSpeak NG knows {', '.join(known)}")
