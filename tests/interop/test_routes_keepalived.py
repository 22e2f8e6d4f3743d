# SPDX-License-Identifier: Apache-2.0
"""Addresses, routes and rules of one file, as real keepalived 2.2.7 puts them into a kernel and as we do: line by line
what `ip` shows of two hosts that are alike, while active, and after the end.

What keepalived 2.2.7 reads and does not do is left out: it notes itself as the origin whatever `protocol` says.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from bascule.config.loader import load
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.messages import Role
from tests.interop.conftest import Keepalived

pytestmark = [pytest.mark.root, pytest.mark.lab]

PATIENCE = 20.0

STATIC = """
static_ipaddress {
    10.9.1.1/24 dev eth0 scope link
    10.9.2.1/32 peer 10.9.2.2 dev eth0
    fd09::1/64 dev eth0
    10.9.3.1/24 brd + label eth0:s
    10.9.4.1/24 dev eth0 noprefixroute
}
static_routes {
    10.10.0.0/16 via 192.168.7.2 dev eth0
    fd10::/64 via fd07::2 dev eth0
    10.11.0.0/16 nexthop via 192.168.7.2 dev eth0 weight 2 nexthop via 192.168.7.3 dev eth0 weight 3
}
static_rules {
    from 10.9.0.0/16 table 10
    to fd10::/64 table 11 priority 900
}
"""

ADDRESSES = """
    virtual_ipaddress {
        192.168.7.100/24
        192.168.8.101/24 scope link
        192.168.7.102 brd 192.168.7.255 label eth0:v
    }
    virtual_ipaddress_excluded {
        fd07::77/64
        fd07::78/64 preferred_lft 0
        fd07::79/64 home noprefixroute
        fd07::80/64 -nodad
        fd07::81
        10.8.0.1/24 brd + label eth0:x
        10.8.1.1 peer 10.8.1.2 dev eth0
    }
"""

ROUTES = """
        10.20.0.0/16 via 192.168.7.2
        10.21.0.0/16 dev eth0 table 100 metric 77 scope link
        fd21::/64 via fd07::2 metric 5 pref high
        blackhole 10.22.0.0/16
        unreachable 10.24.0.0/16
        prohibit 10.25.0.0/16 table 101
        throw 10.26.0.0/16 table 101
        10.23.0.0/16 src 192.168.7.100 via 192.168.7.2 mtu lock 1400 advmss 1200 initcwnd 12 initrwnd 13
        10.33.0.0/16 via 192.168.7.2 quickack 1 window 20000 hoplimit 44 congctl lock reno
        10.27.0.0/16 via 192.168.7.2 tos 0x10 realms 3/4
        10.28.0.0/16 via 192.168.7.2 rtt 300ms rttvar 20ms rto_min 250ms cwnd lock 9 ssthresh 8 reordering 5
        10.34.0.0/16 via 192.168.7.2 features ecn fastopen_no_cookie 1
        10.29.0.0/16 via 172.31.0.1 dev eth0 onlink
        fd22::/64 via fd07::2 expires 600
        10.31.0.0/16 nexthop via 192.168.7.2 dev eth0 weight 5 nexthop via 172.31.0.3 dev eth0 onlink
        fd23::/64 nexthop via fd07::2 dev eth0 weight 5 nexthop via fd07::3 dev eth0
        default via 192.168.7.9 table 300
        local 10.32.0.0/16 dev lo table 301 scope host
        10.35.0.0/16 via 192.168.7.2 dev eth0 add
        10.36.0.0/16 via 192.168.7.2 dev eth0 append
"""

RULES = """
        from 10.20.0.0/16 table 100
        to fd21::/64 table 100
        from 10.21.0.0/16 table 100 priority 500
        not from 10.23.0.0/16 to 10.24.0.0/16 tos 0x10 iif eth0 table 300 priority 501
        oif lo fwmark 0x12/0xff table 100 priority 502
        fwmark 0x13 goto 16000 priority 503
        from 10.1.0.0/16 blackhole priority 504
        from 10.2.0.0/16 unreachable priority 505
        to fd01::/64 prohibit priority 506
        uidrange 100-200 table 100 priority 507
        ipproto tcp sport 80-90 dport 443-443 table 100 priority 508
        from 10.3.0.0/16 table 100 suppress_prefixlength 16 priority 509
        from 10.4.0.0/16 table 100 suppress_ifgroup 7 priority 510
        from 10.5.0.0/16 realms 2/3 table 100 priority 511
        tunnel-id 77 table 100 priority 512
        from 10.6.0.0/16 nop priority 513
        from 10.7.0.0/16 table 100 priority 514
"""

INSTANCE = f"""
    advert_int 1
{ADDRESSES}
    virtual_routes {{
{ROUTES}
    }}
    virtual_rules {{
{RULES}
    }}
"""

SHOWN = (
    ("-4", "-details", "address", "show"),
    ("-6", "-details", "address", "show", "scope", "global"),
    ("-4", "-details", "route", "show", "table", "all"),
    ("-6", "-details", "route", "show", "table", "all"),
    ("-4", "-details", "rule", "show"),
    ("-6", "-details", "rule", "show"),
)

_CHANGING = re.compile(r"valid_lft.*|link/ether.*|expires \d+sec|if\d+:|(?:@if|id )\d+|link-netns\S* ?\S*|dynamic")


_HOSTS_OWN = re.compile("fe80::|ff00::|numtxqueues|qdisc|expires -")


def _alike(name: str) -> Host:
    link = Link(segment=name, addresses=("192.168.7.1/24", "fd07::1/64"))
    return Host(name=name, role=HostRole.ROUTER, links=(link,))


TWINS = Topology(
    name="twins",
    about="Two hosts with the same addresses on a segment of their own each.",
    segments=(Segment(name="theirs"), Segment(name="ours")),
    hosts=(_alike("theirs"), _alike("ours")),
)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(TWINS) as built:
        yield built


def shown(host: LabHost) -> list[str]:
    """What `ip` shows, without what differs between two hosts and from one second to the next."""
    text = "\n".join(host.run(["ip", *arguments]).stdout for arguments in SHOWN)
    lines = (" ".join(_CHANGING.sub("", line).split()) for line in text.splitlines())
    return sorted(line for line in lines if line and not _HOSTS_OWN.search(line))


def settled(host: LabHost) -> bool:
    return "tentative" not in host.run(["ip", "address"]).stdout


def routes(host: LabHost) -> str:
    return host.run(["ip", "route", "show", "table", "all"]).stdout


def test_every_line_of_a_file_leads_to_what_keepalived_puts(network: Network) -> None:
    theirs, ours = network.host("theirs"), network.host("ours")
    before = shown(theirs)
    assert before == shown(ours)
    peer = Keepalived(theirs, 200, INSTANCE, before=STATIC)
    wait_for(lambda: "10.36.0.0/16" in routes(theirs), PATIENCE, "keepalived to be active", evidence=peer.log)
    wait_for(lambda: "514:" in theirs.run(["ip", "rule"]).stdout, PATIENCE, "its rules", evidence=peer.log)
    file = ours.folder / "bascule.conf"
    head = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 200\n"
    file.write_text(STATIC + head + INSTANCE + "}\n")
    configuration, diagnostics = load([file])
    assert configuration is not None
    assert diagnostics == ()
    with LoneRole(ours, Role.VRRP, configuration) as role:
        wait_for(lambda: "10.36.0.0/16" in routes(ours), PATIENCE, "us to be active", evidence=role.log)
        wait_for(lambda: "514:" in ours.run(["ip", "rule"]).stdout, PATIENCE, "our rules", evidence=role.log)
        for host in (ours, theirs):
            wait_for(functools.partial(settled, host), PATIENCE, "no duplicates")
        here, there = Counter(shown(ours)), Counter(shown(theirs))
        assert (here - there, there - here) == (Counter(), Counter()), role.log()
        assert "route_not_put" not in role.log()
        assert role.stop() == 0
    peer.stop()
    # The route that the kernel makes for an IPv6 address with a lifetime goes when that is over.
    wait_for(lambda: shown(ours) == before, PATIENCE, "all of it to be gone", evidence=lambda: "\n".join(shown(ours)))
    left = Counter(shown(theirs)) - Counter(before)
    assert not [line for line in left if "10.8.1." not in line and "10.9.2." not in line], "it forgets those with peers"
