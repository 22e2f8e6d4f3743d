# SPDX-License-Identifier: Apache-2.0
"""The checks of a real server (keepalived.conf(5), health checkers)."""

from __future__ import annotations

from bascule.config.kinds import (
    BOOL,
    INT_MAX,
    INTERFACE,
    IP,
    NAME,
    PORT,
    REVERSE,
    SCRIPT,
    SECONDS_MAX,
    UINT_MAX,
    WORD,
    Decimal,
    Integer,
    Kind,
    Pattern,
    words,
)
from bascule.config.schema import Block, Keyword

HEX = Pattern("[0-9A-Fa-f ]+", "HEX", "hexadecimal digits")
DIGEST = Pattern("[0-9A-Fa-f]{32}", "MD5", "the 32 hexadecimal digits of an MD5 digest")
DNS_NAME = Pattern(r"\.|[^.]+(\.[^.]+)*\.?", "NAME", "a name without empty parts")
STATUS = Pattern("[1-5][0-9][0-9](-[1-5][0-9][0-9])?", "CODE|CODE-CODE", "an HTTP status code or a range of them")

CONNECTION = (
    Keyword("connect_ip", IP, default="real server address", meaning="address to check"),
    Keyword("connect_port", PORT, default="real server port", meaning="port to check"),
    Keyword("bindto", IP, default="any", meaning="source address of the check"),
    Keyword("bind_port", PORT, default="any", meaning="source port of the check"),
    Keyword("bind_if", INTERFACE, default="any", meaning="bind to interface (SO_BINDTODEVICE)"),
    Keyword(
        "connect_timeout",
        Decimal(0.000001, 4294),
        default="inherit: checker > rs > vs > 5",
        meaning="connection timeout of a check",
    ),
    Keyword("fwmark", Integer(0, UINT_MAX), default="0", meaning="SO_MARK of the check"),
)
"""How a check connects."""

RETRIES = (
    Keyword(
        "retry",
        Integer(0, UINT_MAX),
        default="inherit, else 1 (MISC 0, DNS 3)",
        meaning="failures after the first before the server is down",
    ),
    Keyword(
        "delay_before_retry",
        Decimal(0, SECONDS_MAX),
        default="inherit: checker > rs > vs > type default (1 s; HTTP 3 s; DNS delay_loop)",
        meaning="wait between retries",
    ),
    Keyword(
        "warmup",
        Decimal(0, SECONDS_MAX),
        default="inherit, else delay_loop",
        meaning="random maximum delay of the first check",
    ),
    Keyword(
        "delay_loop",
        Decimal(0.000001, SECONDS_MAX),
        default="inherit: checker > rs > vs > 60",
        meaning="interval between checks",
    ),
    Keyword("alpha", BOOL, optional=1, default="rs value", meaning="alpha for one checker"),
    Keyword("log_all_failures", BOOL, optional=1, default="checker_log_all_failures", meaning="log each failure"),
)
"""When a check runs, and how often it fails before the server is down."""

MISC_CHECK = Block(
    "MISC_CHECK",
    *RETRIES,
    Keyword("misc_path", SCRIPT, bare=True, rest=WORD, default="required", meaning="program of MISC_CHECK"),
    Keyword("misc_timeout", Integer(0, 4294, "SECONDS"), default="delay_loop", meaning="kill after this time"),
    Keyword("misc_dynamic", default="off", meaning="exit status 2..255 sets weight = status-2"),
    Keyword("user", WORD, rest=WORD, default="script_user", meaning="user of this script"),
    needs=("misc_path",),
)

SMTP_CHECK_HOST = Block(
    "host",
    *CONNECTION,
    *RETRIES,
)

SMTP_CHECK = Block(
    "SMTP_CHECK",
    *CONNECTION,
    *RETRIES,
    Keyword("helo_name", NAME, default="smtpchecker.keepalived.org", meaning="HELO of SMTP_CHECK"),
    Keyword("host", block=SMTP_CHECK_HOST, meaning="several hosts in one SMTP_CHECK"),
)

TCP_CHECK = Block(
    "TCP_CHECK",
    Keyword("connect_ip", IP, default="real server address", acted=True, meaning="address to check"),
    Keyword("connect_port", PORT, default="real server port", acted=True, meaning="port to check"),
    Keyword("bindto", IP, default="any", acted=True, meaning="source address of the check"),
    Keyword("bind_port", PORT, default="any", meaning="source port of the check"),
    Keyword("bind_if", INTERFACE, default="any", meaning="bind to interface (SO_BINDTODEVICE)"),
    Keyword(
        "connect_timeout",
        Decimal(0.000001, 4294),
        default="inherit: checker > rs > vs > 5",
        acted=True,
        meaning="connection timeout of a check",
    ),
    Keyword("fwmark", Integer(0, UINT_MAX), default="0", meaning="SO_MARK of the check"),
    Keyword(
        "retry",
        Integer(0, UINT_MAX),
        default="inherit, else 1 (MISC 0, DNS 3)",
        acted=True,
        meaning="failures after the first before the server is down",
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
        "delay_loop",
        Decimal(0.000001, SECONDS_MAX),
        default="inherit: checker > rs > vs > 60",
        acted=True,
        meaning="interval between checks",
    ),
    Keyword("alpha", BOOL, optional=1, default="rs value", acted=True, meaning="alpha for one checker"),
    Keyword("log_all_failures", BOOL, optional=1, default="checker_log_all_failures", meaning="log each failure"),
    Keyword(
        "nb_get_retry",
        Integer(0, UINT_MAX),
        value="retry",
        legacy="is skipped by keepalived in TCP_CHECK, which then retries once; read as retry",
        acted=True,
        meaning="the old name of retry, which keepalived knows in HTTP_GET and SSL_GET only",
    ),
)

PING_CHECK = Block(
    "PING_CHECK",
    *CONNECTION,
    *RETRIES,
)

UDP_CHECK = Block(
    "UDP_CHECK",
    *CONNECTION,
    *RETRIES,
    Keyword("payload", HEX, rest=HEX, default="none", meaning="UDP payload"),
    Keyword(
        "require_reply",
        Pattern("[0-9A-Fa-fxX ]+", "HEX", "hexadecimal digits and x"),
        optional=1,
        default="off",
        meaning="a reply (of this pattern) is required",
    ),
    Keyword("min_reply_length", Integer(0, 65535), default="0 / none", meaning="bounds of the reply length"),
    Keyword("max_reply_length", Integer(0, 65535), default="0 / none", meaning="bounds of the reply length"),
)

URL = Block(
    "url",
    Keyword("path", Kind("PATH"), default="/", meaning="path (and query)"),
    Keyword("digest", DIGEST, once=True, default="none", meaning="MD5 of the body"),
    Keyword(
        "status_code",
        STATUS,
        bare=True,
        rest=STATUS,
        default="200-299 (if no digest/regex)",
        meaning="accepted status codes",
    ),
    Keyword("virtualhost", NAME, default="url > checker > rs > vs", meaning="HTTP Host header for HTTP_GET/SSL_GET"),
    Keyword("regex", WORD, bare=True, rest=WORD, default="none", meaning="body must match"),
    Keyword("regex_no_match", default="off", meaning="body must not match"),
    Keyword("regex_options", WORD, bare=True, rest=WORD, default="none", meaning="PCRE2 options"),
    Keyword("regex_min_offset", WORD, bare=True, default="0 / none", meaning="where the match may start"),
    Keyword("regex_max_offset", WORD, bare=True, default="0 / none", meaning="where the match may start"),
    Keyword("regex_stack", WORD, bare=True, rest=WORD, meaning="JIT stack"),
    Keyword("tls_compliant", BOOL, optional=1, default="off", later=True, meaning="require a clean TLS close"),
    needs=("path",),
)

HTTP_GET = Block(
    "HTTP_GET",
    *CONNECTION,
    *RETRIES,
    Keyword(
        "nb_get_retry",
        Integer(0, UINT_MAX),
        value="retry",
        old="is an old name of 'retry'",
        meaning="old name of retry, accepted only in HTTP_GET/SSL_GET, with a message",
    ),
    Keyword("virtualhost", NAME, default="url > checker > rs > vs", meaning="HTTP Host header for HTTP_GET/SSL_GET"),
    Keyword("http_protocol", words("1.0|1.1|1.0C"), default="1.0", meaning="HTTP version"),
    Keyword("enable_sni", BOOL, optional=1, default="off", meaning="send SNI"),
    Keyword("sni_name", rest=WORD, default="virtualhost", later=True, meaning="SNI name"),
    Keyword(
        "fast_recovery",
        BOOL,
        optional=1,
        default="off",
        meaning="after a failure check all urls without delay_loop between them",
    ),
    Keyword("tls_compliant", BOOL, optional=1, default="off", later=True, meaning="require a clean TLS close"),
    Keyword("url", block=URL, default="one / url", meaning="one URL to get"),
    needs=("url",),
)

SSL_GET = Block("SSL_GET", *HTTP_GET.table.values(), needs=HTTP_GET.needs)

DNS_CHECK = Block(
    "DNS_CHECK",
    *CONNECTION,
    *RETRIES,
    Keyword(
        "type", words("A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY", any_case=True), default="SOA", meaning="DNS query type"
    ),
    Keyword("name", DNS_NAME, once=True, default=". (root)", meaning="DNS query name"),
)

FILE_CHECK = Block(
    "FILE_CHECK",
    Keyword("track_file", NAME, default="required", meaning="track_file to follow"),
    Keyword(
        "weight", Integer(-INT_MAX, INT_MAX), rest=REVERSE, default="file value", meaning="multiplier of the file value"
    ),
    needs=("track_file",),
)

BFD_CHECK = Block(
    "BFD_CHECK",
    Keyword("name", NAME, default="required", meaning="BFD session"),
    Keyword("alpha", BOOL, optional=1, default="rs value", meaning="alpha for one checker"),
    needs=("name",),
)
