"""The vocoder as it is used: mel in, waveform out, one sentence for every mistake."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from core.audio.mel import MelExtractor
from core.checkpoint import save_weights
from core.errors import InputError
from core.voice import VOCODER, VoiceFacts, write_facts
from tests.tiny import SPEC, awaken, generator, vocoder_config, waveform
from vocoder import Vocoder
from vocoder.interface import Sampling
from vocoder.rectified.model import RectifiedVocoder


def network():
    made = RectifiedVocoder(vocoder_config(), SPEC)
    made.mel_mean.fill_(-2.0)
    return awaken(made, deviation=0.1)


@pytest.fixture(scope="module")
def vocoder():
    return Vocoder(network(), Sampling(2, "euler", "uniform", 1, 1, 0.95))


def mel(frames=12, batch=None, seed=0):
    shape = (SPEC.n_mels, frames) if batch is None else (batch, SPEC.n_mels, frames)
    return torch.randn(shape, generator=generator(seed)) - 3


def test_waveform_has_the_mel_s_batch_and_length(vocoder):
    """(M, T) gives (T hop,), (B, M, T) gives (B, T hop), in [-1, 1], on the CPU, in float32."""
    single, several = vocoder.vocode(mel()), vocoder.vocode(mel(batch=3))
    assert single.waveform.shape == (12 * 16,)
    assert several.waveform.shape == (3, 12 * 16)
    assert several.waveform.dtype == torch.float32
    assert several.waveform.abs().max() <= 1
    assert (single.sample_rate_hz, single.nfe) == (8000, 2)


def test_choices_go_before_the_defaults(vocoder):
    """Steps, method and grid are the caller's where given: 3 steps of midpoint are 6 calls."""
    assert vocoder.vocode(mel(), steps=3, method="midpoint").nfe == 6
    assert vocoder.vocode(mel(), grid="0,0.1,0.5,1").nfe == 3


def test_quality_sets_steps_and_rounds_together(vocoder):
    """As if each had been set by hand; steps that are given beside it go before its own."""
    fast = {"steps": 1, "consistency_rounds": 0, "final_rounds": 3}
    graded = Vocoder(vocoder.model, replace(vocoder.defaults, qualities={"fast": fast}))
    by_hand = Vocoder(vocoder.model, replace(vocoder.defaults, **fast))
    made = graded.vocode(mel(), quality="fast")
    assert made.nfe == 1
    assert torch.equal(made.waveform, by_hand.vocode(mel()).waveform)
    assert graded.vocode(mel(), quality="fast", steps=3).nfe == 3
    for quality in (None, "balanced", "best"):
        same = graded.vocode(mel(), quality=quality).waveform
        assert torch.equal(same, vocoder.vocode(mel()).waveform)
    parts = [part.waveform for part in graded.stream(mel(), quality="fast", chunk_frames=4)]
    torch.testing.assert_close(torch.cat(parts), made.waveform, rtol=0, atol=1e-4)


def test_found_grid_is_taken_for_its_steps(vocoder):
    """As if the caller had asked for it; another number of steps and an explicit grid go on."""
    found = Vocoder(vocoder.model, replace(vocoder.defaults, grids={"2": "0,0.2,1"}))
    wanted = vocoder.vocode(mel(), grid="0,0.2,1").waveform
    uniform = vocoder.vocode(mel()).waveform
    assert torch.equal(found.vocode(mel()).waveform, wanted)
    assert not torch.equal(uniform, wanted)
    assert torch.equal(found.vocode(mel(), grid="uniform").waveform, uniform)
    assert found.vocode(mel(), steps=3).nfe == 3


def test_a_seed_belongs_to_its_item(vocoder):
    """The same seed gives the same sound alone, in a batch and given to all."""
    alone = vocoder.vocode(mel(), seed=7).waveform
    pair = vocoder.vocode(torch.stack([mel(), mel()]), seed=[7, 8]).waveform
    both = vocoder.vocode(torch.stack([mel(), mel()]), seed=7).waveform
    torch.testing.assert_close(pair[0], alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(both[1], alone, rtol=0, atol=1e-5)
    assert (pair[0] - pair[1]).abs().max() > 1e-3


def test_masked_batch_is_silent_on_padding(vocoder):
    """Real frames as alone, zeros after them, also where the whole batch is padded."""
    mask = torch.arange(12)[None, None] < torch.tensor([9, 5])[:, None, None]
    made = vocoder.vocode(mel(batch=2), seed=[0, 1], mask=mask).waveform
    alone = vocoder.vocode(mel(batch=2)[1, :, :5], seed=1).waveform
    torch.testing.assert_close(made[1, : 5 * 16], alone, rtol=0, atol=1e-5)
    assert not made[0, 9 * 16 :].any()


@pytest.mark.parametrize("samples", [1, 15, 16, 17, 1001])
def test_any_length_of_audio_can_be_copied(vocoder, samples):
    """Odd lengths are filled up to whole hops."""
    wave = torch.from_numpy(waveform(samples))
    copy = vocoder.vocode(vocoder.mel(wave)).waveform
    assert copy.shape == (-(-samples // 16) * 16,)
    assert torch.isfinite(copy).all()


def test_its_mel_is_the_contract_s(vocoder):
    """`mel` takes (L,) and (B, L)."""
    wave = torch.from_numpy(waveform(400))
    expected = MelExtractor(SPEC)(wave[None])
    assert torch.equal(vocoder.mel(wave), expected[0])
    assert torch.equal(vocoder.mel(wave[None]), expected)


def test_mel_of_another_contract_is_refused(vocoder):
    """The differing field is named with both values."""
    other = SPEC.model_copy(update={"hop_samples": 20})
    with pytest.raises(InputError, match="hop_samples is 16 in the vocoder's and 20 in the mel's"):
        vocoder.vocode(mel(), spec=other)


BAD = {
    "bands": (torch.zeros(5, 12), r"shape \(5, 12\).*takes \(6, frames\)"),
    "transposed": (torch.zeros(12, 6), r"shape \(12, 6\)"),
    "one dimension": (torch.zeros(6), r"shape \(6,\)"),
    "no frames": (torch.zeros(6, 0), r"shape \(6, 0\)"),
    "no items": (torch.zeros(0, 6, 3), r"shape \(0, 6, 3\)"),
    "four dimensions": (torch.zeros(1, 1, 6, 3), r"shape \(1, 1, 6, 3\)"),
    "nan": (torch.full((6, 3), math.nan), "not finite"),
    "infinite": (torch.full((6, 3), math.inf), "not finite"),
    "decibels": (torch.full((6, 3), -80.0), "decibels"),
    "no logs": (torch.full((6, 3), 40.0), "no logs"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_mel_is_refused_in_one_sentence(vocoder, name):
    """Nothing that is no log mel of the contract reaches the network."""
    given, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        vocoder.vocode(given)
    assert "\n" not in str(caught.value)


CHOICES = {
    "method": ({"method": "eular"}, "did you mean 'euler'"),
    "grid": ({"grid": "uniforn"}, "did you mean 'uniform'"),
    "quality": ({"quality": "bets"}, "did you mean 'best'"),
    "steps": ({"steps": 0}, "steps is 0"),
    "seed": ({"seed": -1}, "seed -1"),
    "seeds": ({"seed": [1, 2]}, "2 seeds for 1 items"),
    "mask": ({"mask": torch.ones(1, 1, 5, dtype=torch.bool)}, "mask is"),
    "mask type": ({"mask": torch.ones(1, 1, 12)}, "must be bool"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_bad_choice_is_refused_in_one_sentence(vocoder, name):
    """The value is named, and what is allowed."""
    choice, message = CHOICES[name]
    with pytest.raises(InputError, match=message) as caught:
        vocoder.vocode(mel(), **choice)
    assert "\n" not in str(caught.value)


def test_packaged_vocoder_is_loaded_alone(tmp_path):
    """A voice's vocoder needs neither its acoustic model nor its symbols."""
    directory = tmp_path / "voice"
    directory.mkdir()
    config = vocoder_config()
    facts = VoiceFacts(
        format=1, name="v", language="en-us", licence="CC0-1.0", symbols="", mel=SPEC, acoustic={},
        vocoder=config.model_dump(mode="json"),
    )  # fmt: skip
    write_facts(directory, facts)
    made = network()
    save_weights(directory / VOCODER, made.state_dict())
    loaded = Vocoder.from_pretrained(directory)
    assert loaded.defaults == Sampling(**config.sampling.model_dump())
    direct = Vocoder(made, loaded.defaults).vocode(mel())
    assert torch.equal(loaded.vocode(mel()).waveform, direct.waveform)


def test_vocoder_of_an_unknown_key_is_refused(tmp_path):
    """The file, the key and the nearest known one are named."""
    directory = tmp_path / "voice"
    facts = VoiceFacts(
        format=1, name="v", language="en-us", licence="CC0-1.0", symbols="", mel=SPEC, acoustic={},
        vocoder={"kind": "rectified", "network": {"kind": "stft-convnext", "chanels": 8}},
    )  # fmt: skip
    write_facts(directory, facts)
    with pytest.raises(InputError, match=r"config\.yaml under vocoder.*did you mean 'channels'"):
        Vocoder.from_pretrained(directory)
