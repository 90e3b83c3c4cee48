"""Keeping freed memory, and giving it back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")

HOLES = """
import ctypes, psutil
from core.memory import give_back
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
size, count = 100_000, 2000  # below the size that the system itself would map
blocks = [libc.malloc(size) for _ in range(count)]
for block in blocks:
    ctypes.memset(block, 1, size)
for block in blocks[:-1]:
    libc.free(block)
before = psutil.Process().memory_info().rss
assert give_back()
print(before - psutil.Process().memory_info().rss)
"""

FAULTS = """
import ctypes, resource
from core.memory import keep_freed
assert keep_freed()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
size, count = 2_000_000, 20
def use():
    blocks = [libc.malloc(size) for _ in range(count)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks:
        libc.free(block)
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(program: str) -> int:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return int(done.stdout)


def test_holes_are_given_back():
    """Of 200 MB freed beneath one block that stays, nearly all leaves the process."""
    assert run(HOLES) > 150_000_000


def test_kept_memory_costs_no_page_twice():
    """Of 40 MB that are used, freed and used again ten times, hardly a page of 98,000 is new."""
    assert run(FAULTS) < 1000
