"""Speakers by name, in mixtures and by vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from core.config import parse_config
from core.data.store import Utterance, UtteranceStore
from core.errors import InputError
from tests.tiny import SPEC, acoustic_config, acoustic_model, generator, write_store
from tts.config import AcousticConfig
from tts.sentences import Sentences
from tts.speaker_vectors import read_speaker_vector, read_speaker_vectors, utterance_vectors
from tts.speakers import embed_speaker, speaker_shares

NAMES = ("ann", "bob", "c:d")
IDS, LENGTHS = torch.tensor([[3, 1, 4]]), torch.tensor([3])
VECTOR = {"speaker_embedding": "vector", "speaker_vector_channels": 5}


def say(model, speaker):
    durations = torch.full((1, 7), 2)
    return model.synthesise(IDS, LENGTHS, [0], speaker=speaker, durations=durations).log_mel


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("bob", [0, 1, 0]),
        ("c:d", [0, 0, 1]),
        ("ann+bob", [0.5, 0.5, 0]),
        ("ann:3+c:d:1", [0.75, 0, 0.25]),
        ("ann:.5", [1, 0, 0]),
    ],
)
def test_shares_sum_to_one(text, shares):
    """Weights are relative; without weights they are equal."""
    assert speaker_shares(text, NAMES) == pytest.approx(shares)


@pytest.mark.parametrize("text", ["ann+ann", "ann:0+bob:1", "ann:x+bob:1", "ann:-1", "ann:+bob"])
def test_shares_that_make_no_sense_are_refused(text):
    """Twice the same, no weight, a negative one."""
    with pytest.raises(InputError, match="is no mixture: write each name once"):
        speaker_shares(text, NAMES)


def test_unknown_name_in_a_mixture_is_named():
    """With the nearest that is known."""
    with pytest.raises(InputError, match="unknown speaker 'bop', did you mean 'bob'"):
        speaker_shares("ann+bop", NAMES)


def test_mixture_is_the_weighted_mean_of_embeddings():
    """And all of one share is that speaker."""
    model = acoustic_model(speakers=NAMES)
    table = model.speakers.weight
    mixed = embed_speaker(model.speakers, torch.tensor([[0.25, 0.75, 0.0]]))
    torch.testing.assert_close(mixed[0], 0.25 * table[0] + 0.75 * table[1])
    alone, share = torch.tensor([1]), torch.tensor([[0.0, 1.0, 0.0]])
    assert torch.equal(say(model, alone), say(model, share))
    half = say(model, torch.tensor([[0.5, 0.5, 0.0]]))
    assert not torch.equal(half, say(model, alone))


def test_vectors_change_the_voice():
    """A model of vectors says the same text in other voices, and must be given one."""
    model = acoustic_model(**VECTOR)
    draw = torch.randn(2, 1, 5, generator=generator())
    assert (say(model, draw[0]) - say(model, draw[1])).abs().max() > 0.05
    with pytest.raises(InputError, match="knows its speakers by vectors: give one"):
        say(model, None)


def test_names_beside_vectors_are_refused():
    """The model would never see them."""
    with pytest.raises(InputError, match="leave out speakers"):
        parse_config({**VECTOR, "speakers": ["ann"]}, AcousticConfig)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_vectors_are_read_by_their_ids(tmp_path, suffix):
    """float64 comes as float32."""
    arrays = {"ann": np.arange(3.0), "u/7": np.ones(3, np.float32)}
    path = tmp_path / f"x{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        save_file(arrays, path)
    found = read_speaker_vectors(path)
    assert {name: vector.tolist() for name, vector in found.items()} == {
        "ann": [0.0, 1.0, 2.0],
        "u/7": [1.0, 1.0, 1.0],
    }
    assert all(vector.dtype == torch.float32 for vector in found.values())


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a": np.ones(3), "b": np.ones(4)}, "'b' has 4 numbers where 'a' has 3"),
        ({"a": np.ones((2, 3))}, r"'a' has shape \(2, 3\)"),
        ({"a": np.array([1, 2])}, "type int64; a speaker vector is one row of floats"),
        ({"a": np.array([1.0, np.nan])}, "not finite"),
        ({"a": np.array([None, "x"], dtype=object)}, "holds no vectors, or is damaged"),
    ],
)
def test_files_of_other_things_are_refused(tmp_path, arrays, sentence):
    """Pickles are never opened."""
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=sentence):
        read_speaker_vectors(tmp_path / "x.npz")


def test_damaged_or_unknown_files_are_refused(tmp_path):
    """Also a single vector's."""
    for name in ("x.npz", "x.safetensors", "x.npy"):
        (tmp_path / name).write_bytes(b"nothing")
    for name in ("x.npz", "x.safetensors"):
        with pytest.raises(InputError, match="damaged"):
            read_speaker_vectors(tmp_path / name)
    with pytest.raises(InputError, match=r"must be a \.npz or"):
        read_speaker_vectors(tmp_path / "x.npy")
    with pytest.raises(InputError, match=r"no \.npy array"):
        read_speaker_vector(tmp_path / "x.npy")
    with pytest.raises(InputError, match="no such file"):
        read_speaker_vector(tmp_path / "y.npy")
    np.save(tmp_path / "x.npy", np.arange(3.0))
    assert read_speaker_vector(tmp_path / "x.npy") == (0.0, 1.0, 2.0)


def test_an_utterance_has_its_own_vector_or_its_speakers():
    """Its own goes first; without either the utterance is named."""
    utterances = [Utterance("u1", 1, speaker="ann"), Utterance("u2", 1, speaker="ann")]
    vectors = {"ann": torch.zeros(2), "u2": torch.ones(2)}
    found = utterance_vectors(utterances, vectors, 2)
    assert [v.tolist() for v in found] == [[0, 0], [1, 1]]
    with pytest.raises(InputError, match="utterance u1 nor for its speaker 'ann'"):
        utterance_vectors(utterances, {"u2": torch.ones(2)}, 2)
    with pytest.raises(InputError, match="have 2 numbers; .* is 512"):
        utterance_vectors(utterances, vectors, 512)


def test_batches_carry_vectors(tmp_path):
    """One a row; utterances in a row have the mean of theirs."""
    store = UtteranceStore(write_store(tmp_path, train=3, valid=1), "train")
    vectors = {f"train{n}": torch.full((5,), float(n)) for n in range(3)}
    sentences = Sentences.for_model(store, SPEC, acoustic_config(**VECTOR), vectors)
    batch = sentences.batch([(2,), (0, 1)])
    assert batch["speaker"][:, 0].tolist() == [2.0, 0.5]
    with pytest.raises(InputError, match=r"name a file in data\.speaker_vectors"):
        Sentences.for_model(store, SPEC, acoustic_config(**VECTOR))
    with pytest.raises(InputError, match="set acoustic.speaker_embedding to vector"):
        Sentences.for_model(store, SPEC, acoustic_config(), vectors)
