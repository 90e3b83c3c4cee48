"""Streaming: parts laid end to end are what the whole mel gives at once."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from tests.tiny import SPEC, awaken, generator, vocoder_config
from vocoder import Vocoder
from vocoder.interface import Sampling
from vocoder.rectified.config import DilatedConfig, StftConvNeXtConfig
from vocoder.rectified.model import RectifiedVocoder
from vocoder.streaming import GROWTH, MOST_FRAMES, parts

NETWORKS = {
    "stft": StftConvNeXtConfig(n_fft=32, channels=8, blocks=2, kernel=3, mel_blocks=1),
    "dilated": DilatedConfig(
        layers=4, channels=8, skip_channels=8, dilation_cycle=4, time_channels=8, time_width=8
    ),
}


@cache
def vocoder(kind="stft", preconditioned=True, rounds=1):
    config = vocoder_config(network=NETWORKS[kind], preconditioned=preconditioned)
    made = RectifiedVocoder(config, SPEC)
    made.mel_mean.fill_(-6.0)
    sampling = Sampling(2, "euler", "uniform", rounds, rounds, 0.95)
    return Vocoder(awaken(made, deviation=0.2), sampling)


def mel(frames, seed=0):
    """So quiet that no sample is clipped, which would hide its error."""
    return torch.randn(SPEC.n_mels, frames, generator=generator(seed)) - 7


def sounds(stream):
    return [part.waveform for part in stream]


@given(st.integers(1, 4000), st.integers(1, 700), st.none() | st.integers(0, 300))
def test_parts_cover_a_mel_once_with_their_context(frames, chunk_frames, context):
    """Kept frames follow each other from 0 to the end; each part reads its context or the end."""
    cut = list(parts(frames, chunk_frames, context))
    assert [part.start for part in cut] == [0, *(part.end for part in cut[:-1])]
    assert cut[-1].end == frames
    for start, end, first, last in cut:
        assert start < end
        assert first == 0 or start - first == context
        assert last == frames or last - end == context


@given(st.integers(1, 600), st.integers(0, 300))
def test_parts_grow_and_are_bounded(chunk_frames, context):
    """Memory: no part reads more than the longest length and two contexts."""
    cut = list(parts(100_000, chunk_frames, context))
    longest = max(chunk_frames, MOST_FRAMES)
    assert max(part.last - part.first for part in cut) <= longest + 2 * context
    sizes = [part.end - part.start for part in cut[:-1]]
    assert sizes[0] == chunk_frames
    assert all(a <= b <= GROWTH * a for a, b in pairwise(sizes))


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 300), st.integers(1, 80), st.integers(0, 1000))
def test_stream_is_what_the_whole_mel_gives(frames, chunk_frames, seed):
    """For every length, first part and seed, to 2e-6; the first part is as long as asked."""
    ours, wanted = vocoder(), mel(frames, seed)
    chunks = sounds(ours.stream(wanted, chunk_frames=chunk_frames, seed=seed))
    whole = ours.vocode(wanted, seed=seed).waveform
    assert len(chunks[0]) == chunk_frames * SPEC.hop_samples or len(chunks) == 1
    torch.testing.assert_close(torch.cat(chunks), whole, atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("kind", "preconditioned", "choices"),
    [
        ("stft", True, {"steps": 1}),
        ("stft", True, {"steps": 3, "method": "midpoint", "grid": "sway:-1"}),
        ("stft", False, {"grid": "0,0.2,1"}),
        ("dilated", True, {}),
        ("dilated", False, {"steps": 2, "method": "heun"}),
    ],
)
def test_every_network_and_method_streams_the_same_sound(kind, preconditioned, choices):
    """The context follows the network's reach and the number of its evaluations."""
    ours, wanted = vocoder(kind, preconditioned), mel(260)
    chunks = sounds(ours.stream(wanted, chunk_frames=20, **choices))
    assert len(chunks) > 2
    whole = ours.vocode(wanted, **choices).waveform
    torch.testing.assert_close(torch.cat(chunks), whole, atol=2e-6, rtol=0)


@pytest.mark.parametrize("method", ["rk45", "sde:0.5"])
def test_methods_that_need_the_whole_mel_come_in_one_part(method):
    """An adaptive step and a step's fresh noise belong to the whole: one part, sample by sample."""
    ours, wanted = vocoder(), mel(40)
    (chunk,), whole = (
        ours.stream(wanted, chunk_frames=2, method=method),
        ours.vocode(wanted, method=method),
    )
    assert torch.equal(chunk.waveform, whole.waveform)
    assert (chunk.sample_rate_hz, chunk.nfe) == (whole.sample_rate_hz, whole.nfe)


@pytest.mark.parametrize("preconditioned", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_call_of_the_network_reaches_no_farther_than_it_says(kind, preconditioned):
    """Autograd's word: a sample's gradient is zero in every frame beyond the context of a step."""
    model = vocoder(kind, preconditioned).model
    reach = model.context_frames(Sampling(1, "euler", "uniform", 0, 0, 0.0))
    frames = 2 * reach + 21
    log_mel = mel(frames)[None].requires_grad_()
    x = torch.randn(1, frames * SPEC.hop_samples, generator=generator(1), requires_grad=True)
    middle = frames // 2 * SPEC.hop_samples
    answer = model.field(log_mel)(torch.tensor(0.5), x)
    answer[0, middle : middle + SPEC.hop_samples].square().sum().backward()
    for gradient in (log_mel.grad[0].T, x.grad.reshape(frames, -1)):
        heard = gradient.abs().amax(1).nonzero().flatten()
        assert len(heard)
        assert (heard - frames // 2).abs().max() <= reach


def test_mistakes_are_told_before_the_first_part():
    """A batch, a shape, a length or a foreign mel: a sentence, when the stream is asked for."""
    ours = vocoder()
    with pytest.raises(InputError, match="takes one mel"):
        ours.stream(mel(10)[None])
    with pytest.raises(InputError, match="chunk_frames is 0; it must be 1 or more"):
        ours.stream(mel(10), chunk_frames=0)
    with pytest.raises(InputError, match="not finite"):
        ours.stream(mel(10) * torch.inf)
    with pytest.raises(InputError, match="method"):
        next(ours.stream(mel(10), method="eular"))


@pytest.fixture(scope="module")
def spoken():
    """The shipped voice's mel of a sentence, what it gives at once, and in parts."""
    from tts.synthesizer import Synthesizer

    voice = Synthesizer.from_pretrained(device="cpu")
    speech = voice.synthesize("Then the sun came out.")
    chunks = sounds(voice.vocoder.stream(speech.mel, chunk_frames=8))
    return speech.waveform, chunks


def test_shipped_voice_streams_what_it_says_at_once(spoken):
    """Thirty rounds and all, to 1e-4 of full scale."""
    whole, chunks = spoken
    assert len(chunks) > 2
    torch.testing.assert_close(torch.cat(chunks), whole, atol=1e-4, rtol=0)


def test_seams_do_not_click(spoken):
    """A click is a jump: second differences across a seam are no larger than around it."""
    whole, chunks = spoken
    bends = torch.cat(chunks).diff(n=2).abs()
    seam = 0
    for chunk in chunks[:-1]:
        seam += len(chunk)
        around = bends[seam - 1024 : seam + 1024]
        assert bends[seam - 2 : seam + 1].max() <= around.max()
        # Nor does the seam bend in another way than the whole does there.
        assert (bends - whole.diff(n=2).abs())[seam - 2 : seam + 1].abs().max() < 1e-4
