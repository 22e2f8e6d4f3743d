# SPDX-License-Identifier: Apache-2.0
"""The ledger of VRRP's requirements names tests that exist, and nothing stands there without a test or a reason."""

from __future__ import annotations

import ast
import collections
import functools
from pathlib import Path

import pytest

from tests.ledger.requirement import FOUND, Level, Requirement, Standing
from tests.ledger.vrrp_3768 import VERSION_2
from tests.ledger.vrrp_5798 import VERSION_3_BEFORE
from tests.ledger.vrrp_9568 import PROTOCOL
from tests.ledger.vrrp_9568_operation import OPERATION
from tests.simulation.mutants.catalogue import MUTANTS

REQUIREMENTS = (*PROTOCOL, *OPERATION)
ALL = (*REQUIREMENTS, *VERSION_2, *VERSION_3_BEFORE)


@functools.cache
def functions_of(path: Path) -> frozenset[str]:
    """The test functions of a file."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


@pytest.mark.parametrize("requirement", ALL, ids=lambda entry: f"{entry.section}: {entry.what[:40]}")
def test_each_named_test_exists(root: Path, requirement: Requirement) -> None:
    for name in (*requirement.shown, *requirement.against):
        file, function = name.split("::")
        if name.startswith(FOUND):
            assert function.removesuffix("]").partition("[")[2] in MUTANTS, name
        function = function.partition("[")[0]
        assert (root / "tests" / file).is_file(), name
        assert function in functions_of(root / "tests" / file), name


@pytest.mark.parametrize("requirement", ALL, ids=lambda entry: f"{entry.section}: {entry.what[:40]}")
def test_a_demand_has_tests_for_and_against_or_a_reason(requirement: Requirement) -> None:
    both = requirement.shown and requirement.against
    assert both or requirement.why
    assert requirement.standing is Standing.MET or requirement.why
    assert requirement.standing is not Standing.MET or requirement.shown


def test_most_demands_are_met_with_tests_for_and_against() -> None:
    musts = [entry for entry in REQUIREMENTS if entry.level in (Level.MUST, Level.MUST_NOT)]
    standings = collections.Counter(entry.standing for entry in musts)
    assert len(musts) >= 45
    assert standings[Standing.MET] >= 30
    assert standings[Standing.OPEN] <= 1


def test_no_demand_stands_there_twice() -> None:
    for ledger in (REQUIREMENTS, VERSION_2, VERSION_3_BEFORE):
        assert len({(entry.section, entry.what) for entry in ledger}) == len(ledger)
