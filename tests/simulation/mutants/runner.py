# SPDX-License-Identifier: Apache-2.0
"""Defects in how the machine is driven."""

from __future__ import annotations

from bascule.vrrp.events import Timeout
from tests.simulation.mutants.loading import Mutant
from tests.simulation.router import Router


class TimersFirst(Router):
    """Looks at the timers before it has read what waits."""

    def round(self) -> None:
        """Timers, then the rest."""
        self.timers()
        super().round()

    def timers(self) -> None:
        """Nothing is handed in before."""
        assert self.machine is not None
        if self.deadline <= self.now:
            self.handle(Timeout())


class Obliging(Router):
    """Takes over as long as its ticket is good, though the active has gone on."""

    patience = 1.0


MUTANTS = (
    Mutant(name="no_drain", what="a timer is called while adverts wait in the socket", router=TimersFirst),
    Mutant(name="stale_request", what="acts on a request that it reads too late", router=Obliging),
)
