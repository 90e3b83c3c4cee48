"""Where a voice runs."""

from __future__ import annotations

import torch

from core.errors import InputError, unknown_name


def pick_device(name: str) -> str:
    """Turn "auto" into the best device there is.

    Raises:
        InputError: The device is unknown or not there.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return next(d for d in ("cuda", "mps", "cpu") if there[d])
    if name not in there:
        raise unknown_name("device", name, ["auto", *there])
    if not there[name]:
        raise InputError(f"device {name} is not available here; use cpu or auto")
    return name
