"""The likelihood of the shipped voice; apart, since a mutated copy of the tree has no voices."""

from __future__ import annotations

import torch

from core.flow import make_grid
from tests.tiny import generator
from tts.likelihood import mel_log_likelihood
from tts.synthesizer import Synthesizer


def test_likelihood_of_the_shipped_voices_speech_is_above_that_of_its_frames_shuffled():
    """By more than half a nat an element, though their durations are searched anew."""
    voice = Synthesizer.from_pretrained("kathleen", device="cpu")
    ids = torch.tensor([voice.frontend.process("Go.").ids])
    lengths = torch.tensor([ids.shape[1]])
    mel = voice.acoustic.synthesise(ids, lengths, [0], temperature=1.0).log_mel.clone()
    frames = torch.tensor([mel.shape[2]])
    order = torch.randperm(mel.shape[2], generator=generator(0))

    def nats(log_mel):
        grid = make_grid("uniform", 4)
        found = mel_log_likelihood(
            voice.acoustic, ids, lengths, log_mel, frames, grid, "midpoint", seeds=[0]
        )
        return float(found.nats_per_dim)

    assert nats(mel) > nats(mel[:, :, order]) + 0.5
