# SPDX-License-Identifier: Apache-2.0
"""How long things may take, computed from the configuration alone; all in seconds.

These are the protocols' own figures. What a demonstration allows on top of them is named where it is added.
"""

from __future__ import annotations

from bascule.model.base import Seconds
from bascule.model.configuration import Configuration, RealServerConfig, VrrpInstance

DOWN_ADVERTS = 3
"""Adverts missed before an active counts as gone (RFC 3768 6.1, Master_Down_Interval)."""


def skew(instance: VrrpInstance) -> Seconds:
    """Skew_Time: the lower the priority, the later (RFC 3768 6.1; RFC 9568 6.1 scales it by the interval)."""
    share = (256 - instance.priority) / 256
    return Seconds(share if instance.version == 2 else share * instance.advert_interval)


def failover(backup: VrrpInstance) -> Seconds:
    """From the active's last advert to `backup` being active: three advert intervals and its skew time."""
    return Seconds(DOWN_ADVERTS * backup.advert_interval + skew(backup))


def removal(server: RealServerConfig) -> Seconds:
    """From a real server's fault to its removal: the longest of its checks' loop, and every retry after it.

    For a fault that refuses connections; one that swallows them would add `connect_timeout` to each attempt.
    """
    return Seconds(max((c.delay_loop + c.retry * c.delay_before_retry for c in server.checks), default=0.0))


def recovery(server: RealServerConfig) -> Seconds:
    """From a real server's recovery to its return: one loop of the slowest check."""
    return Seconds(max((c.delay_loop for c in server.checks), default=0.0))


def first_verdicts(configuration: Configuration) -> Seconds:
    """From the start until every check has had one attempt: the longest warm-up, which is at most a loop."""
    checks = [c for v in configuration.virtual_servers for r in v.real_servers for c in r.checks]
    return Seconds(max((c.delay_loop if c.warmup is None else c.warmup for c in checks), default=0.0))
