# ruff: noqa: T201 (its output is its purpose)
"""Falsify one line at a time and see that the tests notice.

    python tests/mutation_drill.py           all mutants, about a minute
    python tests/mutation_drill.py flow      those whose file or claim contains "flow"
    python tests/mutation_drill.py --list    the table alone

Each mutant is applied to a copy of the packages in a temporary directory, where the tests that must
kill it are run. Exit code 1 when one survives, when its line no longer stands in its file exactly
once, or when the tests fail without any mutant. To add one, add a row to a table in
tests/mutants.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("core", "text", "tts", "vocoder", "tests", "pyproject.toml")
LEFT_OUT = ("__pycache__", ".*_cache", ".hypothesis", "*.safetensors", "*.ckpt", "*.wav", "*.flac")
TIMEOUT_SECONDS = 300


class Mutant(NamedTuple):
    """One falsified line."""

    claim: str
    """What is made wrong."""
    file: str
    """File relative to the root."""
    original: str
    """Fragment that stands in it exactly once."""
    mutated: str
    """What it is replaced by."""
    tests: str
    """The test file, or node, that must fail."""


MUTANTS = tuple(
    Mutant(**row)
    for path in sorted((ROOT / "tests" / "mutants").glob("*.yaml"))
    for row in yaml.safe_load(path.read_text(encoding="utf-8"))
)


class Outcome(NamedTuple):
    """What came of one run of tests."""

    mutant: Mutant | None
    word: str
    seconds: float
    detail: str


def fragment_count(mutant: Mutant, root: Path = ROOT) -> int:
    """How often the fragment stands in its file; 0 also when there is no such file."""
    path = root / mutant.file
    return path.read_text(encoding="utf-8").count(mutant.original) if path.is_file() else 0


def copy_tree(target: Path) -> None:
    """Copy the packages and tests, without weights and caches."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        elif source.is_file():
            shutil.copy2(source, target / name)


def run_tests(directory: Path, targets: Iterable[str]) -> tuple[int, str]:
    """pytest's exit code and the end of its output; to be called in a process of its own."""
    os.chdir(directory)
    sys.path.insert(0, str(directory))
    log = directory / "output.txt"
    with log.open("w", encoding="utf-8") as stream:
        for number in (1, 2):
            os.dup2(stream.fileno(), number)
    if hasattr(signal, "alarm"):
        # The signal's handler raises, so that the test that hangs fails.
        signal.signal(signal.SIGALRM, _stop)
        signal.alarm(TIMEOUT_SECONDS)
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *targets])
    sys.stdout.flush()
    return int(code), log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _stop(number: int, frame: object) -> None:
    raise TimeoutError(f"stopped after {TIMEOUT_SECONDS} s")


def drill(job: tuple[Mutant | None, Sequence[str]]) -> Outcome:
    """Apply a mutant (or none) to a fresh copy and run the tests."""
    mutant, targets = job
    started = time.monotonic()
    if mutant is not None and (count := fragment_count(mutant)) != 1:
        return Outcome(mutant, "LOST", 0.0, f"{mutant.original!r} found {count} times")
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        directory = Path(name)
        copy_tree(directory)
        if mutant is not None:
            path = directory / mutant.file
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(mutant.original, mutant.mutated), encoding="utf-8")
        code, output = run_tests(directory, targets)
        os.chdir(ROOT)
    if mutant is None:
        word = "passed" if code == 0 else "BROKEN"
    else:
        # Other codes mean that no test was run at all, which kills nothing.
        word = {0: "SURVIVED", 1: "killed"}.get(code, "BROKEN")
    return Outcome(mutant, word, time.monotonic() - started, output)


def processes(jobs: int) -> Pool:
    """A pool with a fresh process for each job, the heavy imports shared where the system can."""
    os.environ.update(OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(["torch", "torchdiffeq", "hypothesis", "numpy", "pytest"])
    return context.Pool(jobs, maxtasksperchild=1)


def report(outcome: Outcome) -> bool:
    """Print one line, with the tests' output where something is wrong; True when all is well."""
    claim = outcome.mutant.claim if outcome.mutant else "no mutant"
    file = outcome.mutant.file if outcome.mutant else "all tests named"
    print(f"{outcome.word:9}{outcome.seconds:6.1f} s  {claim}  ({file})", flush=True)
    good = outcome.word in ("killed", "passed")
    if not good:
        print("    " + outcome.detail.strip().replace("\n", "\n    "), flush=True)
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(description="Falsify one line at a time; tests must notice.")
    parser.add_argument("words", nargs="*", help="only mutants whose file or claim has such a word")
    parser.add_argument("--list", action="store_true", help="show the table and run nothing")
    parser.add_argument("--jobs", type=int, default=max(1, min(4, os.cpu_count() or 1)))
    options = parser.parse_args(arguments)
    chosen = [
        mutant
        for mutant in MUTANTS
        if not options.words or any(w in f"{mutant.file} {mutant.claim}" for w in options.words)
    ]
    if not chosen:
        parser.error(f"no mutant matches {' '.join(options.words)}")
    if options.list:
        for mutant in chosen:
            print(f"{mutant.file}: {mutant.claim}\n    - {mutant.original}\n    + {mutant.mutated}")
        return 0
    unmutated = sorted({mutant.tests for mutant in chosen})
    jobs = [(None, unmutated), *[(mutant, [mutant.tests]) for mutant in chosen]]
    started = time.monotonic()
    with processes(options.jobs) as pool:
        good = [report(outcome) for outcome in pool.imap(drill, jobs)]
    killed = sum(good[1:])
    print(f"{killed} of {len(chosen)} mutants killed in {time.monotonic() - started:.0f} s")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
