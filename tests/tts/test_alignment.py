"""Monotonic alignment search against enumeration of every alignment."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import generator
from tts.alignment import log_density, monotonic_durations


def alignments(tokens, frames):
    """Every way to give each token at least one frame."""
    for cuts in itertools.combinations(range(1, frames), tokens - 1):
        edges = [0, *cuts, frames]
        yield [b - a for a, b in itertools.pairwise(edges)]


def total(score, durations):
    owner = torch.repeat_interleave(torch.tensor(durations))
    return float(score[owner, torch.arange(len(owner))].sum())


def lengths(*values):
    return torch.tensor(values)


SIZES = [(n, t) for n in range(1, 6) for t in range(n, 8)]


def test_search_finds_the_best_of_all_alignments():
    """It has the largest score of all monotonic and complete alignments, for N <= 5, T <= 7."""
    for (tokens, frames), seed in itertools.product(SIZES, range(3)):
        score = torch.randn(1, tokens, frames, generator=generator(seed))
        found = monotonic_durations(score, lengths(tokens), lengths(frames))[0].tolist()
        best = max(alignments(tokens, frames), key=lambda d: total(score[0], d))
        assert found == best, (tokens, frames, seed)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 9), st.integers(0, 30), st.integers(0, 2**16))
def test_durations_are_complete(tokens, more, seed):
    """Every token has a frame and together they have all, also where many alignments tie."""
    frames = tokens + more
    score = torch.randn(1, tokens, frames, generator=generator(seed)).round()
    found = monotonic_durations(score, lengths(tokens), lengths(frames))[0]
    assert int(found.min()) >= 1
    assert int(found.sum()) == frames


def test_padding_is_ignored():
    """Items of a padded batch get the durations they get alone, and padded tokens none."""
    score = torch.full((3, 5, 7), torch.nan)
    sizes = [(5, 7), (2, 6), (3, 3)]
    for index, (tokens, frames) in enumerate(sizes):
        score[index, :tokens, :frames] = torch.randn(tokens, frames, generator=generator(index))
    found = monotonic_durations(score, *map(torch.tensor, zip(*sizes, strict=True)))
    for index, (tokens, frames) in enumerate(sizes):
        alone = monotonic_durations(
            score[index : index + 1, :tokens, :frames], lengths(tokens), lengths(frames)
        )
        assert found[index, :tokens].tolist() == alone[0].tolist()
        assert found[index, tokens:].sum() == 0


def test_clear_means_are_followed():
    """A mel made of its tokens' means gives their durations back."""
    mean = torch.randn(1, 6, 4, generator=generator())
    durations = torch.tensor([3, 1, 4, 2])
    mel = mean.repeat_interleave(durations, dim=2)
    found = monotonic_durations(log_density(mean, mel), lengths(4), lengths(10))
    assert found[0].tolist() == durations.tolist()


@pytest.mark.parametrize(
    ("tokens", "frames", "message"),
    [
        (4, 3, "item 1 has 4 tokens and only 3 frames"),
        (0, 3, "from 1 to 5"),
        (6, 7, "from 1 to 5"),
        (4, 8, "at most 7"),
    ],
)
def test_impossible_sizes_are_refused(tokens, frames, message):
    """Fewer frames than tokens have no complete alignment; other sizes lie outside the scores."""
    with pytest.raises(ValueError, match=message):
        monotonic_durations(torch.zeros(2, 5, 7), lengths(2, tokens), lengths(4, frames))


def test_log_density_is_the_unit_gaussian():
    """log N(mel_j; mean_i, I), from torch.distributions."""
    mean = torch.randn(2, 6, 3, generator=generator(), dtype=torch.float64)
    mel = 3 * torch.randn(2, 6, 5, generator=generator(1), dtype=torch.float64)
    normal = torch.distributions.Independent(
        torch.distributions.Normal(mean.transpose(1, 2)[:, :, None], 1.0), 1
    )
    expected = normal.log_prob(mel.transpose(1, 2)[:, None])
    torch.testing.assert_close(log_density(mean, mel), expected, rtol=0, atol=1e-9)


def test_log_density_keeps_its_digits_under_autocast():
    """In bfloat16 the scores of nearly equal tokens would be noise."""
    mean = torch.randn(1, 80, 4, generator=generator())
    mel = 2 * torch.randn(1, 80, 9, generator=generator(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = log_density(mean, mel)
    torch.testing.assert_close(half, log_density(mean, mel), rtol=0, atol=1e-4)
