"""Giving freed memory back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None


def give_back() -> bool:
    """Give back what was freed, where the C library keeps it, as glibc does.

    Batches of ever different sizes leave holes in glibc's heap, so that a server's resident memory
    grows though nothing is lost.

    Returns:
        Whether the C library has this.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)
    return trim is not None
