"""The table of the mutation drill still fits the code; the drill itself is run apart."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DRILL = runpy.run_path(str(ROOT / "tests" / "mutation_drill.py"))
MUTANTS = DRILL["MUTANTS"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_mutants_line_stands_in_its_file_once(mutant):
    """Else the drill would falsify nothing, or something else."""
    assert DRILL["fragment_count"](mutant) == 1
    assert mutant.mutated != mutant.original


@pytest.mark.parametrize("tests", sorted({mutant.tests for mutant in MUTANTS}))
def test_mutants_tests_exist(tests):
    """The file part of the node that must fail."""
    assert (ROOT / tests.partition("::")[0]).is_file()


def test_mutants_claims_are_told_apart():
    """One row, one claim."""
    claims = [mutant.claim for mutant in MUTANTS]
    assert len(set(claims)) == len(claims) >= 12
