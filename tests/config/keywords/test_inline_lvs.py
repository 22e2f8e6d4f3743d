# SPDX-License-Identifier: Apache-2.0
"""Lines about IPVS, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.config.keywords.inline_lvs import forwarding, forwarding_words, group_member, sync_daemon, timeouts
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.configuration import SyncDaemon, Timeouts
from bascule.model.service import ForwardingMethod


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


def test_lines_that_are_taken() -> None:
    text = "lvs_sync_daemon lo inst V id 5 maxlen 500 port 9 ttl 3 group 224.0.0.9"
    assert sync_daemon(statement(text)) == SyncDaemon(
        interface="lo",
        instance="V",
        identifier=5,
        longest=500,
        port=9,
        ttl=3,
        group=ipaddress.ip_address("224.0.0.9"),
    )
    assert sync_daemon(statement("lvs_sync_daemon lo V")) == SyncDaemon(interface="lo", instance="V")
    assert timeouts(statement("lvs_timeouts tcp 5 tcpfin 6 udp 0")) == Timeouts(
        tcp=Seconds(5.0), tcp_fin=Seconds(6.0), udp=Seconds(0.0)
    )
    assert group_member(statement("10.0.0.1 80")) == (ipaddress.ip_address("10.0.0.1"), 80)
    assert group_member(statement("10.0.0.2-9 0")) == (ipaddress.ip_address("10.0.0.2"), 0)
    assert group_member(statement("fwmark 5 inet6")) == ("fwmark", 5)


@pytest.mark.parametrize(
    ("text", "said", "kept"),
    [
        (
            "lvs_sync_daemon lo V id 300 foo port 5 maxlen x",
            [("out-of-range", 4), ("bad-word", 5), ("bad-number", 9)],
            SyncDaemon(interface="lo", instance="V", port=5),
        ),
        ("lvs_sync_daemon lo V 7", [("deprecated", 3)], SyncDaemon(interface="lo", instance="V", identifier=7)),
        ("lvs_sync_daemon lo V id", [("missing-argument", 4)], SyncDaemon(interface="lo", instance="V")),
    ],
)
def test_one_wrong_option_costs_itself_alone(text: str, said: list[tuple[str, int]], kept: SyncDaemon) -> None:
    with pytest.raises(RefusedLineError) as caught:
        sync_daemon(statement(text))
    first = caught.value
    assert [(each.code, each.index) for each in (first, *first.also)] == said
    assert first.instead == kept


@pytest.mark.parametrize(
    "text", ["DR", "TUN", "TUN type gue port 5 remcsum", "TUN type gre csum", "TUN csum nocsum", "NAT nocsum"]
)
def test_forwarding_methods(text: str) -> None:
    assert forwarding(statement(f"lb_kind {text}")) is ForwardingMethod(text.split(maxsplit=1)[0])


def test_a_bad_tunnel_keeps_the_method() -> None:
    with pytest.raises(RefusedLineError) as caught:
        forwarding(statement("lb_kind TUN type gue"))
    assert caught.value.instead is ForwardingMethod.TUN


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("NAT nocsum", "NAT"),
        ("TUN type gre csum", "TUN type gre csum"),
        ("TUN eth0", "TUN"),
        ("TUN type gue port 0", "TUN"),
        ("TUN type gue", "TUN type gue"),
    ],
)
def test_words_of_a_forwarding_method_that_are_in_effect(text: str, left: str) -> None:
    assert " ".join(forwarding_words(statement(f"lb_kind {text}"))) == left


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("lb_kind", "missing-argument", 0),
        ("lb_kind Dr", "wrong-case", 1),
        ("lb_kind DRR", "bad-word", 1),
        ("lb_kind TUN type gue", "incomplete", 3),
        ("lb_kind TUN type ipip port 5", "bad-word", 5),
        ("lb_kind TUN csum", "bad-word", 2),
        ("lb_kind DR foo", "bad-word", 2),
        ("lb_kind TUN type x", "bad-word", 3),
        ("lb_kind TUN type", "missing-argument", 3),
        ("lb_kind TUN type gre remcsum", "bad-word", 4),
        ("lb_kind TUN type gue port 0", "out-of-range", 5),
    ],
)
def test_forwarding_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        forwarding(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("lvs_sync_daemon", "missing-argument", 0),
        ("lvs_sync_daemon lo V id", "missing-argument", 4),
        ("lvs_sync_daemon lo V 1", "deprecated", 3),
        ("lvs_sync_daemon lo V x", "bad-number", 3),
        ("lvs_sync_daemon lo inst V foo", "bad-word", 4),
        ("lvs_sync_daemon lo id 256", "out-of-range", 3),
        ("lvs_sync_daemon lo group 10.0.0.1", "bad-address", 3),
    ],
)
def test_sync_daemon_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        sync_daemon(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("lvs_timeouts tcp", "missing-argument", 1),
        ("lvs_timeouts tcp 5 tcp", "missing-argument", 4),
        ("lvs_timeouts tcp x udp 5", "bad-number", 2),
        ("lvs_timeouts foo 5", "bad-word", 1),
        ("lvs_timeouts udp 2678401", "out-of-range", 2),
    ],
)
def test_timeouts_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        timeouts(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("fwmark", "missing-argument", 1),
        ("fwmark x", "bad-number", 1),
        ("fwmark 5 inet7", "bad-word", 2),
        ("10.0.0.300 80", "bad-address", 0),
        ("10.0.0.1 99999", "out-of-range", 1),
    ],
)
def test_group_member_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        group_member(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)
