"""Monotonic alignment search against enumeration of every alignment."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from tests.tiny import generator
from tts.alignment import (
    diagonal_log_prior,
    log_density,
    monotonic_durations,
    window_penalty,
)


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


@pytest.mark.parametrize("factor", [0.05, 1.0, 3.0])
def test_diagonal_prior_is_the_beta_binomial_distribution(factor):
    """log(pmf + 1e-8) of scipy, frame by frame, and 0 on padding."""
    sizes = [(7, 12), (1, 3), (4, 4)]
    found = diagonal_log_prior(*map(torch.tensor, zip(*sizes, strict=True)), factor)
    assert found.shape == (3, 7, 12)
    for item, (tokens, frames) in enumerate(sizes):
        for j in range(1, frames + 1):
            law = betabinom(tokens - 1, factor * j, factor * (frames + 1 - j))
            expected = torch.from_numpy(np.log(law.pmf(np.arange(tokens)) + 1e-8))
            torch.testing.assert_close(found[item, :tokens, j - 1], expected, rtol=0, atol=1e-6)
        assert not found[item, tokens:].any()
        assert not found[item, :, frames:].any()


def test_search_with_the_prior_finds_the_best_of_all_alignments():
    """Score and prior summed, over every alignment of 4 tokens and 8 frames; it changes some."""
    prior = diagonal_log_prior(lengths(4), lengths(8), 1.0)
    changed = 0
    for seed in range(8):
        score = torch.randn(4, 8, generator=generator(seed), dtype=torch.float64)
        both = score + prior[0]
        best = max(alignments(4, 8), key=lambda durations, s=both: total(s, durations))
        assert monotonic_durations(both[None], lengths(4), lengths(8))[0].tolist() == best
        changed += best != monotonic_durations(score[None], lengths(4), lengths(8))[0].tolist()
    assert changed


def test_flat_scores_follow_the_diagonal():
    """With nothing to go by, equal tokens last equally long."""
    prior = diagonal_log_prior(lengths(4), lengths(20), 5.0)
    assert monotonic_durations(prior, lengths(4), lengths(20))[0].tolist() == [5, 5, 5, 5]


def test_windows_decide_wherever_their_tokens_fit():
    """Windows as long as their tokens' durations give those durations, whatever the scores say."""
    durations = torch.tensor([[2, 5, 1, 4]])
    ends = durations.cumsum(1)
    windows = torch.stack([ends - durations, ends], dim=2)
    score = 1000 * torch.randn(1, 4, 12, generator=generator(), dtype=torch.float64)
    found = monotonic_durations(score - window_penalty(windows, 12), lengths(4), lengths(12))
    assert found.tolist() == durations.tolist()


def test_tokens_that_share_a_window_are_searched_inside_it():
    """Two words of two tokens: the best of all alignments that keep the boundary."""
    score = torch.randn(4, 9, generator=generator(5), dtype=torch.float64)
    windows = torch.tensor([[[0, 6], [0, 6], [6, 9], [6, 9]]])
    found = monotonic_durations(
        score[None] - window_penalty(windows, 9), lengths(4), lengths(9)
    )[0].tolist()  # fmt: skip
    kept = [d for d in alignments(4, 9) if d[0] + d[1] == 6]
    assert found == max(kept, key=lambda durations: total(score, durations))


def test_crowded_window_spreads_by_as_little_as_it_can():
    """Three tokens in one frame take one from either side, and none when there is room."""
    windows = torch.tensor([[[0, 4], [4, 5], [4, 5], [4, 5], [5, 9]]])
    penalty = window_penalty(windows, 9)
    found = monotonic_durations(-penalty, lengths(5), lengths(9))
    assert found.tolist() == [[3, 1, 1, 1, 3]]
    assert penalty[0, 1].tolist() == [4e6, 3e6, 2e6, 1e6, 0, 1e6, 2e6, 3e6, 4e6]
