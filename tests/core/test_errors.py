"""The user error and its suggestions."""

from __future__ import annotations

import doctest

import pytest

import core.errors
from core.errors import InputError, unknown_name


def test_input_error_is_a_value_error():
    """Callers that know nothing of this project can catch it."""
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize(
    ("name", "guess"),
    [("kathlen", "'Kathleen'"), ("KATHLEEN", "'Kathleen'"), ("bob", None), (7, None)],
)
def test_unknown_name_suggests_the_nearest_and_lists_all(name, guess):
    """One sentence with the name, where it stood, and the choices."""
    said = str(unknown_name("voice", name, ["Kathleen", "VCTK"], where="config.yaml"))
    assert said.startswith(f"unknown voice {name!r} in config.yaml")
    assert said.endswith("llowed: Kathleen, VCTK")
    assert ("did you mean" in said) == (guess is not None)
    assert guess is None or guess in said


def test_unknown_name_among_none_says_so():
    """An empty list of choices is still a sentence."""
    assert str(unknown_name("speaker", "p225", [])) == "unknown speaker 'p225'; allowed: none"


def test_examples_in_docstrings_are_true():
    """The doctest runs."""
    assert doctest.testmod(core.errors).failed == 0
