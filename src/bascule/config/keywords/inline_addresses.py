# SPDX-License-Identifier: Apache-2.0
"""The options of an address in `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from bascule.config.keywords.inline import Scan
from bascule.config.keywords.inline_kinds import SCOPE, UNLISTED, Peer
from bascule.config.kinds import INTERFACE, NAME, UINT_MAX, Kind, RefusedWordError
from bascule.config.schema import Block, Keyword, RefusedLineError
from bascule.model.base import IPAddress
from bascule.model.configuration import FOREVER, VirtualAddress

if TYPE_CHECKING:
    from bascule.config.tree import Statement


class Broadcast(Kind):
    """An IPv4 address, or how to work it out."""

    def parse(self, word: str) -> str:
        """The word as it stands."""
        try:
            return word if word in ("+", "-") else str(ipaddress.IPv4Address(word))
        except ValueError:
            raise RefusedWordError("bad-word", f"'{word}' is not an IPv4 address, + or -") from None


class Lifetime(Kind):
    """Seconds, or no end."""

    def parse(self, word: str) -> int:
        """The seconds, or FOREVER."""
        if word == "forever":
            return FOREVER
        if not _SECONDS.fullmatch(word):
            raise RefusedWordError("bad-word", f"'{word}' is not a number of seconds, nor 'forever'")
        seconds = int(word[:40])
        if seconds > UINT_MAX:
            raise RefusedWordError("out-of-range", f"{word} is outside 0..{UINT_MAX}")
        return seconds


_SECONDS = re.compile("[+]?[0-9]+")

_SHARED = (
    Keyword(
        "dev", INTERFACE, default="the instance's interface", acted=True, meaning="interface that gets the address"
    ),
    Keyword(
        "scope",
        SCOPE,
        default="global",
        acted=True,
        meaning="scope of an IPv4 address",
    ),
    Keyword(
        "broadcast",
        Broadcast("ADDRESS|+|-"),
        default="none",
        acted=True,
        meaning="IPv4 broadcast address; + sets all host bits, - clears them",
    ),
    Keyword(
        "brd", Broadcast("ADDRESS|+|-"), value="broadcast", default="none", acted=True, meaning="IPv4 broadcast address"
    ),
    Keyword("label", Kind("LABEL", 15), default="none", acted=True, meaning="label of an IPv4 address"),
    Keyword("peer", Peer("ADDRESS"), default="none", acted=True, meaning="the other end of a point-to-point link"),
    Keyword("home", default="off", acted=True, meaning="mark as the home address of Mobile IPv6"),
    Keyword("-nodad", default="off", acted=True, meaning="let the kernel look for duplicates of an IPv6 address"),
    Keyword(
        "mngtmpaddr", default="off", acted=True, meaning="the kernel derives temporary IPv6 addresses from this one"
    ),
    Keyword("noprefixroute", default="off", acted=True, meaning="no route to the prefix comes with the address"),
    Keyword("autojoin", default="off", acted=True, meaning="join the multicast group of this address"),
    Keyword("no_track", default="off", acted=True, meaning="removal of the address by others is no fault"),
    Keyword(
        "no-track",
        value="no_track",
        legacy="is the spelling of keepalived 2.0.0 to 2.0.2, which later ones ignore; read as no_track",
        default="off",
        acted=True,
        meaning="the first spelling of no_track",
    ),
    Keyword(
        "preferred_lft",
        Lifetime("SECONDS|forever"),
        default="forever; 0 for IPv6 of length 128",
        unit="seconds",
        acted=True,
        meaning="how long the address is preferred as a source",
    ),
)

VIRTUAL = Block(
    "virtual_ipaddress",
    *_SHARED,
    Keyword(
        "use_vmac", default="off", acted=True, meaning="the address is on a macvlan that has the virtual router's MAC"
    ),
)

STATIC = Block(
    "static_ipaddress",
    *_SHARED,
    Keyword(
        "track_group",
        NAME,
        default="none",
        acted=True,
        meaning="instances of this group follow the interface of the address",
    ),
)

_KEEPS = frozenset({"scope", "peer", "preferred_lft", "track_group"})
"""Options of which only a bad value is lost; those of others take the address with them."""


def virtual_address(statement: Statement) -> VirtualAddress:
    """A line of `virtual_ipaddress`: `ADDRESS[/LENGTH] [dev INTERFACE] [label LABEL] [scope SCOPE] ...`."""
    return _address(statement, VIRTUAL)


def static_address(statement: Statement) -> VirtualAddress:
    """A line of `static_ipaddress`."""
    return _address(statement, STATIC)


def _address(statement: Statement, options: Block) -> VirtualAddress:
    word = statement.words[0]
    text, slash, length = word.partition("/")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise RefusedLineError("bad-address", 0, f"'{word}' is not an address") from None
    scan = Scan(statement, options, 1)
    prefix: int = address.max_prefixlen
    if length.isascii() and length.isdigit() and int(length) <= prefix:
        prefix = int(length)
    elif slash:
        scan.note("out-of-range", 0, f"'{length}' is no prefix length: {prefix} is used")
    if len(statement.words) > 1:
        scan.run(_stray, _KEEPS, _once)
        _judge(scan, address, prefix)
    values = scan.values
    found = VirtualAddress(
        address=address,
        prefix_length=prefix,
        device=values.get("dev"),
        label=values.get("label"),
        scope=values.get("scope", 0),
        broadcast=_broadcast(address, prefix, values.get("broadcast")),
        peer=values.get("peer"),
        home="home" in values,
        detect_duplicates="-nodad" in values,
        mngtmpaddr="mngtmpaddr" in values,
        noprefixroute="noprefixroute" in values,
        autojoin="autojoin" in values,
        # keepalived 2.2.7 does not tell the kernel of one for IPv4.
        preferred_lifetime=values.get("preferred_lft") if address.version == 6 else None,
        use_vmac="use_vmac" in values,
        no_track="no_track" in values,
        track_group=values.get("track_group"),
    )
    value = scan.finish(found)
    assert isinstance(value, VirtualAddress)
    return value


def _broadcast(address: IPAddress, prefix: int, word: str | None) -> IPAddress | None:
    """The broadcast address that a word says."""
    if word is None or word not in ("+", "-"):
        return None if word is None else ipaddress.ip_address(word)
    network = ipaddress.ip_interface((address, prefix)).network
    return network.broadcast_address if word == "+" else network.network_address


def _stray(scan: Scan) -> None:
    """A word that is no option is dropped, as keepalived does."""
    word = scan.words[scan.index]
    hint = "one address to a line" if _is_address(word) else scan.nearest(word)
    scan.note("bad-word", scan.index, f"'{word}' is no option of an address and is ignored", hint)
    scan.index += 1


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_interface(word)
    except ValueError:
        return False
    return True


def _once(scan: Scan, option: Keyword, value: Any) -> None:
    """Some options stand once."""
    words = scan.words[1 : scan.index]
    if option.name == "peer" and words.count("peer") > 1:
        scan.note(
            "duplicate", scan.index - 1, f"the address has a peer already: '{value}' is ignored", since=scan.index - 2
        )
    if option.name == "dev" and words.count("dev") > 1:
        scan.drop("duplicate", scan.index - 1, f"the address has a device already: '{value}' is one too many")


def _judge(scan: Scan, address: IPAddress, prefix: int) -> None:
    """What only makes sense with the address itself."""
    values = scan.values
    if values.get("scope") == UNLISTED:
        del values["scope"]
    if "peer" in values and values["peer"].version != address.version:
        at = scan.where["peer"]
        scan.note("bad-address", at, f"the peer {values['peer']} is not of the family of the address", since=at - 1)
        del values["peer"]
    if address.version == 6:
        if "broadcast" in values:
            scan.drop("bad-word", scan.where["broadcast"], "an IPv6 address has no broadcast address")
        for name in ("scope", "label"):
            if values.get(name, 0) != 0:
                at = scan.where[name]
                scan.note("bad-word", at, f"an IPv6 address has no {name}: it is ignored", since=at - 1)
                del values[name]
        return
    if "broadcast" not in values:
        return
    why = None
    if "peer" in values:
        why = "an address with a peer has no broadcast address: it is ignored"
    elif values["broadcast"] in ("+", "-") and prefix > 30:
        why = f"a prefix of {prefix} leaves no bits for a broadcast address: it is ignored"
    if why is not None:
        at = scan.where["broadcast"]
        scan.note("bad-word", at, why, since=at - 1)
        del values["broadcast"]
