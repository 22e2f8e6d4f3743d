# SPDX-License-Identifier: Apache-2.0
"""`real_server`: a destination of a service, with its checks."""

from __future__ import annotations

from bascule.config.keywords import inline_lvs
from bascule.config.keywords.checks import (
    BFD_CHECK,
    DNS_CHECK,
    FILE_CHECK,
    HTTP_GET,
    MISC_CHECK,
    PING_CHECK,
    SMTP_CHECK,
    SSL_GET,
    TCP_CHECK,
    UDP_CHECK,
)
from bascule.config.kinds import BOOL, INT_MAX, NAME, SCRIPT, SECONDS_MAX, UINT_MAX, WORD, Decimal, Integer
from bascule.config.schema import Block, Keyword

REAL_SERVER = Block(
    "real_server",
    Keyword("weight", Integer(0, INT_MAX), default="vs weight (1)", acted=True, meaning="weight"),
    Keyword(
        "lvs_method",
        value="lb_kind",
        reader=inline_lvs.forwarding,
        options=inline_lvs.TUNNEL,
        default="NAT with message (rs: vs value)",
        acted=True,
        meaning="forwarding method",
    ),
    Keyword("uthreshold", Integer(0, UINT_MAX), default="0 (none)", meaning="upper / lower connection threshold"),
    Keyword("lthreshold", Integer(0, UINT_MAX), default="0 (none)", meaning="upper / lower connection threshold"),
    Keyword(
        "inhibit_on_failure",
        BOOL,
        optional=1,
        default="vs value",
        acted=True,
        meaning="on failure set weight 0 instead of removing",
    ),
    Keyword(
        "notify_up",
        SCRIPT,
        rest=WORD,
        once=True,
        default="none",
        acted=True,
        meaning="run when the server goes up / down",
    ),
    Keyword(
        "notify_down",
        SCRIPT,
        rest=WORD,
        once=True,
        default="none",
        acted=True,
        meaning="run when the server goes up / down",
    ),
    Keyword("alpha", BOOL, optional=1, default="vs value", acted=True, meaning="alpha for one server"),
    Keyword(
        "retry",
        Integer(1, UINT_MAX),
        default="virtual_server value",
        acted=True,
        meaning="default retry for checkers of this server",
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
    Keyword(
        "smtp_alert",
        BOOL,
        optional=1,
        default="smtp_alert_checker > smtp_alert > ON",
        acted=True,
        meaning="mail on server state changes",
    ),
    Keyword("virtualhost", NAME, default="url > checker > rs > vs", meaning="HTTP Host header for HTTP_GET/SSL_GET"),
    Keyword("snmp_name", NAME, default="none", meaning="name shown in SNMP"),
    Keyword("MISC_CHECK", block=MISC_CHECK, meaning="check by exit status of a program"),
    Keyword("SMTP_CHECK", block=SMTP_CHECK, meaning="check by SMTP greeting"),
    Keyword("TCP_CHECK", block=TCP_CHECK, acted=True, meaning="check by TCP connect"),
    Keyword("PING_CHECK", block=PING_CHECK, meaning="check by ICMP echo"),
    Keyword("UDP_CHECK", block=UDP_CHECK, meaning="check by UDP (ICMP error or reply)"),
    Keyword("HTTP_GET", block=HTTP_GET, meaning="HTTP check"),
    Keyword("SSL_GET", block=SSL_GET, meaning="HTTPS check"),
    Keyword("DNS_CHECK", block=DNS_CHECK, meaning="DNS query check"),
    Keyword("FILE_CHECK", block=FILE_CHECK, meaning="weight from a track_file"),
    Keyword("BFD_CHECK", block=BFD_CHECK, meaning="follow a BFD session"),
)
