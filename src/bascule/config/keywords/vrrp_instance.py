# SPDX-License-Identifier: Apache-2.0
"""`vrrp_instance`: one virtual router (keepalived.conf(5), VRRP INSTANCE)."""

from __future__ import annotations

from bascule.config.keywords import arguments, inline_addresses, inline_instances, inline_routes, inline_rules
from bascule.config.keywords.inline_instances import (
    TRACKED,
)
from bascule.config.kinds import (
    BOOL,
    GROUP,
    INT_MAX,
    INTERFACE,
    IP,
    SCRIPT,
    UINT_MAX,
    WORD,
    Choice,
    Decimal,
    Integer,
    words,
)
from bascule.config.schema import Block, Keyword
from bascule.model.configuration import AuthType, HmacMode, VrrpState

STATE = Choice({"MASTER": VrrpState.MASTER, "BACKUP": VrrpState.BACKUP}, "MASTER|BACKUP")
AUTH_TYPE = Choice({"PASS": AuthType.PASS, "AH": AuthType.AH}, "PASS|AH")

VERSION = Integer(2, 3)
HMAC_MODE = Choice({mode.value: mode for mode in HmacMode}, "enforce|permissive|receive-only")

AUTHENTICATION = Block(
    "authentication",
    Keyword("auth_type", AUTH_TYPE, default="none", acted=True, meaning="type"),
    Keyword("auth_pass", WORD, acted=True, meaning="password"),
)

AUTH_HMAC = Block(
    "auth_hmac",
    Keyword("key", WORD, rest=WORD, repeats=True, later=True, acted=True, meaning="one key"),
    Keyword("active_key", Integer(1, 255), later=True, acted=True, meaning="key used to send"),
    Keyword("time_window", Integer(1, 300, "SECONDS"), later=True, acted=True, meaning="accepted clock difference"),
    Keyword("anti_replay", words("time|monotonic"), default="time", later=True, acted=True, meaning="replay counter"),
    Keyword(
        "mode", HMAC_MODE, default="enforce", later=True, acted=True, meaning="treatment of unauthenticated adverts"
    ),
)

VRRP_INSTANCE = Block(
    "vrrp_instance",
    Keyword(
        "use_vmac",
        rest=WORD,
        default="off; name vrrp.VRID",
        acted=True,
        meaning="run on a macvlan with the VRRP MAC 00:00:5e:00:01:VRID",
    ),
    Keyword(
        "use_vmac_addr",
        default="off",
        acted=True,
        meaning="use_vmac of every address on another interface or of the other IP version",
    ),
    Keyword("vmac_xmit_base", default="off", acted=True, meaning="send adverts on the base interface"),
    Keyword(
        "use_ipvlan",
        reader=arguments.ipvlan,
        once=True,
        default="off",
        acted=True,
        meaning="send adverts from an ipvlan",
    ),
    Keyword(
        "unicast_peer",
        lines=inline_instances.peer,
        options=inline_instances.PEER,
        default="none (multicast)",
        acted=True,
        meaning="send adverts by unicast",
    ),
    Keyword("unicast_fault_no_peer", default="off", meaning="fault when there is no peer"),
    Keyword(
        "check_unicast_src", default="off", acted=True, meaning="drop unicast adverts from other than configured peers"
    ),
    Keyword(
        "old_unicast_checksum",
        reader=arguments.option("never"),
        default="auto",
        acted=True,
        meaning="VRRPv3 IPv4 checksum of unicast adverts as keepalived had it up to 1.3.6",
    ),
    Keyword("native_ipv6", default="off", acted=True, meaning="force an IPv6 instance"),
    Keyword("state", STATE, default="BACKUP (MASTER if priority 255)", acted=True, meaning="initial state"),
    Keyword("interface", INTERFACE, default="required (unless vrf etc.)", acted=True, meaning="interface"),
    Keyword("vrf", INTERFACE, default="none", meaning="VRF for VIPs"),
    Keyword("dont_track_primary", default="off", acted=True, meaning="ignore faults of the own interface"),
    *TRACKED,
    Keyword("mcast_src_ip", IP, default="first address of interface", acted=True, meaning="source address of adverts"),
    Keyword(
        "unicast_src_ip", IP, default="first address of interface", acted=True, meaning="source address of adverts"
    ),
    Keyword("mcast_dst_ip", GROUP, default="global group", acted=True, meaning="destination of adverts"),
    Keyword("track_src_ip", default="off", meaning="fault if the source address disappears"),
    Keyword("virtual_router_id", Integer(1, 255), default="required", acted=True, meaning="VRID"),
    Keyword("unicast_ttl", Integer(0, 255), default="255", acted=True, meaning="TTL of unicast adverts"),
    Keyword("version", VERSION, default="2 (3 for IPv6)", acted=True, meaning="VRRP version"),
    Keyword("priority", Integer(1, 255), default="100 (255 if state MASTER)", acted=True, meaning="priority"),
    Keyword("advert_int", Decimal(0.01, 255), default="1", acted=True, meaning="advert interval"),
    Keyword(
        "virtual_ipaddress",
        lines=inline_addresses.virtual_address,
        options=inline_addresses.VIRTUAL,
        default="v4 /32, v6 /128",
        acted=True,
        meaning="VIPs (in / not in the advert; max 255 in advert)",
    ),
    Keyword(
        "virtual_ipaddress_excluded",
        lines=inline_addresses.virtual_address,
        options=inline_addresses.VIRTUAL,
        default="v4 /32, v6 /128",
        acted=True,
        meaning="VIPs (in / not in the advert; max 255 in advert)",
    ),
    Keyword("no_virtual_ipaddress", default="off", later=True, meaning="allow an instance without VIPs"),
    Keyword(
        "promote_secondaries", default="off", meaning="set promote_secondaries so removing a primary keeps secondaries"
    ),
    Keyword("linkbeat_use_polling", default="off", meaning="poll link of the interface"),
    Keyword(
        "v3_checksum_as_v2",
        BOOL,
        optional=1,
        default="global value",
        acted=True,
        later=True,
        meaning="VRRPv3 checksum without pseudo header",
    ),
    Keyword(
        "virtual_routes",
        lines=inline_routes.virtual_route,
        options=inline_routes.VIRTUAL,
        acted=True,
        meaning="routes present while MASTER",
    ),
    Keyword(
        "virtual_rules",
        lines=inline_rules.virtual_rule,
        options=inline_rules.VIRTUAL,
        acted=True,
        meaning="rules present while MASTER",
    ),
    Keyword(
        "accept",
        default="accept (strict: no_accept)",
        acted=True,
        meaning="accept / drop packets to the VIP when not address owner",
    ),
    Keyword(
        "no_accept",
        default="accept (strict: no_accept)",
        acted=True,
        meaning="accept / drop packets to the VIP when not address owner",
    ),
    Keyword(
        "skip_check_adv_addr",
        BOOL,
        optional=1,
        default="off",
        acted=True,
        meaning="do not compare VIP list when advert comes from the same master as before",
    ),
    Keyword(
        "strict_mode",
        BOOL,
        optional=1,
        default="off",
        acted=True,
        meaning="enforce RFC: no unicast, no auth with v3, VIP needed, etc.",
    ),
    Keyword("preempt", default="preempt", acted=True, meaning="higher priority takes over / does not"),
    Keyword("nopreempt", default="preempt", acted=True, meaning="higher priority takes over / does not"),
    Keyword(
        "preempt_delay",
        Decimal(0, 1000),
        default="0",
        acted=True,
        meaning="wait before preempting a lower-priority master",
    ),
    Keyword("debug", Integer(0, 4), default="0", meaning="log level of this instance"),
    Keyword(
        "notify_backup", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on entering BACKUP"
    ),
    Keyword(
        "notify_master", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on entering MASTER"
    ),
    Keyword("notify_fault", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on entering FAULT"),
    Keyword("notify_stop", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on daemon stop"),
    Keyword(
        "notify_deleted",
        SCRIPT,
        bare=True,
        optional=1,
        rest=WORD,
        default="none",
        acted=True,
        once=True,
        meaning="run on instance removed by reload (without it notify_fault is used)",
    ),
    Keyword(
        "notify",
        SCRIPT,
        rest=WORD,
        default="none",
        acted=True,
        once=True,
        meaning="run on every change with arguments INSTANCE|GROUP NAME STATE PRIORITY",
    ),
    Keyword(
        "notify_master_rx_lower_pri",
        SCRIPT,
        rest=WORD,
        default="none",
        acted=True,
        once=True,
        meaning="run on lower-priority advert seen as MASTER",
    ),
    Keyword(
        "smtp_alert",
        BOOL,
        optional=1,
        default="smtp_alert_vrrp > smtp_alert > off",
        acted=True,
        meaning="mail on state changes",
    ),
    Keyword(
        "notify_priority_changes",
        BOOL,
        optional=1,
        default="global value",
        acted=True,
        meaning="also notify priority changes",
    ),
    Keyword(
        "lvs_sync_daemon_interface",
        INTERFACE,
        once=True,
        meaning="per-instance form of lvs_sync_daemon; first one wins",
    ),
    Keyword(
        "garp_master_delay",
        Integer(0, 4294, "SECONDS"),
        default="5",
        acted=True,
        meaning="delay of the second burst of gratuitous ARP/NA after becoming MASTER",
    ),
    Keyword(
        "garp_master_refresh",
        Integer(0, UINT_MAX, "SECONDS"),
        default="0 (off)",
        acted=True,
        meaning="period of repeated gratuitous ARP while MASTER",
    ),
    Keyword(
        "garp_master_repeat",
        Integer(1, UINT_MAX, instead=1),
        default="5",
        acted=True,
        meaning="messages per burst after becoming MASTER",
    ),
    Keyword(
        "garp_master_refresh_repeat",
        Integer(1, UINT_MAX, instead=1),
        default="1",
        acted=True,
        meaning="messages per refresh",
    ),
    Keyword(
        "garp_lower_prio_delay",
        Integer(0, 4294, "SECONDS"),
        default="= garp_master_delay",
        acted=True,
        meaning="second burst delay after a lower-priority advert was seen as MASTER",
    ),
    Keyword(
        "garp_lower_prio_repeat",
        Integer(0, INT_MAX),
        default="= garp_master_repeat",
        acted=True,
        meaning="burst size after a lower-priority advert",
    ),
    Keyword(
        "down_timer_adverts",
        Integer(1, 100),
        default="3",
        acted=True,
        meaning="adverts missed before MASTER is deemed down",
    ),
    Keyword(
        "timer_expired_backup",
        Integer(1, 254),
        optional=1,
        default="254",
        later=True,
        meaning="go to BACKUP when own timers ran very late",
    ),
    Keyword(
        "thread_timer_expired",
        Integer(1, 254),
        optional=1,
        default="254",
        later=True,
        meaning="go to BACKUP when own timers ran very late",
    ),
    Keyword(
        "garp_extra_if",
        reader=arguments.repeating_or_never,
        default="global value",
        acted=True,
        meaning="as vrrp_garp_extra_if",
    ),
    Keyword(
        "vmac_garp_intvl",
        reader=arguments.repeating_or_never,
        value="garp_extra_if",
        old="is an old name of 'garp_extra_if'",
        default="global value",
        acted=True,
        meaning="as vrrp_garp_extra_if",
    ),
    Keyword(
        "lower_prio_no_advert",
        BOOL,
        optional=1,
        default="off",
        acted=True,
        meaning="MASTER does not answer a lower-priority advert with an advert",
    ),
    Keyword(
        "higher_prio_send_advert",
        BOOL,
        optional=1,
        default="off",
        acted=True,
        meaning="send one more advert when yielding to a higher priority",
    ),
    Keyword(
        "owner_ignore_adverts",
        BOOL,
        optional=1,
        default="off",
        later=True,
        meaning="address owner (priority 255) ignores adverts",
    ),
    Keyword("kernel_rx_buf_size", Integer(0, UINT_MAX, "BYTES"), default="kernel", meaning="socket receive buffer"),
    Keyword("authentication", block=AUTHENTICATION, default="none", acted=True, meaning="auth block"),
    Keyword(
        "auth_hmac", block=AUTH_HMAC, default="none", later=True, acted=True, meaning="HMAC authentication (new in 2.4)"
    ),
    Keyword(
        "lvs_sync_daemon_inteface",
        INTERFACE,
        once=True,
        value="lvs_sync_daemon_interface",
        legacy="is skipped by keepalived; read as lvs_sync_daemon_interface, which bascule does not act on yet",
        meaning="a common misspelling of lvs_sync_daemon_interface",
    ),
)
