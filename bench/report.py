# SPDX-License-Identifier: Apache-2.0
"""The bench's figures as a document: what `bench/dataplane.py --json` writes."""

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
