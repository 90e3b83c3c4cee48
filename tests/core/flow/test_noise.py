"""Noise that belongs to an item: seeds, batches, prefixes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.flow import GaussianOracle, make_grid, seeded_noise, solve

ITEMS = st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 40)), min_size=1, max_size=6)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(ITEMS, st.integers(1, 5))
def test_item_gets_the_same_noise_alone_and_in_any_batch(items, width):
    """Padded with zeros, and never touched by its neighbours or by the global generator."""
    seeds = [seed for seed, _ in items]
    torch.manual_seed(0)
    batch = seeded_noise(seeds, [(length, width) for _, length in items])
    torch.rand(3)
    assert batch.dtype == torch.float32
    for row, (seed, length) in zip(batch, items, strict=True):
        assert torch.equal(row[:length], seeded_noise([seed], [(length, width)])[0])
        assert not row[length:].any()


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 60), st.integers(1, 4))
def test_longer_item_begins_with_the_shorter_ones_noise(seed, length, extra, width):
    """Time first: the first frames do not depend on how many follow."""
    short, long = (seeded_noise([seed], [(n, width)])[0] for n in (length, length + extra))
    assert torch.equal(long[:length], short)


def test_noise_is_standard_normal_and_independent_between_seeds():
    """200 items of 1000: means, variances, and correlations of neighbours within 5 SE."""
    noise = seeded_noise(range(200), [(1000,)] * 200).double()
    assert abs(float(noise.mean())) < 5 / 200_000**0.5
    assert abs(float(noise.square().mean()) - 1) < 5 * (2 / 200_000) ** 0.5
    assert abs(float((noise[1:] * noise[:-1]).mean())) < 5 / 199_000**0.5
    assert abs(float((noise[:, 1:] * noise[:, :-1]).mean())) < 5 / 199_800**0.5


@pytest.mark.parametrize("method", ["euler", "heun", "rk45"])
def test_same_seed_gives_the_same_sample_twice_alone_or_in_a_batch(method):
    """Noise and solver together: what comes out for a seed is bit-equal."""
    field = GaussianOracle(0.3, 0.2).velocity
    grid = make_grid("uniform", 8)

    def sample(seeds):
        return solve(field, seeded_noise(seeds, [(6, 3)] * len(seeds)), grid, method).x

    together = sample([7, 8, 9])
    assert torch.equal(together, sample([7, 8, 9]))
    assert torch.equal(together[1:2], sample([8]))
    assert torch.equal(together[[2, 0, 1]], sample([9, 7, 8]))


def test_padding_changes_no_real_frame_of_a_sample():
    """A convolution that sees zeros beyond the end gives a short item the same in a long batch."""
    kernel = torch.randn(3, 3, 5, generator=torch.Generator().manual_seed(0)) / 4

    def field_for(mask):
        def field(t, x):
            masked = (x * mask).transpose(1, 2)
            return torch.nn.functional.conv1d(masked, kernel, padding=2).transpose(1, 2) * mask

        return field

    shapes = [(4, 3), (9, 3)]
    mask = torch.zeros(2, 9, 1)
    mask[0, :4], mask[1] = 1, 1
    grid = make_grid("uniform", 6)
    batch = solve(field_for(mask), seeded_noise([1, 2], shapes), grid, "heun").x
    alone = solve(field_for(torch.ones(1, 4, 1)), seeded_noise([1], shapes[:1]), grid, "heun").x
    torch.testing.assert_close(batch[:1, :4], alone, rtol=0, atol=1e-6)
    assert not batch[0, 4:].any()


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, "1", True, None])
def test_bad_seed_is_refused(seed):
    """A whole number from 0 to 2^63 - 1."""
    with pytest.raises(InputError, match="from 0 to"):
        seeded_noise([seed], [(3,)])


def test_seeds_and_shapes_must_match():
    """One seed an item, one rank for all, at least one item."""
    with pytest.raises(InputError, match="1 seeds for 2 items"):
        seeded_noise([1], [(3,), (4,)])
    with pytest.raises(InputError, match="same rank"):
        seeded_noise([1, 2], [(3,), (4, 2)])
    with pytest.raises(InputError, match="at least one"):
        seeded_noise([], [])
