# SPDX-License-Identifier: Apache-2.0
"""The priority that stands in adverts: the configured one, changed by what is tracked (keepalived.conf(5))."""

from __future__ import annotations

from bascule.model.base import Priority
from bascule.vrrp.packet import PRIORITY_OWNER

LOWEST, HIGHEST = 1, 254
"""What weights can make of a priority: 0 says farewell, 255 owns the addresses."""

PRIORITY_HELD = Priority(1)
"""After a planned switch: any other router goes first."""


def effective(configured: Priority, change: int) -> Priority:
    """`configured` changed by the sum of all weights, within 1..254; the owner of the addresses keeps its 255."""
    if configured == PRIORITY_OWNER:
        return configured
    return Priority(min(max(configured + change, LOWEST), HIGHEST))
