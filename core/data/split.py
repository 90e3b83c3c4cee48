"""Which sentences a model never hears while it is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def split_by_prompt(prompts: Iterable[str], test: int = 60, valid: int = 20) -> dict[str, str]:
    """Assign prompts to splits, by a digest of their names, so that it is the same everywhere.

    All takes of a sentence go with their prompt: a voice is tested on sentences it never heard.

    Args:
        prompts: Names of the sentences; repetitions count once.
        test: Prompts for testing.
        valid: Prompts for validation.

    Returns:
        "test", "valid" or "train" for each prompt.
    """
    order = sorted(set(prompts), key=lambda prompt: hashlib.sha256(prompt.encode()).hexdigest())
    return {
        prompt: "test" if rank < test else "valid" if rank < test + valid else "train"
        for rank, prompt in enumerate(order)
    }
