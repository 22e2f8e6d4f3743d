# SPDX-License-Identifier: Apache-2.0
"""5,000 schedules of what networks, machines and operators do: every rule holds in every one of them.

One test for each core, because processes share the work badly with other tests that want both.
"""

from __future__ import annotations

import pytest

from tests.simulation.crowd import BLOCK, Block, blocks, version_of
from tests.simulation.generator import generate
from tests.simulation.regressions import REGRESSIONS, Regression
from tests.simulation.runs import report, run, run_all, with_faults
from tests.simulation.tally import Tally

SCHEDULES = 5_000
PARTS = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_rule_holds_and_everything_occurs(part: int) -> None:
    tally = Tally()
    for block in list(blocks(SCHEDULES))[part::PARTS]:
        finding = run_all(range(block.first, block.first + block.count), block.version, tally)
        assert finding is None, report(finding)
    assert tally.schedules == SCHEDULES / PARTS
    assert tally.missing() == []


@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda entry: f"{entry.version}-{entry.seed}")
def test_what_once_failed_holds(regression: Regression) -> None:
    finding = run(with_faults(generate(regression.seed, regression.version), regression.faults))
    assert finding is None, report(finding)


def test_blocks_cover_the_seeds_with_both_versions() -> None:
    found = list(blocks(2 * BLOCK + 1, start=7))
    assert found == [Block(2, 7, BLOCK), Block(3, 7 + BLOCK, BLOCK), Block(2, 7 + 2 * BLOCK, 1)]
    assert version_of(1) == 3
