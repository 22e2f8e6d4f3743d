# SPDX-License-Identifier: Apache-2.0
"""How long a failover takes, on the wire, and what VRRP costs: bascule and keepalived in turn, in one run.

    .venv/bin/python -m bench.failover [--runs 10] [--intervals 1 0.1 ...] [--faults kill link ...] [--json FILE]

Method: two directors and a client on one segment, in network namespaces; both programs read the same files and have
realtime scheduling. The active (priority 100) meets with a fault at a moment that is not tied to its adverts. By the
kernel's times of a capture on the segment: from its last advert to the backup's first gratuitous ARP, and to the
backup's first answer to the client, which asks the virtual address 1,000 times a second. `kill`: SIGKILL to all
processes of the director at once. `link`: its cable is cut. `stop`: SIGTERM, from the advert with priority 0.
`planned`: `bascule failover`; its second figure is the time in which nobody answered. keepalived has no such thing.
Medians of the runs. The formula is three advert intervals and the backup's skew time; for `stop` the skew time alone.

Each row has a rule (bench/verdicts.py). A run that comes to no end is told and counts nowhere; its pair begins anew.
Status 1: a rule is broken, or a row could not be measured.
"""

from __future__ import annotations

import argparse
import functools
import ipaddress
import itertools
import pathlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from bascule.errors import BasculeError
from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Topology
from bascule.lab.topologies import Segment as Lan
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Seconds, to_json
from bascule.vrrp.intervals import down_interval, skew_time
from bench.directors import PROGRAMS, Bascule, Program, configuration
from bench.report import Cost, FailoverReport, FailoverRow, RowVerdict, Took
from bench.segment import Kind, Segment
from bench.verdicts import judge, judge_all

VIRTUAL = ipaddress.IPv4Address("192.168.2.240")
ACTIVE, BACKUP = "d1", "d2"
PRIORITIES = {ACTIVE: Priority(100), BACKUP: Priority(90)}
MACS = {ACTIVE: "02:00:c0:a8:02:d2", BACKUP: "02:00:c0:a8:02:d3"}
INTERVALS = (1.0, 0.1, 0.05, 0.02, 0.01)
FAULTS = ("kill", "link", "stop", "planned")
INSTANCES = (1, 250)
QUIET_SECONDS = 0.3
START_SECONDS = 15.0
COST_SECONDS = 10.0
FAILURES_MAX = 3
"""Runs of one case that may fail before it is given up: each may have waited for long."""

KEY = 'bascule {\n handover_key "between these two alone"\n}\n'


def _host(name: str, last_byte: int, role: HostRole = HostRole.ROUTER) -> Host:
    return Host(name=name, role=role, links=(Link(segment="lan", addresses=(f"192.168.2.{last_byte}/24",)),))


TOPOLOGY = Topology(
    name="failover",
    about="Two directors and a client on one segment.",
    segments=(Lan(name="lan"),),
    hosts=(_host(ACTIVE, 210), _host(BACKUP, 211), _host("client", 20, HostRole.CLIENT)),
)


class MissedError(BasculeError):
    """What a run is judged by was not seen."""


class Pair:
    """Both directors, by one program, with one kind of adverts."""

    def __init__(
        self, network: Network, segment: Segment, kind: type[Program], version: int, interval: float, fault: str
    ) -> None:
        """The backup runs; the active, which will meet with `fault`, does not yet."""
        self._fault = fault
        self._network = network
        self._segment = segment
        self._interval = interval
        self._started = 0.0
        self.directors = {name: _director(network, kind, name, version, interval, [VIRTUAL]) for name in MACS}
        if fault == "planned":
            for director in self.directors.values():
                director.file.write_text(director.file.read_text() + KEY)
        self.directors[BACKUP].start()

    def close(self) -> None:
        """Nothing of them is left."""
        for director in self.directors.values():
            director.end(VIRTUAL)
        self._network.mend(ACTIVE)

    def fail(self) -> Took:
        """Let the active fail once, measure, and leave the backup alone."""
        active = self.directors[ACTIVE]
        self._started = time.time()
        active.start()
        wait_for(self._settled, START_SECONDS, f"{ACTIVE} to lead", evidence=self._evidence)
        time.sleep(QUIET_SECONDS + random.uniform(0, self._interval))
        moment = time.time()
        self._do()
        announced = self._wait(Kind.ANNOUNCEMENT, moment)
        answered = self._wait(Kind.ANSWER, moment)
        took = self._took(moment, announced, answered)
        active.end(VIRTUAL)
        self._network.mend(ACTIVE)
        return took

    def _do(self) -> None:
        active, fault = self.directors[ACTIVE], self._fault
        if fault == "link":
            self._network.cut(ACTIVE)
        elif fault == "planned":
            assert isinstance(active, Bascule)
            active.switch()
        elif fault == "stop":
            active.stop()
        else:
            active.kill()

    def _took(self, moment: float, announced: float, answered: float) -> Took:
        kind = Kind.STOP if self._fault == "stop" else Kind.ADVERT
        # What the active said last is not later than its successor's first word, or it did not fail.
        last = self._segment.last(kind, MACS[ACTIVE], announced)
        if last is None or last < self._started:
            raise MissedError(f"no {kind.value} of {ACTIVE}\n{self._evidence()}")
        silent_since = self._segment.last(Kind.ANSWER, MACS[ACTIVE], answered) if self._fault == "planned" else last
        return Took(last_advert_to_garp_s=announced - last, first_answer_s=answered - (silent_since or moment))

    def _settled(self) -> bool:
        """The active has answered, and the backup, which may have led, says nothing more."""
        adverts = self._segment.times(Kind.ADVERT, MACS[ACTIVE])
        theirs = self._segment.times(Kind.ADVERT, MACS[BACKUP])
        begun = next((at for at in adverts if at >= self._started), None)
        if begun is None or adverts[-1] <= begun or (theirs and theirs[-1] >= adverts[-2]):
            return False
        return self._segment.first(Kind.ANSWER, MACS[ACTIVE], begun) is not None

    def _wait(self, kind: Kind, moment: float) -> float:
        """When the backup first did something after a moment."""
        first = functools.partial(self._segment.first, kind, MACS[BACKUP], moment)
        found = wait_for(first, 4 * self._interval + START_SECONDS, f"{BACKUP}'s {kind.value}", evidence=self._evidence)
        assert found is not None
        return found

    def _evidence(self) -> str:
        return "\n".join(f"{name}:\n{director.log()[-3000:]}" for name, director in self.directors.items())


def _director(
    network: Network,
    kind: type[Program],
    name: str,
    version: int,
    interval: float,
    addresses: Sequence[ipaddress.IPv4Address],
) -> Program:
    host = network.host(name)
    file = host.folder / "keepalived.conf"
    file.write_text(configuration(name, PRIORITIES[name], version, interval, addresses))
    return kind(host, file)


def formula(fault: str, version: int, interval: float) -> float:
    """What the protocol itself takes."""
    priority, seconds = PRIORITIES[BACKUP], Seconds(interval)
    if fault == "planned":
        return 0.0
    return skew_time(version, priority, seconds) if fault == "stop" else down_interval(version, priority, seconds)


class Series:
    """Every interval with every fault, by both programs in turn."""

    def __init__(self, runs: int, say: Callable[[str], None]) -> None:
        """`say` is told of what is measured now, and of what fails."""
        self._runs = runs
        self._say = say
        self.failures: list[str] = []

    def measure(self, intervals: Iterable[float], faults: Sequence[str]) -> list[FailoverRow]:
        """A row for each interval and fault."""
        rows = []
        with Network(TOPOLOGY) as network:
            segment = Segment(network, VIRTUAL)
            network.host("client").popen([sys.executable, "-m", "bench.asker", str(VIRTUAL)], log="asker")
            for interval in intervals:
                version = 2 if interval >= 1 else 3
                took: dict[tuple[str, str], list[Took]] = {}
                for kind, fault in itertools.product(PROGRAMS, faults):
                    if fault != "planned" or kind is Bascule:
                        begin = functools.partial(Pair, network, segment, kind, version, interval, fault)
                        case = f"{kind.name}, version {version}, {interval:g} s, {fault}"
                        took[fault, kind.name] = self._each(begin, case)
                rows += [_row(fault, version, interval, took) for fault in faults]
        return rows

    def _each(self, begin: Callable[[], Pair], case: str) -> list[Took]:
        """The runs of one pair; those that fail are left out."""
        self._say(case)
        took: list[Took] = []
        failed = 0
        pair = begin()
        try:
            while len(took) + failed < self._runs and failed < FAILURES_MAX:
                try:
                    took.append(pair.fail())
                except (BasculeError, subprocess.TimeoutExpired) as error:
                    failed += 1
                    self.failures.append(f"{case}, run {len(took) + failed}: {error}")
                    self._say(f"  failed: {str(error).splitlines()[0]}")
                    pair.close()
                    pair = begin()
        finally:
            pair.close()
        return took


def _row(fault: str, version: int, interval: float, took: dict[tuple[str, str], list[Took]]) -> FailoverRow:
    medians = {kind.name: _median(took[fault, kind.name]) for kind in PROGRAMS if took.get((fault, kind.name))}
    return FailoverRow(
        version=version, advert_int=interval, fault=fault, formula_s=formula(fault, version, interval), **medians
    )


def _median(runs: Sequence[Took]) -> Took:
    return Took(
        last_advert_to_garp_s=statistics.median(run.last_advert_to_garp_s for run in runs),
        first_answer_s=statistics.median(run.first_answer_s for run in runs),
    )


def weigh(numbers: Iterable[int], seconds: float, say: Callable[[str], None]) -> list[Cost]:
    """What one director costs with so many instances at 1 s, as active and as backup."""
    found = []
    for kind in PROGRAMS:
        for number in numbers:
            say(f"{kind.name}, {number} instances")
            addresses = (
                [VIRTUAL] if number == 1 else [ipaddress.IPv4Address("10.9.0.0") + n for n in range(1, number + 1)]
            )
            with Network(TOPOLOGY) as network:
                active, backup = (_director(network, kind, name, 2, 1.0, addresses) for name in MACS)
                active.start()
                wait_for(functools.partial(_holds, active, number), 60, "every address", evidence=active.log)
                backup.start()
                time.sleep(START_SECONDS / 3)  # what a start costs is not asked for
                found.append(_cost(kind.name, number, active, backup, seconds))
    return found


def _holds(director: Program, number: int) -> bool:
    shown = director.host.run(["ip", "-4", "-o", "address", "show", "dev", "eth0"]).stdout
    return len(shown.splitlines()) == number + 1


def _cost(name: str, number: int, active: Program, backup: Program, seconds: float) -> Cost:
    begun, before = time.monotonic(), (active.processor_seconds(), backup.processor_seconds())
    time.sleep(seconds)
    took = time.monotonic() - begun
    return Cost(
        program=name,
        instances=number,
        active_percent=(active.processor_seconds() - before[0]) / took * 100,
        backup_percent=(backup.processor_seconds() - before[1]) / took * 100,
        resident_mib=active.resident() / 2**20,
    )


def as_text(report: FailoverReport) -> str:
    """Both tables; milliseconds."""
    lines = [
        f"{'':24}{'formula':>10}{'bascule':>22}{'keepalived':>22}  rule",
        f"{'':34}" + f"{'to ARP':>11}{'to answer':>11}" * 2,
    ]
    for row in report.rows:
        case = f"v{row.version} {row.advert_int:g} s {row.fault}"
        figures = f"{case:24}{row.formula_s * 1000:>10.1f}{_shown(row.bascule)}{_shown(row.keepalived)}"
        lines.append(f"{figures}  {_judged(judge(row))}")
    lines += [f"failed: {failure.splitlines()[0]}" for failure in report.failures]
    lines += ["", f"{'instances at 1 s':24}{'active':>10}{'backup':>10}{'memory':>12}"]
    for cost in report.costs:
        case = f"{cost.program} {cost.instances}"
        lines.append(
            f"{case:24}{cost.active_percent:>8.1f} %{cost.backup_percent:>8.1f} %{cost.resident_mib:>8.1f} MiB"
        )
    return "\n".join(lines)


def _shown(took: Took | None) -> str:
    if took is None:
        return f"{'-':>11}{'-':>11}"
    return f"{took.last_advert_to_garp_s * 1000:>11.1f}{took.first_answer_s * 1000:>11.1f}"


def _judged(verdict: RowVerdict | None) -> str:
    if verdict is None:
        return "NOT MEASURED"
    return f"{'held' if verdict.held else 'BROKEN'}: {verdict.rule} = {verdict.bound_s * 1000:.1f}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--intervals", type=float, nargs="+", default=INTERVALS, metavar="SECONDS")
    parser.add_argument("--faults", nargs="+", default=FAULTS, choices=FAULTS)
    parser.add_argument("--instances", type=int, nargs="*", default=INSTANCES)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    say = functools.partial(print, flush=True)
    series = Series(options.runs, say)
    rows = tuple(series.measure(options.intervals, options.faults))
    verdicts = judge_all(rows)
    report = FailoverReport(
        runs=options.runs,
        rows=rows,
        verdicts=verdicts,
        failures=tuple(series.failures),
        costs=tuple(weigh(options.instances, COST_SECONDS, say)),
    )
    print(as_text(report))
    if options.json is not None:
        options.json.write_bytes(to_json(report))
    return 0 if len(verdicts) == len(rows) and all(verdict.held for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
