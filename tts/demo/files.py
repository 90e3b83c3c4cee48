"""What the page fetches: sounds, pictures and subtitles, kept for a while under secret names."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import quote

from torch import Tensor

from core.audio.files import encode_audio


class Files:
    """A folder of files that Gradio serves and removes when they are old.

    Args:
        folder: Gradio's own for temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written: set[str] = set()
        """Paths for Gradio to remove."""

    def put(self, name: str, content: bytes) -> str:
        """Keep a file.

        Args:
            name: As it is to be called when it is saved.
            content: Of it.

        Returns:
            Its address, relative to the page's.
        """
        directory = self._folder / secrets.token_hex(16)
        directory.mkdir(parents=True)
        path = directory / name
        path.write_bytes(content)
        self.written.add(str(path))
        return f"gradio_api/file={quote(path.as_posix())}"

    def put_sound(self, waveform: Tensor, sample_rate_hz: int, name: str = "speech.wav") -> str:
        """Keep a waveform (L,) as a WAV file; see `put`."""
        return self.put(name, encode_audio(waveform, sample_rate_hz, "wav"))
