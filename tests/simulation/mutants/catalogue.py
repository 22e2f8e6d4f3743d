# SPDX-License-Identifier: Apache-2.0
"""All deliberate defects, by name."""

from __future__ import annotations

from tests.simulation.mutants import careful, machine, runner, table, witness
from tests.simulation.mutants.loading import Mutant

_ALL = (*machine.MUTANTS, *table.MUTANTS, *runner.MUTANTS, *careful.MUTANTS, *witness.MUTANTS)

MUTANTS: dict[str, Mutant] = {mutant.name: mutant for mutant in _ALL}
