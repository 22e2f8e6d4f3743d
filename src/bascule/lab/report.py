# SPDX-License-Identifier: Apache-2.0
"""What a demonstration shows: the topology at its start, the tables at its end. The values are in `records`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bascule.lab.records import DemoReport, Request
from bascule.lab.topologies import Host, Topology

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

LOST_SHOWN = 12
"""Lost requests that are printed one by one; `--json` has all."""


def topology(what: Topology) -> RenderableType:
    """The hosts, their roles and addresses."""
    table = _table(what.about, "host", "role", "addresses")
    for host in what.hosts:
        table.add_row(host.name, host.role.value, _addresses(host))
    return table


def _addresses(host: Host) -> str:
    addresses = [address for link in host.links for address in link.addresses]
    return ", ".join(addresses) if len(addresses) <= 2 else f"{addresses[0]} - {addresses[-1]}"


def outcome(report: DemoReport) -> Iterator[RenderableType]:
    """The final tables, in the order to print them."""
    from rich.text import Text

    yield _requests(report)
    yield _windows(report)
    if report.lost:
        yield _lost(report.lost)
    yield _failovers(report)
    yield _passing(report)
    yield Text(f"connections carried over a failover: {report.connections_carried_over}")
    for title, text in report.evidence.items():
        yield Text(f"--- evidence: {title} ---", style="bold")
        yield Text(text)
    yield _verdict(report)


def _requests(report: DemoReport) -> Table:
    table = _table("Requests", "sent", *(f"answered by {name}" for name in report.answered), "lost")
    table.add_row(str(report.sent), *(str(count) for count in report.answered.values()), str(len(report.lost)))
    return table


def _windows(report: DemoReport) -> Table:
    table = _table("Windows computed from the files", "window", "from", "to", "lost in it", "computed as")
    for window in report.windows:
        table.add_row(window.name, _seconds(window.begin), _seconds(window.end), str(window.lost), window.why)
    return table


def _lost(lost: tuple[Request, ...]) -> Table:
    table = _table("Lost requests", "client", "asked at", "given up at", "why")
    for request in lost[:LOST_SHOWN]:
        table.add_row(str(request.client), _seconds(request.begin), _seconds(request.end), request.error or "")
    if len(lost) > LOST_SHOWN:
        table.add_row("...", f"last {_seconds(lost[-1].begin)}", "", f"{len(lost) - LOST_SHOWN} more")
    return table


def _failovers(report: DemoReport) -> Table:
    table = _table("Failovers", "fault", "taken by", "last advert", "VIP announced", "took", "allowed")
    for failover in report.failovers:
        table.add_row(
            failover.name,
            failover.taken_by,
            _seconds(failover.last_advert),
            _seconds(failover.announced),
            _seconds(failover.took),
            _seconds(failover.allowed),
        )
    return table


def _passing(report: DemoReport) -> Table:
    table = _table(
        "The directors' cables (frames)",
        "director",
        "requests forwarded",
        "answers that passed",
        "own resets",
        "unseen",
    )
    for seen in report.passing:
        table.add_row(seen.director, str(seen.requests), str(seen.answers), str(seen.refusals), str(seen.unseen))
    return table


def _verdict(report: DemoReport) -> RenderableType:
    from rich.text import Text

    if report.passed:
        return Text(f"All as it must be, in {report.seconds:.1f} s: {len(report.mails)} mails.", style="bold green")
    lines = "\n".join(f"  - {line}" for line in report.deviations)
    return Text(f"{len(report.deviations)} deviations:\n{lines}", style="bold red")


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.3f} s"


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table
