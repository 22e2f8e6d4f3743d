# SPDX-License-Identifier: Apache-2.0
"""What there is to say of a track script's runs. Pure; `rise` and `fall` themselves are weighed in bascule.vrrp."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True, kw_only=True)
class Count:
    """The runs of one script so far."""

    rise: int = 1
    fall: int = 1
    status: int | None = None
    """Of the last run; None = there was none."""
    runs: int = 0
    """Runs in a row that were up, or down."""

    @property
    def up(self) -> bool | None:
        """The last run exited with 0; None = there was none."""
        return None if self.status is None else self.status == 0

    def take(self, status: int) -> bool:
        """Count a run; whether it is to be told: until `rise` or `fall` is reached, and at another status."""
        up = status == 0
        told = self.status is None or status != self.status
        self.runs = self.runs + 1 if up == self.up else 1
        self.status = status
        return told or self.runs <= (self.rise if up else self.fall)
