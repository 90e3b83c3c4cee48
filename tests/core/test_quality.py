"""Quality in a word."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.quality import changes_for

KNOWN = {"fast": {"steps": 1, "rounds": None}, "best": {"steps": 10, "rounds": 100}}


@pytest.mark.parametrize(
    ("quality", "changes"),
    [
        (None, {}),
        ("balanced", {}),
        ("fast", {"steps": 1}),
        ("best", {"steps": 10, "rounds": 100}),
    ],
)
def test_quality_changes_what_it_names(quality, changes):
    """What is null stays, and the middle one is the default."""
    assert changes_for(quality, KNOWN) == changes


def test_model_without_qualities_keeps_its_defaults():
    """A voice of before says the same in all of them."""
    assert changes_for("fast", {}) == {}


def test_unknown_quality_is_named_with_those_there_are():
    """The sentence offers the nearest."""
    with pytest.raises(InputError, match="quality 'fst'.*'fast'"):
        changes_for("fst", KNOWN)
