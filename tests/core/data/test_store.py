"""The utterance store: samples and facts stay together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.data.store import Utterance, UtteranceStore, write_header, write_split
from core.errors import InputError


def write(directory: Path, lengths: tuple[int, ...] = (5, 0, 7)) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    waves = [rng.uniform(-1, 1, n) for n in lengths]
    items = [(Utterance(f"u{i}", 0, f"a\u2028{i}", [i]), w) for i, w in enumerate(waves)]
    write_split(directory, "train", items)
    write_header(directory, 8000, symbols="abc")
    return waves


def test_store_gives_back_every_utterance(tmp_path: Path) -> None:
    """Within half a 16-bit step, in order, an empty one and odd characters included."""
    waves = write(tmp_path)
    store = UtteranceStore(tmp_path, "train")
    assert (len(store), store.total_samples, store.sample_rate_hz) == (3, 12, 8000)
    assert [u.text for u in store.utterances] == ["a\u20280", "a\u20281", "a\u20282"]
    for index, wave in enumerate(waves):
        assert store.utterances[index].samples == len(wave)
        read = store.waveform(index)
        assert read.dtype == torch.float32
        np.testing.assert_allclose(read.numpy(), wave, atol=0.51 / 32767)


def test_store_clips_and_never_wraps(tmp_path: Path) -> None:
    """Samples beyond full scale become full scale of the same sign."""
    write_split(tmp_path, "train", [(Utterance("u", 0), np.array([1.5, -1.5, 1.0, -1.0]))])
    write_header(tmp_path, 8000)
    assert UtteranceStore(tmp_path, "train").waveform(0).tolist() == [1.0, -1.0, 1.0, -1.0]


def test_store_window_reads_across_utterances(tmp_path: Path) -> None:
    """A window sees the split as one stream."""
    waves = write(tmp_path)
    window = UtteranceStore(tmp_path, "train").window(3, 6).numpy()
    np.testing.assert_allclose(window, np.concatenate(waves)[3:9], atol=0.51 / 32767)


def test_store_without_header_is_incomplete(tmp_path: Path) -> None:
    """The header comes last, so a killed run is noticed."""
    write(tmp_path)
    (tmp_path / "store.json").unlink()
    with pytest.raises(InputError, match=r"no store\.json.*stage 2"):
        UtteranceStore(tmp_path, "train")


def test_store_notices_missing_samples(tmp_path: Path) -> None:
    """Samples and facts of different runs do not go together."""
    write(tmp_path)
    audio = tmp_path / "train.i16"
    audio.write_bytes(audio.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"holds 11 samples where .* counts 12"):
        UtteranceStore(tmp_path, "train")


@pytest.mark.parametrize(("content", "sentence"), [("{", "damaged"), ('{"format": 9}', "format 9")])
def test_store_refuses_a_foreign_header(tmp_path: Path, content: str, sentence: str) -> None:
    """A header of another format or none at all."""
    write(tmp_path)
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(InputError, match=sentence):
        UtteranceStore(tmp_path, "train")


def test_store_names_a_split_that_is_not_there(tmp_path: Path) -> None:
    """One sentence instead of a missing file's trace."""
    write(tmp_path)
    with pytest.raises(InputError, match="no split 'test'"):
        UtteranceStore(tmp_path, "test")
