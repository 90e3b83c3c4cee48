"""Requests may name the files that were uploaded, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def only_uploads(gr: Any, demo: Any, folder: Path) -> None:
    """Refuse requests that name another file, or an address.

    Gradio looks at paths only in pages that it serves by itself, not in mounted ones, and fetches
    what is behind an address.

    Args:
        gr: Gradio.
        demo: The page.
        folder: Where uploads are.
    """
    prepare = demo.preprocess_data

    async def checked(function: Any, inputs: Any, *others: Any, **named: Any) -> Any:
        if not all(is_upload(path, folder) for path in paths_in(inputs)):
            raise gr.Error("this file was not uploaded here", print_exception=False)
        return await prepare(function, inputs, *others, **named)

    demo.preprocess_data = checked


def paths_in(value: object) -> Iterator[object]:
    """What stands for paths of files anywhere in a request's values."""
    if isinstance(value, dict):
        if "path" in value:
            yield value["path"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from paths_in(part)


def is_upload(path: object, folder: Path) -> bool:
    """Whether a path from a request is that of a file in a folder, links followed."""
    if not isinstance(path, str) or not Path(path).is_absolute():
        return False
    try:
        return Path(path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):
        # No path at all: too long, or with a NUL in it.
        return False
