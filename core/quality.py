"""How much work goes into what is made, in a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from core.errors import unknown_name

Quality = Literal["fast", "balanced", "best"]
"""The least work that sounds well, a model's own defaults, or work without regard to time."""
QUALITIES: tuple[Quality, ...] = get_args(Quality)
Departure = Literal["fast", "best"]
"""A quality that departs from the defaults."""


def changes_for(quality: str | None, qualities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What a quality changes in a model's defaults.

    Args:
        quality: A name of `QUALITIES`; None is "balanced".
        qualities: Settings by quality, None where the default stays.

    Raises:
        InputError: There is no such quality.
    """
    if quality is None or quality == "balanced":
        return {}
    if quality not in QUALITIES:
        raise unknown_name("quality", quality, QUALITIES)
    settings = qualities.get(quality, {})
    return {name: value for name, value in settings.items() if value is not None}
