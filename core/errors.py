"""One exception for every mistake a user can make, and the sentence it says."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A mistake in what the user gave; its message is one sentence that says how to mend it."""


def unknown_name(kind: str, name: object, choices: Iterable[str], where: str = "") -> InputError:
    """Build the error for a name that is not among the known ones.

    Args:
        kind: What the name is of, such as "method" or "speaker".
        name: The name the user typed.
        choices: The names that are allowed, in the order to show them.
        where: The file, option or key the name stood in; left out of the sentence when empty.

    Returns:
        The error to raise, with the nearest choice suggested when there is one.

    Example:
        >>> str(unknown_name("method", "eular", ["euler", "rk4"], where="--method"))
        "unknown method 'eular' in --method, did you mean 'euler'? Allowed: euler, rk4"
    """
    known = [str(choice) for choice in choices]
    lowered = {choice.lower(): choice for choice in reversed(known)}
    near = get_close_matches(str(name).lower(), list(lowered), n=1, cutoff=0.6)
    place = f" in {where}" if where else ""
    guess = f", did you mean {lowered[near[0]]!r}? Allowed: " if near else "; allowed: "
    return InputError(f"unknown {kind} {name!r}{place}{guess}{', '.join(known) or 'none'}")
