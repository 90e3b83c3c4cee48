"""Which freed memory the C library keeps, and giving it back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

# Of glibc's <malloc.h>.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# The largest threshold that glibc takes for blocks, and more than a sentence frees.
LARGEST_BLOCK_BYTES = 32 * 2**20
KEPT_BYTES = 256 * 2**20


@cache
def _of_libc(name: str) -> Callable[..., int] | None:
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):
        return None
    return function


def keep_freed() -> bool:
    """Let the process keep 256 MiB of what it frees, where the C library can, as glibc does.

    By itself glibc returns large blocks and the free end of its heap at once, and the system fills
    every page with zeros before it hands it out again. A network's activations are made and freed
    hundreds of times a sentence: that is up to a tenth of the time.

    Returns:
        Whether the C library has this.
    """
    choose = _of_libc("mallopt")
    if choose is None:
        return False
    blocks = choose(M_MMAP_THRESHOLD, LARGEST_BLOCK_BYTES)
    return bool(choose(M_TRIM_THRESHOLD, KEPT_BYTES) and blocks)


def give_back() -> bool:
    """Give back what was freed, where the C library keeps it, as glibc does.

    Batches of ever different sizes leave holes in glibc's heap, so that a server's resident memory
    grows though nothing is lost.

    Returns:
        Whether the C library has this.
    """
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)
    return trim is not None
