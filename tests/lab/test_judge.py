# SPDX-License-Identifier: Apache-2.0
"""Each deviation is found, and named, and a good run has none."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab import judge
from bascule.lab.records import Failover, Mail, Passing, Request, Window

DOWN = "Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN"


def asked(begin: float, server: str | None = "rs1", *, client: str = "192.168.2.20", last: float = 0.01) -> Request:
    error = None if server else "refused"
    return Request(client=ipaddress.ip_address(client), begin=begin, end=begin + last, server=server, error=error)


def window(begin: float, end: float, name: str = "failover") -> Window:
    return Window(name=name, why="because", begin=begin, end=end)


def mail(at: float = 8.0, *, director: str = "d1", to: str = "admin@example.com", subject: str = DOWN) -> Mail:
    return Mail(director=director, at=at, sender="lvs@example.com", to=(to,), subject=f"[LVS_DEVEL] {subject}", body="")


def failover(
    last_advert: float | None = 9.5, announced: float | None = 13.0, lateness: float | None = None
) -> Failover:
    return Failover(
        name="d1 killed",
        taken_by="d2",
        last_advert=last_advert,
        announced=announced,
        allowed=3.663,
        lateness=lateness,
    )


GOOD = judge.Evidence(
    requests=(asked(1), asked(2, "rs2", client="192.168.2.21"), asked(10, None), asked(15, "rs2")),
    windows=(window(9.6, 13.2),),
    spans=(judge.Span(name="nothing happened", begin=0, end=5),),
    failovers=(failover(),),
    passing=(Passing(director="d1", requests=7), Passing(director="d2", requests=5)),
    mails=(mail(),),
    wanted_mails=(judge.WantedMail(director="d1", subject=DOWN, after=5, before=9),),
    servers=("rs1", "rs2"),
    receivers=("admin@example.com",),
)


def test_a_good_run_has_no_deviation() -> None:
    assert judge.deviations(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"requests": (*GOOD.requests, asked(20, None))}, "requests lost outside the windows: 1 (192.168.2.20 at 20"),
        ({"requests": tuple(r for r in GOOD.requests if r.server != "rs2")}, "server not used: rs2"),
        ({"requests": ()}, "no request was sent"),
        ({"requests": (*GOOD.requests, asked(16, "intruder"))}, "a server that is none: 'intruder'"),
        ({"requests": (*GOOD.requests, asked(3, "rs2"))}, "persistence broken while nothing happened: 192.168.2.20"),
        ({"passing": (Passing(director="d1", requests=1, answers=2),)}, "answers passed a director: 2 frames"),
        ({"passing": (Passing(director="d1", requests=1, unseen=3),)}, "capture on d1 lost 3 frames"),
        ({"passing": (Passing(director="d2"),)}, "d2 forwarded no request"),
        ({"mails": ()}, "mail missing: d1 sent none"),
        ({"mails": (mail(at=10.0),)}, "mail missing: d1 sent none"),
        ({"mails": (mail(director="d2"),)}, "mail missing: d1 sent none"),
        ({"mails": (mail(subject="Virtualserver - UP"),)}, "mail missing: d1 sent none"),
        ({"mails": (mail(), mail(to="other@example.com"))}, "a mail of d1 went to other@example.com"),
        ({"failovers": (failover(announced=13.2),)}, "d2 owned the VIP 3.700 s after the last advert"),
        ({"failovers": (failover(announced=13.2, lateness=0.15),)}, "its timers ran late by up to 0.150 s"),
        ({"failovers": (failover(announced=None),)}, "d2 never announced the VIP"),
        ({"failovers": (failover(last_advert=None),)}, "no advert was seen"),
    ],
)
def test_each_deviation_is_named(change: dict[str, object], named: str) -> None:
    (found,) = [line for line in judge.deviations(dataclasses.replace(GOOD, **change)) if named in line]  # type: ignore[arg-type]
    assert found


def test_many_losses_are_one_line() -> None:
    lost = tuple(asked(20 + n, None) for n in range(9))
    (line,) = judge.deviations(dataclasses.replace(GOOD, requests=(*GOOD.requests, *lost)))
    assert line.startswith("requests lost outside the windows: 9 (")
    assert line.endswith("; ...)")


@pytest.mark.parametrize(
    ("begin", "last", "inside"),
    [(9.0, 0.5, False), (9.0, 0.6, True), (10.0, 0.1, True), (13.2, 0.1, True), (13.21, 0.1, False)],
)
def test_a_request_belongs_to_a_window_that_it_touches(begin: float, last: float, inside: bool) -> None:
    (counted,), outside = judge.in_windows([asked(begin, None, last=last)], [window(9.6, 13.2)])
    assert (counted.lost == 1) is inside
    assert (outside == ()) is inside


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 2), st.booleans())),
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 10))),
)
def test_every_lost_request_is_counted_once(
    asks: list[tuple[float, float, bool]], spans: list[tuple[float, float]]
) -> None:
    requests = [asked(begin, "rs1" if answered else None, last=last) for begin, last, answered in asks]
    counted, outside = judge.in_windows(requests, [window(begin, begin + length) for begin, length in spans])
    assert sum(w.lost for w in counted) + len(outside) == sum(r.server is None for r in requests)


def test_unfaithful_looks_at_whole_requests_within_the_span() -> None:
    span = judge.Span(name="x", begin=1, end=3)
    assert judge.unfaithful([asked(1), asked(3, "rs2")], span) == {}
    assert judge.unfaithful([asked(0.9, "rs2"), asked(1)], span) == {}
    first, changed = asked(1.5), asked(2.5, "rs2")
    changes = judge.unfaithful([asked(1), first, asked(2, None), changed, asked(2.7)], span)
    assert changes == {"192.168.2.20": (first, changed)}
