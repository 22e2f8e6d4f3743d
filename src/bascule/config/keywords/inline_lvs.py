# SPDX-License-Identifier: Apache-2.0
"""The options of lines about IPVS: `lvs_sync_daemon`, `lvs_timeouts`, tunnels of `lvs_method TUN`, group members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.config.keywords.inline import Scan
from bascule.config.kinds import GROUP, INTERFACE, IP, NAME, PORT, UINT_MAX, Integer, RefusedWordError, words
from bascule.config.schema import Block, Keyword, RefusedLineError
from bascule.model.base import Seconds
from bascule.model.configuration import SyncDaemon, Timeouts
from bascule.model.service import ForwardingMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bascule.config.tree import Statement

_ID = Integer(0, 255)

SYNC_DAEMON = Block(
    "lvs_sync_daemon",
    Keyword("inst", NAME, default="none", meaning="instance whose state says which end of the daemon runs"),
    Keyword("id", _ID, default="the VRID", meaning="number that keeps several pairs of directors apart"),
    Keyword("maxlen", Integer(1, 65507), default="the MTU", unit="bytes", meaning="longest packet"),
    Keyword("port", PORT, default="8848", meaning="UDP port"),
    Keyword("ttl", Integer(1, 255), default="1", meaning="TTL of the packets"),
    Keyword("group", GROUP, default="224.0.0.81", meaning="multicast group"),
)

_SECONDS = Integer(0, 2678400, "SECONDS")
TIMEOUTS = Block(
    "lvs_timeouts",
    Keyword("tcp", _SECONDS, default="the kernel's", meaning="how long an idle TCP connection is remembered"),
    Keyword("tcpfin", _SECONDS, default="the kernel's", meaning="how long one is remembered after its FIN"),
    Keyword("udp", _SECONDS, default="the kernel's", meaning="how long a UDP exchange is remembered"),
)

TUNNEL = Block(
    "lvs_method",
    Keyword("type", words("ipip|gue|gre"), default="ipip", meaning="how packets are wrapped"),
    Keyword("port", PORT, meaning="UDP port of the real server; gue only, and needed there"),
    Keyword("csum", default="nocsum", meaning="checksum of the outer header; gue and gre"),
    Keyword("nocsum", default="nocsum", meaning="no checksum of the outer header"),
    Keyword("remcsum", default="nocsum", meaning="remote checksum offload; gue only"),
)

MEMBER = Block(
    "virtual_server_group",
    Keyword("fwmark", Integer(0, UINT_MAX), words("inet|inet6"), optional=1, meaning="packets with a firewall mark"),
)


def sync_daemon(statement: Statement) -> SyncDaemon:
    """After `lvs_sync_daemon`: `INTERFACE [inst] [INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`."""
    found = statement.words
    if len(found) < 2:
        raise RefusedLineError(
            "missing-argument", 0, "'lvs_sync_daemon' lacks an argument", "write 'lvs_sync_daemon INTERFACE'"
        )
    scan = Scan(statement, SYNC_DAEMON, 1)
    interface = scan.word(INTERFACE, "lvs_sync_daemon")
    _each(scan, _old_sync_daemon)
    get = scan.values.get
    value = scan.finish(
        SyncDaemon(
            interface=interface,
            instance=get("inst"),
            identifier=get("id"),
            longest=get("maxlen"),
            port=get("port", 8848),
            ttl=get("ttl", 1),
            group=get("group"),
        )
    )
    assert isinstance(value, SyncDaemon)
    return value


def _old_sync_daemon(scan: Scan) -> None:
    """`INSTANCE [ID]` without the words before them, in the first two places."""
    at, word = scan.index, scan.words[scan.index]
    if at == 2:
        scan.values["inst"] = word
    elif at == 3:
        scan.values["id"] = scan.word(_ID, "id")
        scan.note("deprecated", at, "a number without 'id' is the old way to write it", f"write 'id {word}'", at + 1)
    else:
        scan.note("bad-word", at, f"'{word}' is no option of lvs_sync_daemon and is ignored", scan.nearest(word))
    scan.index = at + 1


def timeouts(statement: Statement) -> Timeouts:
    """After `lvs_timeouts`: `[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]`, at least one."""
    found = statement.words
    if len(found) < 3:
        at = len(found) - 1
        raise RefusedLineError(
            "missing-argument", at, "'lvs_timeouts' lacks an argument", "write 'lvs_timeouts tcp 900'"
        )
    scan = Scan(statement, TIMEOUTS, 1)
    _each(scan, _no_timeout)
    tcp, fin, udp = (
        Seconds(float(scan.values[name])) if name in scan.values else None for name in ("tcp", "tcpfin", "udp")
    )
    value = scan.finish(Timeouts(tcp=tcp, tcp_fin=fin, udp=udp))
    assert isinstance(value, Timeouts)
    return value


def _no_timeout(scan: Scan) -> None:
    word = scan.words[scan.index]
    scan.note("bad-word", scan.index, f"'{word}' is none of tcp, tcpfin, udp and is ignored", scan.nearest(word))
    scan.index += 1


def _each(scan: Scan, stray: object) -> None:
    """All options; each that is wrong costs itself alone."""
    assert callable(stray)
    while scan.index < len(scan.words):
        try:
            scan.run(stray, scan.options.table)
        except RefusedLineError as refusal:
            # An option without its argument is the last word.
            scan.note(refusal.code, refusal.index, refusal.message, refusal.hint, since=len(scan.words) - 1)


def forwarding(statement: Statement) -> ForwardingMethod:
    """After `lb_kind`: `NAT|DR|TUN` and the options of a tunnel."""
    found = statement.words
    if len(found) < 2:
        raise RefusedLineError("missing-argument", 0, f"'{found[0]}' lacks an argument", f"write '{found[0]} DR'")
    method = _METHODS.get(found[1])
    if method is not None:
        return method if len(found) == 2 else _tunnel(statement, method)
    if found[1].upper() in _METHODS:
        right = found[1].upper()
        message = f"'{found[1]}' must be written '{right}'; keepalived would use NAT"
        raise RefusedLineError("wrong-case", 1, message, f"write '{right}'")
    message = f"'{found[1]}' is no forwarding method; keepalived would use NAT"
    raise RefusedLineError("bad-word", 1, message, "write NAT, DR or TUN")


_METHODS = {method.value: method for method in ForwardingMethod}


def _tunnel(statement: Statement, method: ForwardingMethod) -> ForwardingMethod:
    """The method stands, whatever is wrong with the tunnel, which keepalived then leaves as it was."""
    scan = Scan(statement, TUNNEL, 2)
    try:
        scan.run(_no_tunnel_option)
        _judge(scan)
    except RefusedLineError as refusal:
        refusal.instead = method
        raise
    return method


def forwarding_words(statement: Statement) -> Sequence[str]:
    """The words after `lb_kind` that are in effect: only a tunnel has options, and none counts when one is wrong.

    A tunnel that lacks its port stays as it is.
    """
    method, *options = statement.words[1:]
    if not options or method != ForwardingMethod.TUN.value:
        return (method,)
    try:
        forwarding(statement)
    except RefusedLineError as refusal:
        if refusal.code != "incomplete":
            return (method,)
    return statement.words[1:]


def _no_tunnel_option(scan: Scan) -> None:
    word = scan.words[scan.index]
    scan.drop("bad-word", scan.index, f"'{word}' is no option of a tunnel", scan.nearest(word))


def _judge(scan: Scan) -> None:
    """What types of tunnels have ports and checksums."""
    kind = scan.values.get("type", "ipip")
    flags = {name: scan.where[name] for name in ("csum", "nocsum", "remcsum") if name in scan.where}
    flag = max(flags, key=lambda name: flags[name]) if flags else "nocsum"
    if kind == "gue" and "port" not in scan.values:
        scan.drop("incomplete", scan.where["type"], "a gue tunnel needs a port", "add 'port PORT'")
    if kind != "gue" and "port" in scan.values:
        scan.drop("bad-word", scan.where["port"], f"only a gue tunnel has a port, not {kind}")
    if flag != "nocsum" and (kind == "ipip" or (kind == "gre" and flag == "remcsum")):
        scan.drop("bad-word", flags[flag], f"a tunnel of type {kind} has no {flag}")


def group_member(statement: Statement) -> tuple[object, object]:
    """A line of `virtual_server_group`: `ADDRESS[-LAST|/LENGTH] [PORT]` or `fwmark N [inet|inet6]`."""
    found = statement.words
    scan = Scan(statement, MEMBER, 1)
    if found[0] == "fwmark":
        mark, family = MEMBER.table["fwmark"].arguments
        number = scan.word(mark, "fwmark")
        if len(found) > 2:
            scan.word(family, "fwmark")
        return "fwmark", number
    try:
        address = IP.parse(found[0])
    except RefusedWordError as refusal:
        raise RefusedLineError(refusal.code, 0, refusal.message, refusal.hint) from None
    if len(found) < 2 or not found[1].strip("0"):
        return address, 0
    return address, scan.word(PORT, found[0])
