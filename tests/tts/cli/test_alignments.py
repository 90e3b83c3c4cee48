"""`straighttalk alignments`: the worst first, in lines for people and programs."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.store import Utterance, write_header, write_split
from text.symbols import symbol_table_hash

RATE = 22050


@pytest.fixture
def features(tmp_path):
    """A store of three noises, each louder than the one before."""
    rng = np.random.default_rng(0)
    items = [
        (
            Utterance(f"u/{i}", 5120, f"text {i}", ids=[5, 9, 14, 20]),
            10.0 ** (i - 3) * rng.standard_normal(5120).astype(np.float32).clip(-4, 4) / 4,
        )
        for i in range(3)
    ]
    write_split(tmp_path / "features", "train", iter(items))
    write_header(tmp_path / "features", RATE, symbols=symbol_table_hash())
    return tmp_path / "features"


def test_alignments_command_lists_the_worst_first(straighttalk, tiny_voice, features):
    """All facts as JSON, in the order of the scores; for people no more than they asked for."""
    given = ("alignments", "-v", tiny_voice, "--features", features)
    found = straighttalk(*given, "--json").json()
    assert {facts["id"] for facts in found} == {"u/0", "u/1", "u/2"}
    scores = [facts["score"] for facts in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < facts["worst_seconds"] < 5120 / RATE for facts in found)
    ran = straighttalk(*given, "--worst", 1)
    (line,) = ran.out.decode().splitlines()
    assert found[0]["id"] in line
    assert found[0]["text"] in line
    assert "of 3 utterances score 5 or more" in ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--worst", 0), "--worst is 0; it must be at least 1"),
        (("--split", "dev"), "dev"),
    ],
)
def test_alignments_command_refuses(straighttalk, tiny_voice, features, arguments, sentence):
    """In one sentence."""
    ran = straighttalk("alignments", "-v", tiny_voice, "--features", features, *arguments)
    assert ran.code == 1
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
