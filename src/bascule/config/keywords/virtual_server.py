# SPDX-License-Identifier: Apache-2.0
"""`virtual_server`: one service (keepalived.conf(5), VIRTUAL SERVER)."""

from __future__ import annotations

from bascule.config.keywords import lines
from bascule.config.keywords.real_server import REAL_SERVER
from bascule.config.kinds import (
    BOOL,
    INT_MAX,
    IP,
    NAME,
    SCRIPT,
    SECONDS_MAX,
    UINT_MAX,
    WORD,
    Choice,
    Decimal,
    Integer,
    words,
)
from bascule.config.schema import Block, Keyword
from bascule.model.service import Protocol, Scheduler

PROTOCOL = Choice({"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP}, "TCP|UDP|SCTP", any_case=True)
SERVER_PORT = Integer(0, 65535, "PORT")
SCHEDULER = Choice({scheduler.value: scheduler for scheduler in Scheduler}, "SCHEDULER")

VIRTUAL_SERVER = Block(
    "virtual_server",
    Keyword("ip_family", words("inet|inet6"), default="from address", meaning="family of a fwmark service"),
    Keyword(
        "retry",
        Integer(1, UINT_MAX),
        default="checker default",
        acted=True,
        meaning="default retry for checkers of this service",
    ),
    Keyword(
        "delay_before_retry",
        Decimal(0, SECONDS_MAX),
        default="inherit: checker > rs > vs > type default (1 s; HTTP 3 s; DNS delay_loop)",
        acted=True,
        meaning="wait between retries",
    ),
    Keyword(
        "warmup",
        Decimal(0, SECONDS_MAX),
        default="inherit, else delay_loop",
        acted=True,
        meaning="random maximum delay of the first check",
    ),
    Keyword(
        "connect_timeout",
        Decimal(0.000001, 4294),
        default="inherit: checker > rs > vs > 5",
        acted=True,
        meaning="connection timeout of a check",
    ),
    Keyword(
        "delay_loop",
        Decimal(0.000001, SECONDS_MAX),
        default="inherit: checker > rs > vs > 60",
        acted=True,
        meaning="interval between checks",
    ),
    Keyword("inhibit_on_failure", default="off", acted=True, meaning="default of inhibit for real servers"),
    Keyword("lb_algo", SCHEDULER, default="wlc (message when absent)", acted=True, meaning="IPVS scheduler"),
    Keyword(
        "lvs_sched",
        SCHEDULER,
        value="lb_algo",
        default="wlc (message when absent)",
        acted=True,
        meaning="IPVS scheduler",
    ),
    Keyword("hashed", default="off", meaning="scheduler flag (no effect on its own)"),
    Keyword("ops", default="off", meaning="one-packet scheduling"),
    Keyword("flag-1", default="off", meaning="raw scheduler flag bits"),
    Keyword("flag-2", default="off", meaning="raw scheduler flag bits"),
    Keyword("flag-3", default="off", meaning="raw scheduler flag bits"),
    Keyword("sh-port", default="off", meaning="source-hash options"),
    Keyword("sh-fallback", default="off", meaning="source-hash options"),
    Keyword("mh-port", default="off", meaning="Maglev options"),
    Keyword("mh-fallback", default="off", meaning="Maglev options"),
    Keyword(
        "lb_kind",
        reader=lines.forwarding,
        default="NAT with message (rs: vs value)",
        acted=True,
        meaning="forwarding method",
    ),
    Keyword(
        "lvs_method",
        reader=lines.forwarding,
        value="lb_kind",
        default="NAT with message (rs: vs value)",
        acted=True,
        meaning="forwarding method",
    ),
    Keyword("persistence_engine", NAME, default="none", meaning="persistence engine module"),
    Keyword(
        "persistence_timeout",
        Integer(1, 2678400, "SECONDS"),
        optional=1,
        default="off; bare = 360",
        acted=True,
        meaning="client affinity time",
    ),
    Keyword(
        "persistence_granularity",
        WORD,
        rest=WORD,
        default="32 bits",
        meaning="affinity mask; turns persistence on (360) if unset",
    ),
    Keyword("protocol", PROTOCOL, default="UDP with message", acted=True, meaning="L4 protocol"),
    Keyword("ha_suspend", default="off", acted=True, meaning="run checks only while the VIP is on this machine"),
    Keyword(
        "smtp_alert",
        BOOL,
        optional=1,
        default="smtp_alert_checker > smtp_alert > off",
        acted=True,
        meaning="mail on quorum changes",
    ),
    Keyword("virtualhost", NAME, default="url > checker > rs > vs", meaning="HTTP Host header for HTTP_GET/SSL_GET"),
    Keyword("snmp_name", NAME, default="none", meaning="name shown in SNMP"),
    Keyword("alpha", default="off", acted=True, meaning="servers are down until the first check passes"),
    Keyword("omega", default="off", meaning="at stop run notify_down/quorum_down as if servers went down"),
    Keyword("quorum_up", SCRIPT, rest=WORD, default="none", meaning="run when quorum is gained / lost"),
    Keyword("quorum_down", SCRIPT, rest=WORD, default="none", meaning="run when quorum is gained / lost"),
    Keyword(
        "quorum",
        Integer(1, UINT_MAX, instead=1),
        default="1",
        acted=True,
        meaning="weight of live servers needed",
    ),
    Keyword("hysteresis", Integer(0, UINT_MAX), default="0", acted=True, meaning="margin on quorum up/down decisions"),
    Keyword("weight", Integer(1, INT_MAX), default="1", acted=True, meaning="default weight of real servers"),
    Keyword(
        "sorry_server",
        IP,
        SERVER_PORT,
        optional=1,
        default="none",
        acted=True,
        meaning="server used when quorum is lost",
    ),
    Keyword("sorry_server_inhibit", default="off", meaning="inhibit for sorry server"),
    Keyword(
        "sorry_server_lvs_method",
        reader=lines.forwarding,
        default="NAT with message (rs: vs value)",
        meaning="forwarding method",
    ),
    Keyword(
        "real_server",
        IP,
        SERVER_PORT,
        optional=1,
        block=REAL_SERVER,
        default="port of vs",
        acted=True,
        meaning="destination",
    ),
)
