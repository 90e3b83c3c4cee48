"""Butcher's order conditions, from the rooted trees themselves."""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np
import pytest

from core.flow import DORMAND_PRINCE, METHODS, Tableau

ALL = {**METHODS, "dormand-prince": DORMAND_PRINCE}
Tree = tuple  # a rooted tree is the sorted tuple of the trees above its root


@cache
def forests(vertices: int) -> frozenset[Tree]:
    """All multisets of rooted trees with so many vertices in all."""
    if vertices == 0:
        return frozenset({()})
    found = set()
    for first in range(1, vertices + 1):
        for tree in forests(first - 1):  # a tree of n vertices is a forest of n - 1 above a root
            for rest in forests(vertices - first):
                found.add(tuple(sorted((tree, *rest))))
    return frozenset(found)


def size(tree: Tree) -> int:
    return 1 + sum(map(size, tree))


def density(tree: Tree) -> int:
    return size(tree) * prod(map(density, tree))


def stage_weights(tree: Tree, a: np.ndarray) -> np.ndarray:
    """Product over the branches of A times the branch's own weights."""
    result = np.ones(len(a))
    for branch in tree:
        result = result * (a @ stage_weights(branch, a))
    return result


def matrix(tableau: Tableau) -> np.ndarray:
    a = np.zeros((tableau.stages, tableau.stages))
    for row, weights in enumerate(tableau.a):
        a[row, : len(weights)] = weights
    return a


def residuals(b: np.ndarray, a: np.ndarray, order: int) -> list[float]:
    trees = [tree for vertices in range(1, order + 1) for tree in forests(vertices - 1)]
    return [float(b @ stage_weights(tree, a)) - 1 / density(tree) for tree in trees]


def test_rooted_trees_are_counted_as_known():
    """There are 1, 1, 2, 4, 9 rooted trees of 1 to 5 vertices (OEIS A000081)."""
    assert [len(forests(n - 1)) for n in range(1, 6)] == [1, 1, 2, 4, 9]


@pytest.mark.parametrize("name", ALL)
def test_tableau_satisfies_all_conditions_of_its_order(name):
    """A method has order p if and only if sum b Phi(tree) = 1 / gamma(tree) up to p vertices."""
    tableau = ALL[name]
    assert np.allclose(
        residuals(np.array(tableau.b), matrix(tableau), tableau.order), 0, atol=1e-14
    )


@pytest.mark.parametrize("name", ALL)
def test_tableau_claims_no_less_than_its_order(name):
    """Some condition of order p + 1 fails, so that the claim is exact."""
    tableau = ALL[name]
    errors = residuals(np.array(tableau.b), matrix(tableau), tableau.order + 1)
    assert max(map(abs, errors)) > 1e-4


@pytest.mark.parametrize("name", ALL)
def test_tableau_stage_times_are_row_sums(name):
    """c_i = sum_j a_ij, and the method is explicit."""
    tableau = ALL[name]
    assert np.allclose(matrix(tableau).sum(1), tableau.c, atol=1e-14)
    assert [len(row) for row in tableau.a] == list(range(tableau.stages))


def test_embedded_method_has_order_four_exactly():
    """The lower method of Dormand-Prince fulfils order 4 and fails order 5."""
    assert DORMAND_PRINCE.b_error is not None
    b = np.array(DORMAND_PRINCE.b) - np.array(DORMAND_PRINCE.b_error)
    a = matrix(DORMAND_PRINCE)
    assert np.allclose(residuals(b, a, 4), 0, atol=1e-14)
    assert max(map(abs, residuals(b, a, 5))) > 1e-5


def test_last_stage_of_dormand_prince_is_the_next_first():
    """First same as last: the last row of A is b, at c = 1."""
    assert DORMAND_PRINCE.a[-1] == DORMAND_PRINCE.b[:-1]
    assert DORMAND_PRINCE.b[-1] == 0
    assert DORMAND_PRINCE.c[-1] == 1
