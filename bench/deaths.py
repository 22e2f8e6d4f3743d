# SPDX-License-Identifier: Apache-2.0
"""How long nobody has the address when processes of the active are killed, and how long it stays where it was.

    .venv/bin/python -m bench.deaths [--runs 20] [--intervals 1 0.1] [--deaths vrrp supervisor all] [--json FILE]

Method: two directors on one segment, in network namespaces, as in `bench.failover`; the files have no key for planned
switches, so that a peer could be any program. The active (priority 100) is killed (SIGKILL) at a moment that is not
tied to its adverts: `vrrp`, the role's process alone; `supervisor`, alone; `all`, every process at once. By the
kernel's times of a capture on the segment: from the kill to the backup's first advert, and to its first gratuitous ARP,
before which it puts the address on. By the kernel's news in the active's namespace: from the kill to the address's end
there. Each run has a director that was started for it.

Allowed at p95: the backup's skew time and 15 ms, where somebody is left who says priority 0; else its down interval and
15 ms. Beside it stands how late the machine itself let a realtime process be during the runs: what came late by that
much is no figure of the program's. Where others make and remove network namespaces on the same kernel, they hold its
network lock, for which whoever puts an address on has to wait: that is in the gratuitous ARP's figure alone.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import os
import pathlib
import random
import select
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bascule.daemon.client import ask
from bascule.daemon.roles.vrrp_addresses import lifetime_of
from bascule.lab.metronome import LATE, Metronome
from bascule.lab.network import Network
from bascule.lab.waiting import WaitedTooLongError, wait_for
from bascule.linux import addresses
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, Monitor
from bascule.model.base import Seconds, to_json
from bascule.model.control import Verb
from bascule.model.messages import Role
from bascule.vrrp.intervals import down_interval, skew_time
from bench.directors import Bascule, configuration
from bench.failover import ACTIVE, BACKUP, MACS, PRIORITIES, QUIET_SECONDS, START_SECONDS, TOPOLOGY, VIRTUAL
from bench.report import DeathReport, DeathRow, Figures
from bench.segment import Kind, Segment

DEATHS = {"vrrp": Role.VRRP, "supervisor": Role.SUPERVISOR, "all": None}
INTERVALS = (1.0, 0.1)
RUNS = 20
MARGIN = 0.015
"""Seconds that a death may cost beside what the protocol takes."""


class Death(NamedTuple):
    """One run, seconds."""

    active: float
    announced: float
    gone: float
    late: float
    """The machine's, from the kill to the advert."""


class Bereaved:
    """A backup that runs all the time, and actives that are started to be killed."""

    def __init__(self, network: Network, segment: Segment, metronome: Metronome, interval: float) -> None:
        """The backup runs."""
        self._segment = segment
        self._metronome = metronome
        self.interval = interval
        self.version = version_of(interval)
        self._directors = {name: self._director(network, name) for name in MACS}
        self._directors[BACKUP].start()

    def _director(self, network: Network, name: str) -> Bascule:
        host = network.host(name)
        file = host.folder / "keepalived.conf"
        file.write_text(configuration(name, PRIORITIES[name], self.version, self.interval, [VIRTUAL]))
        return Bascule(host, file)

    def close(self) -> None:
        """Nothing of them is left."""
        for director in self._directors.values():
            director.end(VIRTUAL)

    def lose(self, role: Role | None) -> Death:
        """Kill a process of a fresh active, or all of them, and measure."""
        active = self._directors[ACTIVE]
        active.start()
        wait_for(self._settled, START_SECONDS, f"{ACTIVE} to lead", evidence=self._evidence)
        pid = _process(active, role) if role is not None else None
        with active.host.entered():
            news = Monitor((GROUP_IPV4_ADDRESS,))
        time.sleep(QUIET_SECONDS + random.uniform(0, self.interval))
        moment, monotonic = time.time(), time.monotonic()
        if pid is None:
            active.kill()
        else:
            os.kill(pid, signal.SIGKILL)
        gone = _gone(news, monotonic, START_SECONDS + self.lifetime) - monotonic
        news.close()
        led = self._wait(Kind.ADVERT, moment) - moment
        announced = self._wait(Kind.ANNOUNCEMENT, moment) - moment
        late = self._metronome.late(monotonic - LATE, monotonic + led)
        active.end(VIRTUAL)
        return Death(led, announced, gone, late)

    @property
    def lifetime(self) -> float:
        """The most that the kernel keeps the active's address."""
        return _lifetime(self.version, self.interval)

    def _settled(self) -> bool:
        """The active has announced the address after the backup did, and the backup is silent for some intervals."""
        adverts = self._segment.times(Kind.ADVERT, MACS[ACTIVE])
        theirs = self._segment.times(Kind.ADVERT, MACS[BACKUP])
        return len(adverts) > 3 and (not theirs or theirs[-1] < adverts[-3]) and adverts[-1] > time.time() - 2

    def _wait(self, kind: Kind, moment: float) -> float:
        first = functools.partial(self._segment.first, kind, MACS[BACKUP], moment)
        wait = 4 * self.interval + START_SECONDS
        found = wait_for(first, wait, f"{BACKUP}'s {kind.value}", evidence=self._evidence)
        assert found is not None
        return found

    def _evidence(self) -> str:
        return "\n".join(f"{name}:\n{director.log()[-3000:]}" for name, director in self._directors.items())


def version_of(interval: float) -> int:
    """Version 2 has whole seconds."""
    return 2 if interval >= 1 else 3


def _lifetime(version: int, interval: float) -> float:
    own = down_interval(version, PRIORITIES[ACTIVE], Seconds(interval))
    return lifetime_of(None, own) or math.inf


def _process(director: Bascule, role: Role) -> int:
    """The process of a role. Raises WaitedTooLongError when the director does not name it."""

    def found() -> int | None:
        status = ask(director.host.folder / "run", Verb.STATUS).status
        return next((each.pid for each in status.roles if each.role is role), None) if status is not None else None

    pid = wait_for(found, START_SECONDS, f"the {role.value} process")
    assert pid is not None
    return pid


def _gone(news: Monitor, since: float, seconds: float) -> float:
    """When the kernel said that the address is off, monotonic. Raises WaitedTooLongError."""
    while (left := since + seconds - time.monotonic()) > 0:
        if not select.select([news], [], [], left)[0]:
            continue
        messages, _ = news.receive()
        entries = [addresses.parse(each) for each in messages if each.kind == addresses.DELETE_ADDRESS]
        if any(entry is not None and entry.address == VIRTUAL for entry in entries):
            return time.monotonic()
    raise WaitedTooLongError(f"waited {seconds:g} s for the kernel to take {VIRTUAL} off")


def formula(death: str, version: int, interval: float) -> float:
    """What the protocol takes."""
    priority, seconds = PRIORITIES[BACKUP], Seconds(interval)
    return down_interval(version, priority, seconds) if death == "all" else skew_time(version, priority, seconds)


def figures(values: Sequence[float]) -> Figures:
    """Of at least one run."""
    ordered = sorted(values)
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return Figures(median_s=statistics.median(ordered), p95_s=p95, max_s=ordered[-1])


def measure(
    intervals: Iterable[float], deaths: Sequence[str], runs: int, say: Callable[[str], None]
) -> tuple[DeathRow, ...]:
    """Every interval with every death."""
    rows = []
    with Network(TOPOLOGY) as network, Metronome(network.folder) as metronome:
        segment = Segment(network, VIRTUAL)
        for interval, death in itertools.product(intervals, deaths):
            say(f"version {version_of(interval)}, {interval:g} s, {death}")
            pair = Bereaved(network, segment, metronome, interval)
            try:
                found = [pair.lose(DEATHS[death]) for _ in range(runs)]
            finally:
                pair.close()
            rows.append(row_of(death, interval, found))
    return tuple(rows)


def row_of(death: str, interval: float, found: Sequence[Death]) -> DeathRow:
    """The runs of one case as a row."""
    version = version_of(interval)
    taken = formula(death, version, interval)
    return DeathRow(
        death=death,
        version=version,
        advert_int=interval,
        formula_s=taken,
        allowed_s=taken + MARGIN,
        active=figures([run.active for run in found]),
        active_less_machine=figures([run.active - run.late for run in found]),
        announced=figures([run.announced for run in found]),
        lifetime_s=_lifetime(version, interval),
        gone=figures([run.gone for run in found]),
        machine_late_s=max(run.late for run in found),
    )


def as_text(report: DeathReport) -> str:
    """The table; milliseconds."""
    lines = [
        f"{f'{report.runs} runs each, ms':24}{'':8}{'the peer is active':>26}{'':18}{'announces':>16}"
        f"{'':9}{'address gone':>17}",
        f"{'':24}{'allowed':>8}{'median':>8}{'p95':>8}{'max':>8}{'p95 less':>10}{'machine':>8}"
        f"{'median':>8}{'p95':>8}{'lifetime':>9}{'median':>8}{'p95':>9}",
    ]
    for row in report.rows:
        led, said, gone = row.active, row.announced, row.gone
        shown = [_ms(each, 8) for each in (row.allowed_s, led.median_s, led.p95_s, led.max_s)]
        shown += [_ms(row.active_less_machine.p95_s, 10), _ms(row.machine_late_s, 8)]
        shown += [_ms(said.median_s, 8), _ms(said.p95_s, 8), _ms(row.lifetime_s, 9)]
        shown += [_ms(gone.median_s, 8), _ms(gone.p95_s, 9)]
        lines.append(f"{f'v{row.version} {row.advert_int:g} s {row.death}':24}{''.join(shown)}")
    return "\n".join(lines)


def _ms(seconds: float, width: int) -> str:
    return f"{seconds * 1000:>{width}.1f}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--intervals", type=float, nargs="+", default=INTERVALS, metavar="SECONDS")
    parser.add_argument("--deaths", nargs="+", default=tuple(DEATHS), choices=tuple(DEATHS))
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    rows = measure(options.intervals, options.deaths, options.runs, functools.partial(print, flush=True))
    report = DeathReport(runs=options.runs, rows=rows)
    print(as_text(report))
    if options.json is not None:
        options.json.write_bytes(to_json(report))


if __name__ == "__main__":
    main()
