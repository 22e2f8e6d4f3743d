# SPDX-License-Identifier: Apache-2.0
"""How soon a role that died starts again, and how long a vrrp role that died stays backup. Time is an argument."""

from __future__ import annotations

import dataclasses

FIRST_PAUSE = 0.1
"""Seconds before the first restart."""

LONGEST_PAUSE = 30.0

HEALTHY_AFTER = 60.0
"""Seconds of life after which a death counts as the first again."""

FIRST_HOLD = 30.0
"""Seconds that instances stay backup after the first crash of the vrrp role, while a peer is heard."""

LONGEST_HOLD = 3600.0


@dataclasses.dataclass(slots=True)
class RestartPolicy:
    """The deaths of one role."""

    deaths: int = 0
    """Ever."""
    in_row: int = 0
    holds: int = 0

    def pause_after(self, lived: float) -> float:
        """Count a death after `lived` seconds; the seconds to wait before the next start."""
        if lived >= HEALTHY_AFTER:
            self.in_row = 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self.in_row)
        self.deaths += 1
        self.in_row += 1
        return pause

    def hold_after(self, lived: float) -> float:
        """The crash hold in seconds: doubles with each crash, and begins anew after ten holds' time without one."""
        if self.holds and lived >= 10 * self._hold(self.holds - 1):
            self.holds = 0
        hold = self._hold(self.holds)
        self.holds += 1
        return hold

    @staticmethod
    def _hold(crashes: int) -> float:
        return min(LONGEST_HOLD, FIRST_HOLD * 2.0**crashes)
