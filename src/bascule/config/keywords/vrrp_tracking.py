# SPDX-License-Identifier: Apache-2.0
"""What instances share or follow: sync groups, scripts, files, processes, BFD sessions, ARP pacing."""

from __future__ import annotations

from bascule.config.keywords import lines
from bascule.config.keywords.inline_instances import (
    TRACKED,
)
from bascule.config.kinds import BOOL, INT_MAX, INTERFACE, IP, REVERSED, SCRIPT, WORD, Decimal, Integer, Kind, words
from bascule.config.schema import Block, Keyword

VRRP_SYNC_GROUP = Block(
    "vrrp_sync_group",
    Keyword("group", lines=lines.words, default="required", acted=True, meaning="instances in the group"),
    *TRACKED,
    Keyword(
        "notify_backup", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on entering BACKUP"
    ),
    Keyword(
        "notify_master", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on entering MASTER"
    ),
    Keyword("notify_fault", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on entering FAULT"),
    Keyword("notify_stop", SCRIPT, rest=WORD, default="none", acted=True, once=True, meaning="run on daemon stop"),
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
        "smtp_alert",
        BOOL,
        optional=1,
        default="smtp_alert_vrrp > smtp_alert > off",
        acted=True,
        meaning="mail on state changes",
    ),
    Keyword(
        "global_tracking",
        value="sync_group_tracking_weight",
        old="is an old name of 'sync_group_tracking_weight'",
        default="off",
        acted=True,
        meaning="old name of sync_group_tracking_weight",
    ),
    Keyword("sync_group_tracking_weight", default="off", acted=True, meaning="allow weighted tracking in a sync group"),
    Keyword(
        "notify_priority_changes",
        BOOL,
        optional=1,
        default="global value",
        acted=True,
        meaning="also notify priority changes",
    ),
)

VRRP_SCRIPT = Block(
    "vrrp_script",
    Keyword("script", SCRIPT, bare=True, rest=WORD, default="required", acted=True, meaning="command; exit 0 = ok"),
    Keyword("interval", Integer(1, 4294, "SECONDS", instead=1), default="1", acted=True, meaning="period"),
    Keyword(
        "timeout",
        Integer(1, 4294, "SECONDS", instead=1),
        default="= interval",
        acted=True,
        meaning="kill and fail after",
    ),
    Keyword(
        "weight",
        Integer(-253, 253),
        rest=REVERSED,
        default="0 (fault on failure)",
        acted=True,
        meaning="priority change: + on success if >0, - on failure if <0",
    ),
    Keyword("rise", Integer(1, INT_MAX), default="1", acted=True, meaning="successes / failures needed"),
    Keyword("fall", Integer(1, INT_MAX), default="1", acted=True, meaning="successes / failures needed"),
    Keyword("user", WORD, rest=WORD, default="script_user", acted=True, meaning="user of this script"),
    Keyword("init_fail", default="off", acted=True, meaning="assume failure until the first result"),
    needs=("script",),
)

VRRP_TRACK_PROCESS = Block(
    "vrrp_track_process",
    Keyword("process", SCRIPT, once=True, rest=WORD, default="required", acted=True, meaning="process to count"),
    Keyword(
        "param_match",
        words("initial|partial"),
        optional=1,
        default="exact when bare",
        acted=True,
        meaning="compare parameters too",
    ),
    Keyword("weight", Integer(-254, 254), rest=REVERSED, once=True, default="0", acted=True, meaning="priority change"),
    Keyword("quorum", Integer(1, 65535), default="1", acted=True, meaning="processes needed"),
    Keyword("quorum_max", Integer(0, 65535), default="none", acted=True, meaning="at most this many"),
    Keyword("delay", Decimal(0.000001, 3600), default="0", acted=True, meaning="debounce (both / down / up)"),
    Keyword("terminate_delay", Decimal(0.000001, 3600), default="0", acted=True, meaning="debounce (both / down / up)"),
    Keyword("fork_delay", Decimal(0.000001, 3600), default="0", acted=True, meaning="debounce (both / down / up)"),
    Keyword("full_command", default="off", acted=True, meaning="match full command path"),
    needs=("process",),
)

TRACK_FILE = Block(
    "track_file",
    Keyword("file", Kind("PATH"), once=True, default="required", acted=True, meaning="file with one integer"),
    Keyword("weight", Integer(-254, 254), rest=REVERSED, once=True, default="1", acted=True, meaning="multiplier"),
    Keyword(
        "init_file",
        reader=lines.initial_value,
        default="not created",
        acted=True,
        meaning="create/overwrite the file at start",
    ),
    needs=("file",),
)

VRRP_TRACK_FILE = Block(
    "vrrp_track_file",
    Keyword("file", Kind("PATH"), once=True, default="required", acted=True, meaning="file with one integer"),
    Keyword("weight", Integer(-254, 254), rest=REVERSED, once=True, default="1", acted=True, meaning="multiplier"),
    Keyword(
        "init_file",
        reader=lines.initial_value,
        default="not created",
        acted=True,
        meaning="create/overwrite the file at start",
    ),
    needs=("file",),
)

TRACK_GROUP = Block(
    "track_group",
    Keyword("group", lines=lines.words, filled=True, acted=True, meaning="instances in the group"),
)

GARP_GROUP = Block(
    "garp_group",
    Keyword(
        "garp_interval", Decimal(), default="0", acted=True, meaning="gap between gratuitous ARPs on one interface"
    ),
    Keyword(
        "gna_interval",
        Decimal(0),
        default="0",
        acted=True,
        meaning="gap between unsolicited neighbour adverts on one interface",
    ),
    Keyword("interface", INTERFACE, acted=True, meaning="one interface"),
    Keyword("interfaces", lines=lines.words, acted=True, meaning="interfaces that share one pacing"),
)

BFD_INSTANCE = Block(
    "bfd_instance",
    Keyword("source_ip", IP, default="any", acted=True, meaning="BFD local address"),
    Keyword("neighbor_ip", IP, default="required", acted=True, meaning="BFD peer"),
    Keyword("neighbour_ip", IP, default="required", acted=True, meaning="BFD peer"),
    Keyword(
        "min_rx",
        Decimal(1, 4294967, "MILLISECONDS"),
        default="10",
        acted=True,
        meaning="shortest time between two packets that can be received",
    ),
    Keyword(
        "min_tx",
        Decimal(1, 4294967, "MILLISECONDS"),
        default="10",
        acted=True,
        meaning="shortest time between two packets that are sent",
    ),
    Keyword(
        "idle_tx",
        Integer(1000, 4294967, "MILLISECONDS"),
        default="1000",
        acted=True,
        meaning="transmit interval when down",
    ),
    Keyword("multiplier", Integer(1, 255), default="5", acted=True, meaning="detection multiplier"),
    Keyword("passive", default="off", acted=True, meaning="do not start the session"),
    Keyword("ttl", Integer(1, 255), default="255 / 64", acted=True, meaning="TTL / hop limit sent"),
    Keyword("hoplimit", Integer(1, 255), default="255 / 64", acted=True, meaning="TTL / hop limit sent"),
    Keyword("max_hops", Integer(-1, 255), default="0", acted=True, meaning="accepted hop count of received packets"),
    Keyword("multihop", BOOL, optional=1, default="off", later=True, meaning="RFC5883 multihop port 4784"),
    Keyword("vrrp", default="both", meaning="only tell VRRP / checker process about this session"),
    Keyword(
        "weight", Integer(-253, 253), rest=REVERSED, default="0", acted=True, meaning="default weight for track_bfd"
    ),
    Keyword("checker", default="both", meaning="only tell VRRP / checker process about this session"),
    needs=("neighbor_ip|neighbour_ip",),
)
