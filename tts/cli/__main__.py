"""`python -m tts.cli`."""

from __future__ import annotations

from tts.cli import main

main()
