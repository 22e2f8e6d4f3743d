# SPDX-License-Identifier: Apache-2.0
"""How long a backup waits: the RFCs' Skew_Time and Active_Down_Interval (RFC 3768 6.1, RFC 9568 6.1), in seconds."""

from __future__ import annotations

import functools

from bascule.model.base import Priority, Seconds


def skew_time(version: int, priority: Priority, interval: Seconds) -> Seconds:
    """How much longer a lower priority waits: seconds in version 2, parts of the interval in version 3."""
    share = (256 - priority) / 256
    return Seconds(share if version == 2 else share * interval)


@functools.lru_cache
def down_interval(version: int, priority: Priority, interval: Seconds, adverts: int = 3) -> Seconds:
    """How long an active may be silent: three adverts, unless configured otherwise, and the skew time."""
    return Seconds(adverts * interval + skew_time(version, priority, interval))
