"""`straighttalk evaluate`: figures of a voice beside natural speech."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.data.store import Utterance, write_header, write_split
from tts.cli.evaluating import is_complete
from tts.speech import Span
from tts.synthesizer import Synthesizer

TEXTS = ("Hello there.", "How are you?", "This is fine.")


@pytest.fixture
def features(tmp_path, straighttalk):
    """A store of three noises of one second that pretend to be speech."""
    rng = np.random.default_rng(0)
    items = [
        (Utterance(f"u/{i}", 22050, text), 0.1 * rng.standard_normal(22050).astype(np.float32))
        for i, text in enumerate(TEXTS)
    ]
    write_split(tmp_path / "features", "test", iter(items))
    write_header(tmp_path / "features", 22050)
    return tmp_path / "features"


@pytest.fixture
def evaluate(straighttalk, tiny_voice, features):
    """`straighttalk evaluate` of the tiny voice on the noises."""

    def call(*arguments):
        return straighttalk("evaluate", "-v", tiny_voice, "--features", "features", *arguments)

    return call


def test_copies_are_measured_at_every_step_count(evaluate, tmp_path):
    """One row a system in the file, figures with intervals as JSON."""
    ran = evaluate("--metrics", "mel", "--vocoder-steps", "1,3", "--limit", 2, "--json",
                   "--results", "RESULTS.md", "--output-dir", "out", "--note", "noise")  # fmt: skip
    assert ran.code == 0, ran.err
    (summary,) = ran.json()
    assert set(summary["copies"]) == {"griffin-lim", "1 step", "3 steps"}
    figure = summary["copies"]["3 steps"]["log_mel_l1"]
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert summary["utterances"] == 2
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    table = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert table.count("noise") == 3
    assert "| 3 steps |" in table
    assert len((tmp_path / "out" / "copies.jsonl").read_text().splitlines()) == 6


def test_results_grow(evaluate, tmp_path):
    """A second run appends its rows to the first one's table."""
    for _ in range(2):
        ran = evaluate("--metrics", "mel", "--vocoder-steps", "1", "--results", "RESULTS.md")
        assert ran.code == 0, ran.err
    table = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert table.count("## Copy-synthesis") == 1
    assert table.count("| 1 step |") == 2
    assert "| 1 step |" in ran.out.decode()


def test_speech_is_measured_beside_the_recordings(evaluate, tmp_path):
    """The recogniser hears both; the speech is kept, and its alignments are complete."""
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    ran = evaluate("--metrics", "words", "--json", "--output-dir", "out", "--steps", 1)
    assert ran.code == 0, ran.err
    (summary,) = ran.json()
    assert "copies" not in summary
    assert set(summary["speech"]) == {"natural", "synthetic"}
    assert summary["speech"]["natural"]["word_error_rate"]["value"] >= 0
    assert summary["broken_alignments"] == []
    assert summary["rtf"] > 0
    names = sorted(p.name for p in (tmp_path / "out" / "speech").iterdir())
    assert names == ["u_0.wav", "u_1.wav", "u_2.wav"]


def test_broken_alignments_are_noticed(tiny_voice):
    """Overlapping, empty, missing and early-ending phonemes."""
    from dataclasses import replace

    speech = Synthesizer.from_pretrained(tiny_voice).synthesize("Hello there.")
    assert is_complete(speech)
    first, second, *rest = speech.phonemes
    empty = Span(first.text, first.start_seconds, first.start_seconds)
    late = Span(first.text, first.start_seconds, second.end_seconds)
    for broken in ((empty, second, *rest), (late, second, *rest), (), speech.phonemes[:-2]):
        assert not is_complete(replace(speech, phonemes=tuple(broken)))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--metrics", "mel", "--split", "train"], 1, "no split 'train'"),
        (["--metrics", "mel", "--features", "nowhere"], 1, "nowhere"),
        (["--metrics", "mle"], 1, "did you mean 'mel'"),
        (["--metrics", "mel", "--limit", "0"], 1, "limit is 0"),
        (["--metrics", "mel", "--workers", "0"], 1, "workers is 0"),
        (["--metrics", "mel", "--steps", "0"], 1, "steps is 0"),
        (["--metrics", "mel", "--vocoder-steps", "1,x"], 2, "'1,x'"),
        (["--metrics", "mel", "--vocoder-steps", "0"], 2, "'0'"),
        (["--metrics", "mel", "--vocoder-steps", ""], 2, "''"),
        (["--metrics", "mel", "--no-copies"], 1, "no metric was chosen"),
    ],
)
def test_a_mistake_is_named(evaluate, tmp_path, arguments, code, said):
    """And no results are written."""
    ran = evaluate(*arguments, "--results", "RESULTS.md")
    assert ran.code == code
    assert said in ran.error()
    assert not (tmp_path / "RESULTS.md").exists()
