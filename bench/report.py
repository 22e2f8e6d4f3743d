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


class RowVerdict(Model, frozen=True, kw_only=True):
    """Whether a row keeps its rule. What keepalived took is known, so each says which of the two bounds it was."""

    version: int
    advert_int: float
    fault: str
    rule: str
    """In words."""
    bound_s: float
    found_s: float
    held: bool


class FailoverReport(Model, frozen=True, kw_only=True):
    """What `bench/failover.py --json` writes."""

    runs: int
    """Of which each figure is the median, but for those in `failures`."""
    rows: tuple[FailoverRow, ...]
    verdicts: tuple[RowVerdict, ...] = ()
    """A row that has none could not be measured."""
    failures: tuple[str, ...] = ()
    """Runs that came to no end, and why."""
    costs: tuple[Cost, ...] = ()


class Moment(Model, frozen=True, kw_only=True):
    """Something that happened in a pair that ought to be quiet."""

    at_s: float
    """Since the beginning."""
    what: str
    """`silence`: the active's, of a down interval and more. `promotion`: its backup became active."""
    silence_s: float
    """How long the active had been silent."""
    machine_late_s: float
    """How late a realtime process that does nothing else woke up in that time; 0 = hardly."""
    in_time: bool = False
    """Of a promotion: the active's adverts had left in time."""


class PairEndured(Model, frozen=True, kw_only=True):
    """What became of one pair of directors."""

    program: str
    scheduling: tuple[str, ...]
    """How the kernel schedules the processes of its active, as it says itself."""
    adverts: int
    """Of the active."""
    largest_gap_s: float
    """Between two of them."""
    largest_gap_machine_late_s: float
    """As in `Moment`, in that gap."""
    silences: int
    """Gaps of a down interval and more."""
    promotions: int
    """How often the backup became active."""
    promotions_in_time: int
    """How often although the active's adverts left in time: 0, or a rule is broken."""
    both_active: int
    """How often both were active at once."""
    both_active_s: float
    """How long together."""
    unseen: int
    """Frames that the capture had no room for: with any, the pair cannot be judged."""
    moments: tuple[Moment, ...]
    """The first ones."""


class EnduranceReport(Model, frozen=True, kw_only=True):
    """What `bench/endurance.py --json` writes."""

    seconds: float
    advert_int: float
    down_interval_s: float
    """Of the backup: what a silence must last for it to be right in taking over."""
    processors: int
    busy: float
    """Share of the processors' time that was used: 1 = all of it."""
    stolen: float
    """Share that the host machine gave to others."""
    machine_late_s: float
    """How late a realtime process that does nothing else woke up at worst."""
    pairs: tuple[PairEndured, ...]
    broken: tuple[str, ...]
    """Rules that did not hold, in words."""


class Figures(Model, frozen=True, kw_only=True):
    """Of several runs, seconds."""

    median_s: float
    p95_s: float
    """The smallest that 95 in 100 runs do not exceed."""
    max_s: float


class DeathRow(Model, frozen=True, kw_only=True):
    """One kind of death at one advert interval."""

    death: str
    version: int
    advert_int: float
    formula_s: float
    """What the protocol takes: the backup's skew time, or when nobody is left to say a word its down interval."""
    allowed_s: float
    """For the peer to be active, at p95."""
    active: Figures
    """From the kill to the peer's first advert."""
    active_less_machine: Figures
    """The same, less what the machine itself was late meanwhile."""
    announced: Figures
    """From the kill to the peer's first gratuitous ARP: after its advert it has put the address on, for which it waits
    for the kernel's network lock."""
    lifetime_s: float
    """The most that the kernel keeps the address if nobody takes it off."""
    gone: Figures
    """From the kill to the address's end on the director that died."""
    machine_late_s: float
    """The worst that a realtime process of this machine was late in any run; less than 3 ms is not noticed."""


class DeathReport(Model, frozen=True, kw_only=True):
    """What `bench/deaths.py --json` writes."""

    runs: int
    rows: tuple[DeathRow, ...]
