"""The demo: `python app.py --voice kathleen --port 7860`, the same as `straighttalk demo`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tts.cli import run
from tts.demo.page import build_demo, launch, mount

__all__ = ["build_demo", "launch", "main", "mount"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the demo until it is interrupted; see `straighttalk demo --help`."""
    return run(["demo", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
