"""The split by prompt: the same everywhere, and of the sizes asked for."""

from __future__ import annotations

from collections import Counter

from core.data.split import split_by_prompt

NAMES = [f"arctic_a{number:04d}" for number in range(500)]


def test_split_has_the_sizes_asked_for() -> None:
    """60 and 20 unless told otherwise; takes of a prompt count once."""
    assert Counter(split_by_prompt(NAMES + NAMES).values()) == {
        "test": 60, "valid": 20, "train": 420,
    }  # fmt: skip
    small = Counter(split_by_prompt(NAMES[:10], test=2, valid=1).values())
    assert small == {"test": 2, "valid": 1, "train": 7}


def test_split_does_not_depend_on_the_order() -> None:
    """Directories list their files in any order."""
    assert split_by_prompt(NAMES) == split_by_prompt(NAMES[::-1])


def test_split_is_that_of_the_shipped_voice() -> None:
    """Digests of names rank the prompts, so these stay held out in every later version.

    The smallest of the 500 digests are 0069f4… of "arctic_a0407" and 00bc3f… of "arctic_a0478".
    """
    splits = split_by_prompt(NAMES, test=2, valid=0)
    assert sorted(name for name, split in splits.items() if split == "test") == [
        "arctic_a0407",
        "arctic_a0478",
    ]


def test_a_prompt_hardly_changes_its_split_when_others_go() -> None:
    """Without one sentence at most one other changes its split at each border."""
    before, after = split_by_prompt(NAMES), split_by_prompt(NAMES[1:])
    assert sum(before[name] != after[name] for name in NAMES[1:]) <= 2
