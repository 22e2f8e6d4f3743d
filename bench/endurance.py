# SPDX-License-Identifier: Apache-2.0
"""Whether a backup stays backup: adverts every 10 ms on a machine whose processors are all at work, for minutes.

    .venv/bin/python -m bench.endurance [--minutes 10] [--json FILE]

Method: two bascules on one segment, two keepalived on another, at the same time, in network namespaces; all four have
the same file but for the name and the priority, and ask for realtime scheduling at the same priority. On each processor
work five ordinary processes (bench/load.py). What counts is when an advert passed the switch, by the kernel's stamp:
`silence`: an active sent none for the backup's down interval; then the backup is right in taking over. `in time`: it
took over without. A promotion may lie after the end of its silence by half an advert interval, or by as much as the
machine itself was late then, as realtime processes show that do nothing but wake up every 5 ms.

Rules: no bascule takes over while adverts leave in time, and the bascules take over no more often than the keepalived.
Status 1: one is broken, or it cannot be told.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import ipaddress
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bascule.lab.metronome import Metronome
from bascule.lab.network import Network, mac
from bascule.lab.topologies import Host, HostRole, Link, Topology
from bascule.lab.topologies import Segment as Lan
from bascule.lab.waiting import wait_for
from bascule.linux import namespaces
from bascule.model.base import Priority, Seconds, to_json
from bascule.vrrp.intervals import down_interval
from bench import load, promotions
from bench.directors import PROGRAMS, Bascule, Keepalived, Program, configuration
from bench.report import EnduranceReport, Moment, PairEndured
from bench.segment import Kind, Segment

INTERVAL = 0.01
PRIORITIES = (Priority(100), Priority(90))
DOWN = down_interval(3, PRIORITIES[1], Seconds(INTERVAL))
VIRTUAL = ipaddress.IPv4Address("192.168.2.240")
START_SECONDS = 20.0
SETTLED = 0.3
"""Seconds for which the active alone must have been heard before anything counts."""
LOOK = 0.5
MOMENTS_MAX = 200
POLICIES = {os.SCHED_OTHER: "ordinary", os.SCHED_FIFO: "FIFO", os.SCHED_RR: "RR"}


def _hosts(program: str) -> list[Host]:
    links = (Link(segment=program, addresses=(f"192.168.2.{last}/24",)) for last in (210, 211))
    return [Host(name=f"{program[0]}{n}", role=HostRole.ROUTER, links=(link,)) for n, link in enumerate(links, 1)]


TOPOLOGY = Topology(
    name="endurance",
    about="Two pairs of directors, each on a segment of its own.",
    segments=tuple(Lan(name=kind.name[:8]) for kind in PROGRAMS),
    hosts=tuple(host for kind in PROGRAMS for host in _hosts(kind.name[:8])),
)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Record:
    """What was seen of a pair. Times are Unix seconds."""

    program: str
    scheduling: tuple[str, ...] = ()
    first: list[float]
    """Adverts of the active."""
    second: list[float]
    unseen: int = 0


class Pair:
    """Two directors by one program, and the capture of their segment."""

    def __init__(self, network: Network, kind: type[Program]) -> None:
        """Both run."""
        self.name = kind.name
        lan = kind.name[:8]
        hosts = [network.host(f"{lan[0]}{number}") for number in (1, 2)]
        self._segment = Segment(network, VIRTUAL, lan)
        self._macs = [mac(host.host.links[0]) for host in hosts]
        self._directors = []
        for host, priority in zip(hosts, PRIORITIES, strict=True):
            file = host.folder / "keepalived.conf"
            file.write_text(configuration(host.name, priority, 3, INTERVAL, [VIRTUAL]))
            self._directors.append(kind(host, file))
        for director in self._directors:
            director.start()

    def settle(self) -> None:
        """Wait until the first alone is heard."""
        wait_for(self._settled, START_SECONDS, f"the first {self.name} to lead", evidence=self._evidence)

    def _settled(self) -> bool:
        first, second = self.adverts()
        now = time.time()
        return bool(first) and first[0] < now - SETTLED < first[-1] and not any(at > now - SETTLED for at in second)

    def adverts(self) -> list[list[float]]:
        """What both have sent so far, but for those that say that they stop."""
        return [
            sorted(set(self._segment.times(Kind.ADVERT, each)) - set(self._segment.times(Kind.STOP, each)))
            for each in self._macs
        ]

    def scheduling(self) -> tuple[str, ...]:
        """How the first's processes are scheduled."""
        pids = namespaces.processes(self._directors[0].host.namespace)
        return tuple(sorted(_policy(pid) for pid in pids))

    def record(self, begin: float, end: float) -> Record:
        """What there was to see between two moments. The capture ends."""
        scheduling, unseen = self.scheduling(), self._segment.end()
        first, second = ([at for at in times if begin <= at <= end] for times in self.adverts())
        return Record(program=self.name, scheduling=scheduling, first=first, second=second, unseen=unseen)

    def _evidence(self) -> str:
        return "\n".join(director.log()[-3000:] for director in self._directors)


def _policy(pid: int) -> str:
    policy = os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK
    priority = os.sched_getparam(pid).sched_priority
    return f"{POLICIES.get(policy, str(policy))} {priority}" if priority else POLICIES.get(policy, str(policy))


def judge(record: Record, begin: float, late: Callable[[float, float], float]) -> PairEndured:
    """What a pair's adverts tell. `late`: how late the machine was at worst between two moments."""
    first, second = record.first, record.second
    silences = promotions.silences(first, DOWN)
    found = promotions.promotions(first, second, DOWN, lambda at: max(INTERVAL / 2, late(at - DOWN, at)))
    both = promotions.together(*(promotions.stretches(*one, DOWN) for one in ((first, second), (second, first))))
    widest = max(promotions.gaps(first), key=lambda gap: gap.seconds, default=promotions.Span(begin, begin))
    moments = [
        Moment(
            at_s=silence.begin - begin,
            what="silence",
            silence_s=silence.seconds,
            machine_late_s=late(silence.begin, silence.end),
        )
        for silence in silences
    ]
    moments += [
        Moment(
            at_s=each.at - begin,
            what="promotion",
            silence_s=each.silence,
            machine_late_s=late(each.at - DOWN, each.at),
            in_time=each.in_time,
        )
        for each in found
    ]
    return PairEndured(
        program=record.program,
        scheduling=record.scheduling,
        adverts=len(first),
        largest_gap_s=widest.seconds,
        largest_gap_machine_late_s=late(widest.begin, widest.end),
        silences=len(silences),
        promotions=len(found),
        promotions_in_time=sum(each.in_time for each in found),
        both_active=len(both),
        both_active_s=sum(span.seconds for span in both),
        unseen=record.unseen,
        moments=tuple(sorted(moments, key=lambda moment: moment.at_s)[:MOMENTS_MAX]),
    )


def broken(ours: PairEndured, theirs: PairEndured) -> tuple[str, ...]:
    """The rules that did not hold."""
    found = [
        f"{pair.program}: {pair.unseen} frames were not captured, so that nothing can be told"
        for pair in (ours, theirs)
        if pair.unseen
    ]
    found += [f"{pair.program}: the active was not heard" for pair in (ours, theirs) if not pair.adverts]
    if ours.promotions_in_time:
        found.append(f"{ours.program}: {ours.promotions_in_time} promotions while the active's adverts left in time")
    if ours.promotions > theirs.promotions:
        found.append(f"{ours.program}: {ours.promotions} promotions, {theirs.program}: {theirs.promotions}")
    return tuple(found)


def endure(seconds: float, console: Console) -> EnduranceReport:
    """The whole run, with a bar on the console."""
    with Network(TOPOLOGY) as network, tempfile.TemporaryDirectory(prefix="endurance-") as disk:
        pairs = [Pair(network, kind) for kind in (Bascule, Keepalived)]
        for pair in pairs:
            pair.settle()
        with Metronome(network.folder) as metronome, load.loaded(pathlib.Path(disk)):
            offset, used = _offset(), _processor_times()
            begin = time.time()
            _watch(pairs, begin, seconds, console)
            end, after = time.time(), _processor_times()
        late = functools.partial(_late, metronome, offset)
        ours, theirs = (judge(pair.record(begin, end), begin, late) for pair in pairs)
        spent = [now - before for now, before in zip(after, used, strict=True)]
        return EnduranceReport(
            seconds=end - begin,
            advert_int=INTERVAL,
            down_interval_s=DOWN,
            processors=len(os.sched_getaffinity(0)),
            busy=1 - (spent[3] + spent[4]) / sum(spent),
            stolen=spent[7] / sum(spent),
            machine_late_s=late(begin, end),
            pairs=(ours, theirs),
            broken=broken(ours, theirs),
        )


def _watch(pairs: list[Pair], begin: float, seconds: float, console: Console) -> None:
    columns = (
        TextColumn("adverts every 10 ms"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=seconds, counts="")
        while (passed := time.time() - begin) < seconds:
            progress.update(task, completed=passed, counts=", ".join(_count(pair, begin) for pair in pairs))
            time.sleep(min(LOOK, seconds - passed))
        progress.update(task, completed=seconds)


def _count(pair: Pair, begin: float) -> str:
    first, second = ([at for at in times if at >= begin] for times in pair.adverts())
    return f"{pair.name}: {len(first)} adverts, {len(promotions.stretches(second, first, DOWN))} promotions"


def _offset() -> float:
    """From Unix to monotonic seconds: of several readings the one that took least."""
    readings = [(time.monotonic(), time.time(), time.monotonic()) for _ in range(20)]
    before, wall, after = min(readings, key=lambda reading: reading[2] - reading[0])
    return (before + after) / 2 - wall


def _late(metronome: Metronome, offset: float, begin: float, end: float) -> float:
    return metronome.late(begin + offset, end + offset)


def _processor_times() -> list[int]:
    """Of all processors together, as proc(5) counts them: user, nice, system, idle, iowait, irq, softirq, steal."""
    return [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def as_table(report: EnduranceReport) -> Table:
    """A column for each pair."""
    title = f"{report.seconds:.0f} s, adverts every {report.advert_int * 1000:g} ms, {report.processors} processors"
    load_said = f"busy {report.busy:.0%}, stolen by other machines {report.stolen:.1%}"
    worst = f"a realtime sleeper came {_ms(report.machine_late_s)} late at worst"
    table = Table(title=title, caption=f"{load_said}; {worst}")
    table.add_column("")
    for pair in report.pairs:
        table.add_column(pair.program, justify="right")
    for name, tell in ROWS:
        table.add_row(name.format(down=_ms(report.down_interval_s)), *(tell(pair) for pair in report.pairs))
    return table


ROWS: tuple[tuple[str, Callable[[PairEndured], str]], ...] = (
    ("scheduling of its processes", lambda pair: ", ".join(pair.scheduling)),
    ("adverts sent by the active", lambda pair: f"{pair.adverts}"),
    ("largest gap between two", lambda pair: _ms(pair.largest_gap_s)),
    ("  a realtime sleeper was then late by", lambda pair: _ms(pair.largest_gap_machine_late_s)),
    ("gaps of the down interval ({down}) and more", lambda pair: f"{pair.silences}"),
    ("promotions of the backup", lambda pair: f"{pair.promotions}"),
    ("  while the active's adverts left in time", lambda pair: f"{pair.promotions_in_time}"),
    ("both active at once", lambda pair: f"{pair.both_active}"),
    ("  for", lambda pair: _ms(pair.both_active_s)),
    ("frames that the capture missed", lambda pair: f"{pair.unseen}"),
)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def told(pair: PairEndured) -> list[str]:
    """Each moment of a pair on a line."""
    return [
        f"{pair.program} {moment.at_s:8.3f} s: {moment.what}{' IN TIME' if moment.in_time else ''}, "
        f"silent for {_ms(moment.silence_s)}, machine late by {_ms(moment.machine_late_s)}"
        for moment in pair.moments
    ]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    console = Console()
    report = endure(options.minutes * 60, console)
    for line in (line for pair in report.pairs for line in told(pair)):
        console.print(line, highlight=False)
    console.print(as_table(report))
    for rule in report.broken:
        console.print(f"broken: {rule}", style="bold red", highlight=False)
    if options.json is not None:
        options.json.write_bytes(to_json(report))
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
