# SPDX-License-Identifier: Apache-2.0
"""Words and options of lines, one fault at a time, beside `keepalived -t` 2.2.7: both complain of the line, or neither.

The table is of what was learned by such runs. `not-acted-on` does not count as a complaint, nor do checks that
keepalived does not have.
"""

from __future__ import annotations

import pathlib

import pytest

from bascule.config.loader import load
from bascule.model.diagnostic import Severity
from tests.interop.test_language_keepalived import false, keepalived, missed

pytestmark = pytest.mark.root

FILE = """\
global_defs {{
script_user root
enable_script_security
{global_defs}
}}
track_file tf {{
file /etc/hostname
{track_file}
}}
bfd_instance b {{
neighbor_ip 10.9.9.9
{bfd_instance}
}}
track_group tg {{
group {{
A
}}
}}
static_routes {{
{static_routes}
}}
vrrp_sync_group G {{
group {{
A
B
}}
{vrrp_sync_group}
}}
vrrp_instance A {{
interface lo0
virtual_router_id 11
{vrrp_instance}
}}
vrrp_instance B {{
interface lo0
virtual_router_id 12
}}
virtual_server 10.1.1.1 80 {{
protocol TCP
{virtual_server}
real_server 10.2.2.2 80 {{
{real_server}
}}
}}
{top}
"""
BLOCKS = (
    *("global_defs", "track_file", "bfd_instance", "static_routes", "vrrp_sync_group"),
    *("vrrp_instance", "virtual_server", "real_server", "top"),
)

LINES = {
    "global_defs": (
        *("vrrp_cpu_affinity 0", "vrrp_cpu_affinity", "vrrp_cpu_affinity x", "umask 022", "umask 0x22", "umask 01000"),
        *("umask IRUSR | IWGRP", "umask IRWXU", "umask IRUSR IWUSR", "vrrp_rx_bufs_policy", "vrrp_rx_bufs_policy mtu"),
        *("vrrp_rx_bufs_policy no_send", "vrrp_rx_bufs_policy 1000 MTU", "dynamic_interfaces allow_if_changes"),
        *(
            "dynamic_interfaces x",
            "lvs_flush_on_stop VS",
            "lvs_flush_on_stop vs",
            "include_check +match -wildcard_match",
        ),
        *("include_check readable", "vrrp_garp_extra_if all", "vrrp_garp_extra_if all 60", "vrrp_garp_extra_if 0"),
        *("process_name sixteencharacter", "vrrp_gna_interval 0", "vrrp_mcast_group6 224.0.0.18", "smtp_helo_name"),
        *(
            "vrrp_mcast_group4 ff02::12",
            "state_dump_file /x",
            "json_version 2",
            "vrrp_ipsets a",
            "max_auto_priority 100",
        ),
        *(
            "startup_script /bin/true\nstartup_script /bin/false",
            "notify_fifo /a\nnotify_fifo /b",
            "nftables\nnftables",
        ),
        *("snmp_socket a\nsnmp_socket b", "vmac_prefix a\nvmac_prefix b", "smtp_server 10.0.0.300", "vrrp_version 4"),
        *("lvs_sync_daemon lo0\nlvs_sync_daemon lo0", "lvs_timeouts tcp x", "checker_rt_priority 100"),
    ),
    "track_file": ("weight 5\nweight 6", "weight 5 noreverse", "weight 5 reverse", "init_file x"),
    "bfd_instance": (
        *("source_ip fe80::1", "weight 5 noreverse", "min_rx 0", "multiplier 0", "max_hops 300", "multihop"),
        *("hoplimit 255", "passive x", "idle_tx 5"),
    ),
    "static_routes": (
        *("10.8.0.0/16 dev lo0 rto_min 5", "10.8.0.0/16 dev lo0 rto_min 5.5", "10.8.0.0/16 dev lo0 rto_min 200s"),
        *("10.8.0.0/16 dev lo0 rtt 1.5s", "10.8.0.0/16 dev lo0 no-track", "10.8.0.0/16 dev lo0 no_track"),
        *("10.8.0.0/16 dev lo0 track_group tg", "10.8.0.0/16 dev lo0 track_group x", "10.8.0.0/16 nexthop x"),
        *(
            "10.8.0.0/16 nexthop via 10.0.0.1 weight 5 nexthop via 10.0.0.2",
            "10.8.0.0/16 nexthop via 10.0.0.1 weight 300",
        ),
        *("10.8.0.0/16 encap ip", "10.8.0.0/16 encap ip dst 10.0.0.1 dev lo0", "10.8.0.0/16 via fe80::1"),
        *("10.8.0.0/16 dev lo0 hoplimit 300", "10.8.0.0/16 dev lo0 features x", "10.8.0.0/33 dev lo0"),
    ),
    "vrrp_sync_group": ("notify /bin/true\nnotify /bin/false", "notify_stop /bin/true\nnotify_stop /bin/true"),
    "vrrp_instance": (
        *("use_ipvlan a b", "use_ipvlan bridge private", "use_ipvlan\nuse_ipvlan", "use_ipvlan i5 10.0.0.3 bridge"),
        *("old_unicast_checksum never", "old_unicast_checksum x", "garp_extra_if all", "garp_extra_if 5 x"),
        *("notify_master /bin/true\nnotify_master /bin/false", "notify_deleted", "owner_ignore_adverts"),
        *("native_ipv6\nvirtual_ipaddress {\n10.0.0.1\n}", "virtual_ipaddress {\n10.0.0.1\n}\nnative_ipv6"),
        *(
            "mcast_src_ip 10.0.0.2\nunicast_src_ip fe80::1",
            "unicast_peer {\nfe80::1\n}\nvirtual_ipaddress {\n10.0.0.1\n}",
        ),
        *(
            "virtual_ipaddress {\nfe80::1\n10.0.0.1\n}",
            "virtual_ipaddress_excluded {\nfe80::1\n}\nmcast_src_ip 10.0.0.2",
        ),
        *("virtual_ipaddress {\n10.0.0.1 no-track\n}", "virtual_ipaddress {\n10.0.0.1 peer fe80::1\n}"),
        *("virtual_ipaddress {\n10.0.0.1 peer 10.0.0.8 peer 10.0.0.9\n}", "virtual_ipaddress {\n10.0.0.1/33\n}"),
        *("virtual_rules {\nfrom 10.0.0.0/8 table 5 preference 9 no-track\n}", "nopreempt \\", "nopreempt\\"),
        *("track_bfd {\nb\n}", "track_bfd {\nx\n}", "track_file {\ntf weight 5 reverse\n}", "track_file {\ntf x\n}"),
        *("v3_checksum_as_v2", "auth_hmac {\nkey 1 x\n}", "# comment \\", "debug 1 # comment \\", "state FAULT"),
    ),
    "virtual_server": (
        *("sh-port\nlb_algo sh", "lb_algo sh\nsh-port", "lb_algo mh\nsh-port", "lb_algo rr\nhashed"),
        *("persistence_granularity 255.255.255.0", "persistence_granularity x", "ip_family inet6"),
        *(
            "sorry_server_inhibit",
            "sorry_server 10.0.0.9 80\nsorry_server_inhibit",
            "persistence_engine sixteencharacter",
        ),
        *("sorry_server x 80\nsorry_server_inhibit", "quorum_up /bin/true\nquorum_up /bin/false", "delay_loop 0"),
    ),
    "real_server": (
        *("BFD_CHECK {\nname b\n}", "BFD_CHECK {\nname x\n}", "BFD_CHECK {\nname b\nalpha x\n}", "BFD_CHECK {\n}"),
        *("DNS_CHECK {\nname a..b\n}", "DNS_CHECK {\nname a\nname b\n}", "DNS_CHECK {\ntype x\n}", "DNS_CHECK {\n}"),
        *("UDP_CHECK {\npayload 0a 0b\n}", "UDP_CHECK {\npayload 0a zz\n}", "UDP_CHECK {\nrequire_reply zz\n}"),
        *("UDP_CHECK {\nmin_reply_length 300\n}", "UDP_CHECK {\nmin_reply_length 30\nmax_reply_length 20\n}"),
        *("TCP_CHECK {\nconnect_ip fe80::1\n}", "TCP_CHECK {\nconnect_ip fe80::1\nbind_if lo0\n}"),
        *("SMTP_CHECK {\nhost {\nconnect_ip 10.0.0.9\nbindto fe80::1\n}\n}", "TCP_CHECK {\nbindto fe80::1\n}"),
        *("HTTP_GET {\nurl {\npath /\nstatus_code\n}\n}", "HTTP_GET {\nurl {\npath /\nregex\n}\n}"),
        *("HTTP_GET {\nurl {\npath /\nstatus_code 200-299 600\n}\n}", "HTTP_GET {\n}", "notify_up /x\nnotify_up /y"),
        f"HTTP_GET {{\nurl {{\npath /\ndigest {'0' * 32}\ndigest {'1' * 32}\n}}\n}}",
        "HTTP_GET {\nsni_name a\nurl {\npath /\n}\n}",
    ),
    "top": (
        *("net_namespace_ipvs a", "instance a\ninstance b", "SSL {\nca a\nca b\n}", "SSL {\nca a\nkey b\n}"),
        *("bfd_instance c {\nneighbor_ip 10.9.9.9\n}", f"bfd_instance {'x' * 40} {{\nneighbor_ip 10.9.9.8\n}}"),
        *(
            "vrrp_track_process p {\nprocess a\nweight 5\nweight 6\n}",
            "vrrp_script s {\n}",
            "vrrp_script s {\nscript\n}",
        ),
    ),
}


@pytest.mark.parametrize(("block", "lines"), [(block, lines) for block in LINES for lines in LINES[block]])
def test_both_complain_or_neither(tmp_path: pathlib.Path, block: str, lines: str) -> None:
    path = tmp_path / "k.conf"
    path.write_text(FILE.format(**{name: lines if name == block else "" for name in BLOCKS}))
    verdict = keepalived(path)
    found = [one for one in load([path]).diagnostics if one.severity is not Severity.NOTE]
    found = [one for one in found if one.code != "not-acted-on"]
    assert not missed(verdict, found)
    assert not false(verdict, found)
