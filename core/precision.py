"""The precision networks compute in while they are sampled."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from core.flow import Field

Precision = Literal["bf16", "fp32"]
"""Products in bfloat16 where the hardware is made for them, or float32."""
# What a processor must have: without them it multiplies bfloat16 more slowly than float32.
INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


@lru_cache
def multiplies_bfloat16(kind: str) -> bool:
    """Whether a kind of device, "cpu" or another, has instructions for products in bfloat16."""
    if kind == "cpu":
        # Older releases of torch do not say.
        there: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(there.get(name, False) for name in INSTRUCTIONS)
    return kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def in_precision(field: Field, precision: Precision) -> Field:
    """A velocity field whose network computes in a precision; its state and answer keep their own.

    With "bf16" matrix products and convolutions take bfloat16 and add up in float32, on devices
    that `multiplies_bfloat16`; on others the field is left as it is.
    """
    if precision == "fp32":
        return field

    def evaluated(t: Tensor, x: Tensor) -> Tensor:
        kind = x.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=multiplies_bfloat16(kind)):
            return field(t, x).to(x.dtype)

    return evaluated
