"""What the demo allows, so that no visitor can keep it from the others."""

from __future__ import annotations

import time

from core.errors import InputError

MAX_CHARACTERS = 4096
FLOW_CHARACTERS = 200
PAUSE_SECONDS = 60.0
MAX_STEPS = 64
RECORDING_SECONDS = 12.0
UPLOAD_BYTES = 10_000_000
WORK_SECONDS = 300.0
QUEUE_SIZE = 32
# One request at a time of all that need the models, whichever tab asks.
ONE_AT_A_TIME = {"concurrency_limit": 1, "concurrency_id": "models"}
CACHE_CHECK_SECONDS = 300
CACHE_SECONDS = 3600


def check_text(text: str, most: int = MAX_CHARACTERS) -> None:
    """Refuse a text that is too long.

    Raises:
        InputError: It is.
    """
    if len(text) > most:
        raise InputError(f"the text has {len(text):,} characters; at most {most:,} are taken here")


def check_pauses(seconds: float) -> None:
    """Refuse a text whose marks ask for too much silence.

    Raises:
        InputError: They do.
    """
    if seconds > PAUSE_SECONDS:
        raise InputError(
            f"the pauses in the text last {seconds:g} s; at most {PAUSE_SECONDS:g} s are taken here"
        )


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """A number from the page, where a field may also be empty.

    Args:
        name: To call it by.
        value: What the page sent.
        low: Least allowed.
        high: Most allowed.

    Raises:
        InputError: It is no whole number or out of range.
    """
    if isinstance(value, int | float) and float(value).is_integer() and low <= value <= high:
        return int(value)
    raise InputError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")


class Deadline:
    """An end to what one request may cost.

    Args:
        seconds: From now.
    """

    def __init__(self, seconds: float = WORK_SECONDS) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Stop when the time is over.

        Raises:
            InputError: It is.
        """
        if time.monotonic() > self._end:
            raise InputError(
                f"this took longer than the {self._seconds:g} s that a request may take here: "
                "give less text or fewer steps"
            )
