# SPDX-License-Identifier: Apache-2.0
"""The benches' figures as documents: what `--json` writes."""

from __future__ import annotations

from bascule.model.base import Model


class BenchRow(Model, frozen=True, kw_only=True):
    """One case: CPU nanoseconds a packet by program, the driver's own taken off."""

    case: str
    mac_swap: float
    """The least that a director can do: swap the MACs and send."""
    yardstick: float
    """A director on the kernel's own hash maps, 16-byte keys."""
    bascule: float
    """Ours."""
    ratio: float
    """Ours to the yardstick's."""
    target: float | None = None
    """The most that the ratio may be; None = not judged."""


class BenchReport(Model, frozen=True, kw_only=True):
    """A whole run."""

    kernel: str
    """The release of the kernel it ran on."""
    rounds: int
    """Of which each figure is the median."""
    rows: tuple[BenchRow, ...]


class Took(Model, frozen=True, kw_only=True):
    """What one program needed, medians in seconds."""

    last_advert_to_garp_s: float
    """From the active's last advert to its successor's first gratuitous ARP."""
    first_answer_s: float
    """From the same advert to its successor's first answer; of a planned switch: in which nobody answered."""


class FailoverRow(Model, frozen=True, kw_only=True):
    """One fault at one advert interval."""

    version: int
    advert_int: float
    fault: str
    formula_s: float
    """What the protocol itself takes."""
    bascule: Took | None = None
    keepalived: Took | None = None


class Cost(Model, frozen=True, kw_only=True):
    """What one director costs, all its processes together."""

    program: str
    instances: int
    active_percent: float
    """Of one processor."""
    backup_percent: float
    resident_mib: float


class FailoverReport(Model, frozen=True, kw_only=True):
    """What `bench/failover.py --json` writes."""

    runs: int
    rows: tuple[FailoverRow, ...]
    costs: tuple[Cost, ...]
