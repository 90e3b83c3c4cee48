"""Optimal-transport coupling against every permutation, and what it must not change."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.tiny import SPEC, generator
from tts.coupling import optimal_coupling


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed))


def cost(noise, rest):
    return float((noise - rest).double().square().sum())


@pytest.mark.parametrize("seed", range(6))
def test_four_frames_are_coupled_as_well_as_can_be(seed):
    """The cost is the least of all 24 permutations."""
    noise, rest = draw(1, 3, 4, seed=seed), draw(1, 3, 4, seed=seed + 100)
    coupled = optimal_coupling(noise, rest, torch.ones(1, 1, 4, dtype=torch.bool))
    costs = [cost(noise[:, :, list(p)], rest) for p in itertools.permutations(range(4))]
    assert cost(coupled, rest) == pytest.approx(min(costs), rel=1e-6)


def test_coupling_costs_no_more_and_permutes_within_items():
    """Each item keeps its own frames of noise, padding its place; the cost falls."""
    noise, rest = draw(3, 5, 40), 0.5 * draw(3, 5, 40, seed=1)
    mask = (torch.arange(40) < torch.tensor([40, 17, 1])[:, None])[:, None]
    coupled = optimal_coupling(noise, rest, mask)
    for item, frames in enumerate((40, 17, 1)):
        own, theirs = noise[item, :, :frames], coupled[item, :, :frames]
        assert sorted(map(tuple, own.T.tolist())) == sorted(map(tuple, theirs.T.tolist()))
        assert cost(theirs, rest[item, :, :frames]) <= cost(own, rest[item, :, :frames])
        assert torch.equal(noise[item, :, frames:], coupled[item, :, frames:])
    assert cost(coupled[0], rest[0]) < 0.8 * cost(noise[0], rest[0])


def test_noise_learns_nothing_of_the_mean():
    """Coupled to what the mean leaves, noise stays uncorrelated with it; to the mel it would not.

    2000 frames of 2 bands: a correlation by chance has deviation 0.016.
    """
    mean, rest, noise = 3 * draw(1, 2, 2000), draw(1, 2, 2000, seed=1), draw(1, 2, 2000, seed=2)
    mask = torch.ones(1, 1, 2000, dtype=torch.bool)

    def correlation(coupled):
        return abs(float(torch.corrcoef(torch.stack([coupled.flatten(), mean.flatten()]))[0, 1]))

    assert correlation(optimal_coupling(noise, rest, mask)) < 0.06
    assert correlation(optimal_coupling(noise, mean + rest, mask)) > 0.9


def test_bands_are_those_of_the_contract():
    """Any number of bands goes through."""
    noise = draw(1, SPEC.n_mels, 7)
    mask = torch.ones(1, 1, 7, dtype=torch.bool)
    assert torch.equal(optimal_coupling(noise, noise, mask), noise)
