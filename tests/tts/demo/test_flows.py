"""The walk from noise to speech."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from tts.demo.comparing import STEPS, Choices, compare
from tts.demo.flow_answers import flow_of
from tts.demo.flows import Flow, bend_profile, mel_flow, walk, wave_flow

TEXT = "Hello there."


def test_the_walk_of_the_mel_ends_where_the_synthesizer_does(synthesizer):
    """Same noise, grid and solver: the same mel and sound."""
    utterance = synthesizer.frontend.process(TEXT)
    nodes = walk(mel_flow(synthesizer, utterance, 3), 4, "heun", "power:2")
    speech = synthesizer.synthesize(
        TEXT, speaker="ann", seed=3, steps=4, method="heun", grid="power:2"
    )
    torch.testing.assert_close(nodes[-1].here, speech.mel)
    assert [node.t for node in nodes] == pytest.approx([0, 1 / 16, 1 / 4, 9 / 16, 1])
    heard = synthesizer.vocoder.vocode(speech.mel, seed=3).waveform
    torch.testing.assert_close(nodes[-1].waveform, heard, atol=1e-4, rtol=0)


def test_the_walk_of_the_wave_ends_where_the_vocoder_does(synthesizer):
    """Without mel consistency, its flow alone."""
    mel = synthesizer.synthesize(TEXT, speaker="ann").mel
    nodes = walk(wave_flow(synthesizer, mel, 5), 3, "euler", "uniform")
    model = synthesizer.vocoder.model
    sampling = synthesizer.vocoder.defaults
    plain = sampling.__class__(3, "euler", "uniform", 0, 0, 0.0)
    wanted = model.generate(mel[None], [5], plain).waveform[0].clamp(-1, 1)
    torch.testing.assert_close(nodes[-1].waveform, wanted, atol=1e-5, rtol=0)
    assert nodes[0].here.shape == mel.shape


def test_the_last_state_points_at_itself(synthesizer):
    """x + (1 - t) u is x at t = 1; on the first it is the Euler step to the end."""
    flow = flow_of(synthesizer, "mel", TEXT, 0)
    nodes = walk(flow, 2, "euler", "uniform")
    assert torch.equal(nodes[-1].ahead, nodes[-1].here)
    (_, end) = walk(flow, 1, "euler", "uniform")
    torch.testing.assert_close(nodes[0].ahead, end.here)


@pytest.mark.parametrize(("speed", "straight"), [(lambda t: 1.0, True), (lambda t: 2 * t, False)])
def test_the_bends_of_known_paths(speed, straight):
    """Constant speed bends nothing; u = 2 t c is (1 - 2 t)^2 of the displacement off."""
    c = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(0))
    flow = Flow(lambda t, x: speed(t) * c, torch.zeros_like(c), lambda x: x[0], lambda x: x)
    times, values = bend_profile(flow, 20)
    wanted = [0.0 if straight else (1 - 2 * t) ** 2 for t in times]
    assert values == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("halves", "evaluations"),
    [("both", [(n, n) for n in STEPS]), ("mel", [(n, 2) for n in STEPS]),
     ("vocoder", [(2, n) for n in STEPS])],
)  # fmt: skip
def test_the_steps_of_the_halves(synthesizer, halves, evaluations):
    """Euler's evaluations are its steps; the other half keeps its own."""
    made = list(compare(synthesizer, "Hi.", Choices(halves, "euler", "uniform")))
    assert [number for number, _ in made] == list(STEPS)
    assert [(s.acoustic_nfe, s.vocoder_nfe) for _, s in made] == evaluations


@pytest.mark.parametrize(
    ("choices", "text", "sentence"),
    [
        (Choices("all"), "Hi.", "'all' cannot be changed"),
        (Choices(method="magic"), "Hi.", "unknown method 'magic'"),
        (Choices(grid="0,2"), "Hi.", "last"),
        (Choices(), "x" * 201, "201 characters"),
    ],
)
def test_choices_that_cannot_be(synthesizer, choices, text, sentence):
    """One sentence."""
    with pytest.raises(InputError, match=sentence):
        list(compare(synthesizer, text, choices))


def test_there_is_no_third_flow(synthesizer):
    """A key that the page does not have."""
    with pytest.raises(InputError, match="no flow 'x'"):
        flow_of(synthesizer, "x", TEXT, 0)
