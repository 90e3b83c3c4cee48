"""Means over utterances, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

LEVEL = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: The figure on the utterances themselves.
        low: Lower end of the 95 % interval.
        high: Upper end.
        count: Utterances it rests on.
    """

    value: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3, signed: bool = False) -> str:
        """The figure and its interval, as in "0.231 [0.190, 0.272]"."""
        sign = "+" if signed else ""
        value, low, high = (f"{x:{sign}.{digits}f}" for x in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"


def _bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], count: int, seed: int, resamples: int
) -> Estimate:
    """Percentile bootstrap over utterances (Efron 1979).

    Args:
        statistic: From indices (R, count) of utterances to figures (R,).
        count: Utterances.
        seed: Of the draws.
        resamples: How many.
    """
    if not count:
        raise InputError("there are no utterances to take a mean of")
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(statistic(draws), [tail, 1.0 - tail])
    value = statistic(np.arange(count)[None])[0]
    return Estimate(float(value), float(low), float(high), count)


def _finite(name: str, values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"the {name} hold values that are not finite numbers")
    return array


def mean(values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Mean over utterances with its 95 % bootstrap interval.

    Args:
        values: One figure an utterance.
        seed: The same seed gives the same interval.
        resamples: Bootstrap draws.

    Raises:
        InputError: There are no values, or one is not finite.
    """
    array = _finite("values", values)
    return _bootstrap(lambda draws: array[draws].mean(1), len(array), seed, resamples)


def ratio(
    parts: Sequence[float], wholes: Sequence[float], seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Sum of parts over sum of wholes, such as errors over words: the error rate of a corpus.

    Args:
        parts: One figure an utterance.
        wholes: Likewise, all above 0.
        seed: The same seed gives the same interval, and the same draws for another system.
        resamples: Bootstrap draws, whole utterances at a time.

    Raises:
        InputError: There are none, their numbers differ, or one is not finite or not above 0.
    """
    top, bottom = _finite("parts", parts), _positive(wholes, len(parts))
    return _bootstrap(
        lambda draws: top[draws].sum(1) / bottom[draws].sum(1), len(top), seed, resamples
    )


def mean_difference(
    values: Sequence[float],
    others: Sequence[float],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Mean of value minus other, of the same utterances; pairing takes their difficulty out.

    Raises:
        InputError: There are none, their numbers differ, or one is not finite.
    """
    one, two = _finite("values", values), _finite("values", others)
    _same_length(len(one), len(two))
    return mean((one - two).tolist(), seed, resamples)


def ratio_difference(
    parts: Sequence[float],
    others: Sequence[float],
    wholes: Sequence[float],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Ratio of parts minus ratio of others, of the same utterances over the same wholes.

    Raises:
        InputError: As for `ratio`.
    """
    _same_length(len(parts), len(others))
    excess = _finite("parts", parts) - _finite("parts", others)
    return ratio(excess.tolist(), wholes, seed, resamples)


def _positive(wholes: Sequence[float], count: int) -> np.ndarray:
    array = _finite("wholes", wholes)
    _same_length(len(array), count)
    if (array <= 0).any():
        raise InputError(f"a ratio needs wholes above 0, not {array.min():g}")
    return array


def _same_length(one: int, two: int) -> None:
    if one != two:
        raise InputError(f"{one} and {two} figures cannot be paired")
