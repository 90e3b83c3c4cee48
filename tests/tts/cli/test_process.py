"""The command line as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LONG = "This is a sentence that takes a moment. " * 400


def default_signals() -> None:
    """Undo what a parent in the background does to its children: it has them ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment() -> dict[str, str]:
    """The source tree on the path, wherever the process runs."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_help_loads_nothing_heavy():
    """Neither --help nor a usage error loads PyTorch."""
    code = (
        "import sys; from tts.cli import run; run(['say', '--help']); run(['say', '--sped']);"
        "print([m for m in ('torch', 'librosa', 'lightning', 'phonemizer', 'soundfile')"
        " if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_reader_that_leaves_is_no_error(tiny_voice):
    """As in `straighttalk say ... -o - | head -c 100`."""
    command = [sys.executable, "-m", "tts.cli", "say", "-v", str(tiny_voice), LONG, "-o", "-"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(4) == b"RIFF"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_no_part_of_a_file(tiny_voice, tmp_path, number, code):
    """What is half-written is removed, and there is no trace."""
    command = [sys.executable, "-m", "tts.cli", "say", "-v", str(tiny_voice), LONG, "-o", "x.wav"]
    with subprocess.Popen(
        command,
        env=environment(),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        preexec_fn=default_signals,
    ) as process:
        deadline = time.monotonic() + 60
        while not any(p.stat().st_size > 44 for p in tmp_path.iterdir()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(60) == code
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX accounts")
def test_a_book_is_spoken_in_bounded_memory(tiny_voice, tmp_path):
    """100,000 characters take less than 200 MB more than one sentence does."""
    code = (
        "import resource, sys; from tts.cli import run; code = run(sys.argv[1:]);"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    sentence = "The quick brown fox jumps over the lazy dog number {}. "
    peaks = []
    for count in (1, 1850):
        text = "".join(sentence.format(n) for n in range(count))
        (tmp_path / "book.txt").write_text(text, encoding="utf-8")
        arguments = ["say", "-v", str(tiny_voice), "-i", "book.txt", "-o", "book.flac", "--quiet"]
        arguments += ["--speed", "4", "--steps", "1", "--vocoder-steps", "1"]
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment(), cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        status, peak = ran.stdout.split()
        assert status == "0", ran.stderr
        peaks.append(int(peak) / (1 if sys.platform == "linux" else 1024))
    assert len(text) > 100_000
    assert peaks[1] - peaks[0] < 200 * 1024
