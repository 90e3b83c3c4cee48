"""Intervals of means and ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from core.errors import InputError
from tts.evaluation.statistics import Estimate, mean, mean_difference, ratio, ratio_difference


def sample(count: int = 200, seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).normal(3.0, 0.5, count).tolist()


def test_mean_interval_is_the_normal_one_for_many_values() -> None:
    """mean +- 1.96 s / sqrt(n), to the noise of 2,000 draws."""
    values = sample()
    half = 1.96 * float(np.std(values)) / math.sqrt(len(values))
    found = mean(values)
    assert found.value == pytest.approx(float(np.mean(values)))
    assert found.low == pytest.approx(found.value - half, abs=0.1 * half)
    assert found.high == pytest.approx(found.value + half, abs=0.1 * half)
    assert found.count == 200


def test_intervals_are_scipys() -> None:
    """Its percentile bootstrap of a mean and of a ratio of sums."""
    rng = np.random.default_rng(0)
    words = rng.integers(5, 15, 60).astype(float)
    errors = rng.binomial(words.astype(int), 0.2).astype(float)
    theirs = bootstrap(
        (errors, words), lambda e, w, axis=-1: e.sum(axis) / w.sum(axis), paired=True,
        method="percentile", n_resamples=5000, rng=0,
    ).confidence_interval  # fmt: skip
    ours = ratio(errors.tolist(), words.tolist())
    assert ours.value == pytest.approx(errors.sum() / words.sum())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """95 of 100, within the binomial noise of 300 trials and the bootstrap's optimism at n = 60."""
    hits = 0
    for trial in range(300):
        found = mean(sample(60, trial), trial, resamples=400)
        hits += found.low <= 3.0 <= found.high
    assert 0.90 <= hits / 300 <= 0.98


def test_pairing_takes_the_difficulty_out() -> None:
    """Two systems that differ by 0.1 on every utterance differ by 0.1, exactly."""
    values = sample()
    found = mean_difference([value + 0.1 for value in values], values)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_ratio_difference_is_the_difference_of_the_ratios() -> None:
    """3 / 20 - 1 / 20, one utterance better and two worse."""
    errors, others, words = [2.0, 0.0, 1.0], [0.0, 1.0, 0.0], [10.0, 5.0, 5.0]
    found = ratio_difference(errors, others, words)
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(-0.2)
    assert found.high == pytest.approx(0.2)


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another seed another one, about as wide."""
    values = sample(30)
    assert mean(values, 7) == mean(values, 7)
    assert mean(values, 7) != mean(values, 8)


def test_one_utterance_has_no_width() -> None:
    """Nothing can be said of the spread."""
    assert mean([2.5]) == Estimate(2.5, 2.5, 2.5, 1)


def test_an_estimate_reads_as_a_figure_with_its_interval() -> None:
    """Signed where it is a difference."""
    estimate = Estimate(0.0514, -0.01, 0.1, 60)
    assert estimate.text(2) == "0.05 [-0.01, 0.10]"
    assert estimate.text(signed=True) == "+0.051 [-0.010, +0.100]"


def test_figures_that_mean_nothing_are_refused() -> None:
    """None at all, not finite, not paired, nothing to divide by."""
    with pytest.raises(InputError, match="no utterances"):
        mean([])
    with pytest.raises(InputError, match="not finite"):
        mean([1.0, math.nan])
    with pytest.raises(InputError, match="2 and 1 figures"):
        mean_difference([1.0, 2.0], [1.0])
    with pytest.raises(InputError, match="2 and 1 figures"):
        ratio_difference([1.0, 2.0], [1.0], [3.0, 4.0])
    with pytest.raises(InputError, match="1 and 2 figures"):
        ratio([1.0, 2.0], [3.0])
    with pytest.raises(InputError, match="above 0, not 0"):
        ratio([1.0, 2.0], [3.0, 0.0])
