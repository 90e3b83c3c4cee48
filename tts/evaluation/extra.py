"""Packages that only evaluation needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from core.errors import InputError


def need(module: str) -> Any:
    """Import a package of the extra `eval`.

    Args:
        module: Its dotted name.

    Raises:
        InputError: It, or something it needs, is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        how = 'pip install "straighttalk[eval]"'
        raise InputError(f"evaluation needs {error.name}, which is missing: {how}") from error
