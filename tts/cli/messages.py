"""What is said to the user, all of it on stderr: notes, progress, errors."""

from __future__ import annotations

import sys
import threading
import time
from difflib import get_close_matches
from types import TracebackType
from typing import Any

import typer

# Whatever takes longer shows that it is alive.
PATIENCE_SECONDS = 2.0
PLAIN_INTERVAL_SECONDS = 10.0
# Typer exports no other name for the class of all its complaints.
Complaint: Any = typer.BadParameter.__mro__[2]


def tell(message: str, *, quiet: bool = False) -> None:
    """Write a line to stderr."""
    if not quiet:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


class Progress:
    """A progress bar on stderr that appears only when a job takes its time.

    On a terminal it is a bar; elsewhere it is a plain line every ten seconds.

    Args:
        title: What is going on.
        total: Units in all, or None when nobody knows.
        unit: Their name.
        quiet: Whether to show nothing.
    """

    def __init__(
        self, title: str, total: int | None = None, unit: str = "characters", quiet: bool = False
    ) -> None:
        self.title, self.total, self.unit, self.quiet = title, total, unit, quiet
        self.done = 0
        self._bar: Any = None
        self._lock = threading.Lock()
        self._finished = False
        self._spoken_at = time.monotonic()
        self._timer = threading.Timer(PATIENCE_SECONDS, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Progress:
        """Begin to wait."""
        if not self.quiet and sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._timer.cancel()
        with self._lock:
            self._finished = True
            if self._bar is not None:
                self._bar.stop()

    def advance(self, units: int = 1) -> None:
        """Count units as done."""
        with self._lock:
            self.done += units
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=self.done)
                return
        now = time.monotonic()
        if not sys.stderr.isatty() and now - self._spoken_at > PLAIN_INTERVAL_SECONDS:
            self._spoken_at = now
            of_all = "" if self.total is None else f" of {self.total:,}"
            tell(f"{self.title}: {self.done:,}{of_all} {self.unit}", quiet=self.quiet)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._finished:
                return
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self.title, total=self.total, completed=self.done)
            self._bar.start()


def explain(error: BaseException) -> tuple[str, int] | None:
    """One sentence and the exit code for a mistake or mishap that is no fault of the program.

    Args:
        error: What was raised.

    Returns:
        The sentence and the code, or None for an error of another kind.
    """
    from core.errors import InputError
    from text.errors import TextError

    if isinstance(error, Complaint):
        return _usage(error), 2
    if isinstance(error, InputError | TextError):
        return str(error), 1
    if isinstance(error, OSError):
        reason = (error.strerror or str(error)).rstrip(".")
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{reason[:1].lower()}{reason[1:]}", 1
    if isinstance(error, MemoryError):
        return "there is not enough memory for this", 1
    return None


def _usage(error: Any) -> str:
    option = getattr(error, "option_name", None)
    if option and "No such option" in error.message:
        near = get_close_matches(option, error.possibilities or (), n=1, cutoff=0.0)
        return f"unknown option {option}" + (f", did you mean {near[0]}?" if near else "")
    message = " ".join(error.format_message().split())
    return f"{message[:1].lower()}{message[1:]}"
