"""`straighttalk likelihood`: figures that add up, and one sentence for each mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
import torch

from core.data.store import Utterance, write_header, write_split
from text.symbols import symbol_table_hash
from tts.cli.scoring import Score, summary
from tts.likelihood import mel_log_likelihood
from tts.synthesizer import Synthesizer

RATE = 22050
TEXT = "Go."


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A store of two gliding noises with phonemes."""
    directory = tmp_path_factory.mktemp("store") / "features"
    rng = np.random.default_rng(0)
    items = [
        (
            Utterance(f"u/{i}", 5000, "x", ids=[5 + i, 9, 14, 20]),
            0.1 * rng.standard_normal(5000 + 256 * i).astype(np.float32),
        )
        for i in range(2)
    ]
    write_split(directory, "test", iter(items))
    write_header(directory, RATE, symbols=symbol_table_hash())
    return directory


@pytest.fixture
def recording(tmp_path):
    """A quarter of a second of noise."""
    sound = 0.1 * np.random.default_rng(1).standard_normal(5600)
    soundfile.write(tmp_path / "noise.wav", sound, RATE)
    return "noise.wav"


@pytest.fixture
def likelihood(straighttalk, tiny_voice):
    """The command with the tiny voice and few steps."""

    def call(what, *arguments, steps=2):
        given = [] if steps is None else ["--steps", steps]
        return straighttalk("likelihood", what, "-v", tiny_voice, *given, *arguments)

    return call


def test_likelihood_command_sums_up_a_split(likelihood, features):
    """All nats by all dimensions, 80 bands of 20 and 21 frames; bits are -nats / ln 2."""
    (facts,) = likelihood("mel", "--features", features, "--shuffle", "--json").json()
    assert [r["id"] for r in facts["recordings"]] == ["u/0", "u/1"]
    assert [r["dims"] for r in facts["recordings"]] == [80 * 20, 80 * 21]
    assert [r["nfe"] for r in facts["recordings"]] == [8, 8]
    total = sum(r["nats"] for r in facts["recordings"])
    assert facts["nats_per_dim"] == pytest.approx(total / (80 * 41))
    assert facts["bits_per_dim"] == pytest.approx(-total / (80 * 41) / math.log(2))
    assert len(facts["shuffled"]["recordings"]) == 2
    assert facts["shuffled"]["nats_per_dim"] != facts["nats_per_dim"]


def test_likelihood_command_says_what_the_library_says(likelihood, recording, tiny_voice):
    """The text through the frontend, the mel through the contract, the seed through."""
    found = likelihood("mel", recording, "--text", TEXT, "--seed", 3, "--json").json()[0]
    voice = Synthesizer.from_pretrained(tiny_voice, device="cpu")
    sound, _ = soundfile.read(recording, dtype="float32")
    log_mel = voice.vocoder.mel(torch.from_numpy(sound))[None]
    ids = torch.tensor([voice.frontend.process(TEXT).ids])
    expected = mel_log_likelihood(
        voice.acoustic, ids, torch.tensor([ids.shape[1]]), log_mel,
        torch.tensor([log_mel.shape[2]]), [0.0, 0.5, 1.0], probes=2, seeds=[3],
    )  # fmt: skip
    assert found["recordings"][0]["nats"] == pytest.approx(float(expected.nats), rel=1e-6)


def test_likelihood_command_scores_a_waveform(likelihood, recording):
    """Cut to its middle and to whole frames; a line for a person."""
    ran = likelihood("waveform", recording, "--seconds", 0.1)
    assert ran.code == 0, ran.err
    (line,) = ran.out.decode().splitlines()
    assert line.startswith("noise ")
    for unit in ("nats/dim", "bits/dim", "8 evaluations"):
        assert unit in line
    (facts,) = likelihood("waveform", recording, "--seconds", 0.1, "--json").json()
    assert facts["recordings"][0]["dims"] == round(0.1 * RATE) // 256 * 256


def test_summary_of_equal_likelihoods_has_no_error():
    """Two recordings of the same nats per dimension, whatever their lengths; one tells nothing."""
    scores = [Score("a", -10.0, 10, 3.0, 8, 1.0), Score("b", -30.0, 30, 4.0, 8, 1.0)]
    facts = summary(scores)
    assert facts["nats_per_dim"] == -1
    assert facts["standard_error"] == 0
    assert facts["probe_standard_error"] == pytest.approx(5 / 40)
    assert summary(scores[:1])["standard_error"] is None


def test_summary_states_the_error_of_its_mean():
    """1,000 corpora of 50: the mean's own spread is the stated error, within 10 %."""
    rng = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(1000):
        dims = rng.integers(50, 150, 50)
        nats = dims * (-1 + 0.2 * rng.standard_normal(50))
        scores = [Score("", n, int(d), 0.0, 1, 0.0) for n, d in zip(nats, dims, strict=True)]
        facts = summary(scores)
        means.append(facts["nats_per_dim"])
        errors.append(facts["standard_error"])
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mel"], "give either recordings or --features, and not both"),
        (["mel", "noise.wav"], "1 recordings and 0 texts: give --text once for each recording"),
        (["mel", "noise.wav", "--text", TEXT * 9], "its text is not what it says"),
        (["mel", "no.wav", "--text", TEXT], "no such file or directory"),
        (["waveform", "noise.wav", "--exact"], "at most 4096 are allowed: use --probes"),
        (["mel", "noise.wav", "--text", TEXT, "--seconds", "1"], "--seconds is for waveform"),
        (["mel", "noise.wav", "--text", TEXT, "--probes", "0"], "--probes is 0; it must be from 1"),
        (["mel", "noise.wav", "--text", TEXT, "--method", "rk45"], "rk45 finds its own steps"),
        (["mel", "noise.wav", "--text", TEXT, "--method", "rk5"], "did you mean 'rk45'"),
        (["mel", "noise.wav", "--text", TEXT, "--speaker", "ann"], "has one speaker"),
        (["waveform", "noise.wav", "--text", TEXT], "--text is for mel"),
        (["waveform", "noise.wav", "--shuffle"], "--shuffle is for mel"),
        (["waveform", "noise.wav", "--exact", "--probes", "2"], "--exact takes no probes"),
        (["waveform", "noise.wav", "--seconds", "0"], "it must be from 0.05 to 600"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_likelihood_command_refuses_in_one_sentence(likelihood, recording, arguments, sentence):
    """What was given, and what is allowed."""
    ran = likelihood(*arguments)
    assert ran.code in (1, 2)
    assert sentence in ran.error()
