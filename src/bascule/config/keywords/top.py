# SPDX-License-Identifier: Apache-2.0
"""The top of a file: the blocks and the few words outside all blocks."""

from __future__ import annotations

from bascule.config.keywords import inline_addresses, inline_lvs, inline_routes, inline_rules, lines
from bascule.config.keywords.bascule import BASCULE
from bascule.config.keywords.global_defs import GLOBAL_DEFS
from bascule.config.keywords.virtual_server import VIRTUAL_SERVER
from bascule.config.keywords.vrrp_instance import VRRP_INSTANCE
from bascule.config.keywords.vrrp_tracking import (
    BFD_INSTANCE,
    GARP_GROUP,
    TRACK_FILE,
    TRACK_GROUP,
    VRRP_SCRIPT,
    VRRP_SYNC_GROUP,
    VRRP_TRACK_FILE,
    VRRP_TRACK_PROCESS,
)
from bascule.config.kinds import NAME, UINT_MAX, WORD, Integer, Kind
from bascule.config.schema import Block, Keyword

SSL = Block(
    "SSL",
    Keyword(
        "password",
        WORD,
        latest=True,
        default="none",
        meaning="SSL material: passphrase, CA file, certificate, private key",
    ),
    Keyword(
        "ca", WORD, latest=True, default="none", meaning="SSL material: passphrase, CA file, certificate, private key"
    ),
    Keyword(
        "certificate",
        WORD,
        latest=True,
        default="none",
        meaning="SSL material: passphrase, CA file, certificate, private key",
    ),
    Keyword(
        "key", WORD, latest=True, default="none", meaning="SSL material: passphrase, CA file, certificate, private key"
    ),
)

TOP = Block(
    "",
    Keyword(
        "linkbeat_use_polling",
        default="off (netlink)",
        meaning="poll media link by ethtool/MII/ioctl instead of netlink",
    ),
    Keyword(
        "net_namespace",
        NAME,
        once=True,
        default="none",
        meaning="run the whole daemon in this network namespace (also forces pid dir and suffix in syslog ident)",
    ),
    Keyword(
        "net_namespace_ipvs",
        NAME,
        default="default ns",
        meaning="put IPVS configuration into another namespace than checks",
    ),
    Keyword("namespace_with_ipsets", default="off", meaning="allow ipsets in a namespace on kernels < 3.13"),
    Keyword("use_pid_dir", default="off", meaning="put pid files under RUN/keepalived/"),
    Keyword(
        "instance",
        NAME,
        once=True,
        default="none",
        meaning="instance name: part of pid file names, of $_INSTANCE and of syslog ident",
    ),
    Keyword(
        "child_wait_time",
        Integer(0, UINT_MAX, "SECONDS"),
        default="5",
        meaning="time the parent waits for children to exit on stop",
    ),
    Keyword("global_defs", block=GLOBAL_DEFS, acted=True, meaning="global options block"),
    Keyword("SSL", block=SSL, default="OpenSSL defaults", meaning="client key material for SSL_GET"),
    Keyword(
        "virtual_server_group",
        NAME,
        lines=inline_lvs.group_member,
        options=inline_lvs.MEMBER,
        filled=True,
        meaning="named set of virtual addresses/fwmarks sharing one virtual_server",
    ),
    Keyword(
        "virtual_server", reader=lines.virtual_server_name, block=VIRTUAL_SERVER, acted=True, meaning="one IPVS service"
    ),
    Keyword(
        "track_group",
        NAME,
        block=TRACK_GROUP,
        acted=True,
        meaning="instances that follow the interfaces of static addresses, routes and rules",
    ),
    Keyword(
        "static_ipaddress",
        lines=inline_addresses.static_address,
        options=inline_addresses.STATIC,
        acted=True,
        meaning="addresses added at start, removed at stop, not moved by VRRP",
    ),
    Keyword(
        "static_routes",
        lines=inline_routes.static_route,
        options=inline_routes.STATIC,
        acted=True,
        meaning="routes installed at start",
    ),
    Keyword(
        "static_rules",
        lines=inline_rules.static_rule,
        options=inline_rules.STATIC,
        acted=True,
        meaning="policy rules installed at start",
    ),
    Keyword("vrrp_sync_group", NAME, block=VRRP_SYNC_GROUP, acted=True, meaning="instances that change state together"),
    Keyword("garp_group", block=GARP_GROUP, acted=True, meaning="per-interface pacing of gratuitous ARP / NA"),
    Keyword("linkbeat_interfaces", lines=lines.anything, meaning="interfaces whose link is polled"),
    Keyword("vrrp_instance", NAME, block=VRRP_INSTANCE, acted=True, meaning="one virtual router"),
    Keyword("vrrp_script", NAME, block=VRRP_SCRIPT, acted=True, meaning="periodic check script for VRRP tracking"),
    Keyword(
        "vrrp_track_process", NAME, block=VRRP_TRACK_PROCESS, acted=True, meaning="track number of running processes"
    ),
    Keyword(
        "interface_up_down_delays", lines=lines.anything, default="0 0", meaning="debounce of interface state changes"
    ),
    Keyword(
        "bfd_instance",
        Kind("NAME", longest=31),
        block=BFD_INSTANCE,
        acted=True,
        meaning="BFD session usable by track_bfd / BFD_CHECK",
    ),
    Keyword("track_file", NAME, block=TRACK_FILE, acted=True, meaning="value read from a file changes priority/weight"),
    Keyword(
        "vrrp_track_file",
        NAME,
        block=VRRP_TRACK_FILE,
        value="track_file",
        acted=True,
        meaning="value read from a file changes priority/weight",
    ),
    Keyword(
        "bascule",
        block=BASCULE,
        acted=True,
        meaning="bascule's own settings; keepalived complains of the block and skips it",
    ),
)
