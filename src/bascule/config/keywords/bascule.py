# SPDX-License-Identifier: Apache-2.0
"""`bascule`: our own settings. keepalived complains of the block and skips it.

No keyword here may be one of keepalived's top-level words, and no block may stand inside: keepalived reads the lines of
a block that it does not know as if they stood outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bascule.config.kinds import WORD, Address, Choice, Decimal, Integer, IPAddressKind, Kind, RefusedWordError
from bascule.config.schema import Block, Keyword
from bascule.model.configuration import DataPlaneChoice, WitnessRule, XdpMode

if TYPE_CHECKING:
    from bascule.config.tree import Statement


class WitnessKind(IPAddressKind):
    """The address of somebody else, whom one interface or another leads to."""

    def parse(self, word: str) -> Address:
        """The address."""
        address = super().parse(word)
        if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local:
            hint = "write the address of the router, or of another host that is always there"
            raise RefusedWordError("bad-address", f"'{word}' cannot be a witness: it names no host elsewhere", hint)
        return address


WITNESS = WitnessKind()

LEGACY = Choice({"honour": True, "skip": False}, "honour|skip")

BASCULE = Block(
    "bascule",
    Keyword(
        "data_plane",
        Choice({choice.value: choice for choice in DataPlaneChoice}, "auto|ipvs|xdp"),
        default="auto",
        acted=True,
        meaning="what forwards packets: the kernel's IPVS, bascule's own XDP director, or IPVS where the kernel has it",
    ),
    Keyword(
        "xdp_interface",
        Kind("INTERFACE", 15),
        rest=Kind("INTERFACE", 15),
        repeats=True,
        default="those that the services' addresses and real servers are reached by",
        acted=True,
        meaning="an interface that the XDP director sits on",
    ),
    Keyword(
        "xdp_mode",
        Choice({mode.value: mode for mode in XdpMode}, "auto|native|generic"),
        default="auto",
        acted=True,
        meaning="in the driver, or in the kernel's generic path",
    ),
    Keyword(
        "connection_table_size",
        Integer(1024, 2**28),
        default="4194304",
        unit="connections",
        acted=True,
        meaning="slots of the XDP director's connection table, 16 bytes each",
    ),
    Keyword(
        "vip_lifetime",
        Decimal(0, 86400),
        default="a few down intervals",
        unit="seconds",
        acted=True,
        meaning="how long a virtual address outlives a daemon that died whole; 0 = for ever",
    ),
    Keyword(
        "ready_timeout",
        Decimal(0, 3600),
        default="three advert intervals",
        unit="seconds",
        acted=True,
        meaning="how long a director that is not ready yet holds back from preempting a peer",
    ),
    Keyword(
        "witness",
        WITNESS,
        rest=WITNESS,
        repeats=True,
        default="none",
        acted=True,
        meaning="who must answer a ping before this director becomes active because nobody is heard",
    ),
    Keyword(
        "witness_answers",
        Choice({rule.value: rule for rule in WitnessRule}, "any|all"),
        default="any",
        acted=True,
        meaning="whether one witness has to answer or every one",
    ),
    Keyword(
        "witness_timeout",
        Decimal(0.05, 3600),
        default="the advert interval, at least 1",
        unit="seconds",
        acted=True,
        meaning="how long ago a witness may have been asked for its answer to count",
    ),
    Keyword(
        "notify_timeout",
        Decimal(0.1, 86400),
        default="60",
        unit="seconds",
        acted=True,
        meaning="how long a script that is run at an event may take; then it is ended with all that it started",
    ),
    Keyword(
        "handover_key",
        WORD,
        default="the instance's auth_pass",
        acted=True,
        meaning="the secret, the same on all directors, that signs planned switches (`bascule failover`, `stop`); "
        "without it and without auth_pass they are switches by priority 0",
    ),
    Keyword(
        "legacy",
        LEGACY,
        default="honour",
        acted=True,
        meaning="spellings that keepalived skips and everybody understands (`nb_get_retry` in TCP_CHECK and the like): "
        "honoured as they are meant, or skipped as keepalived does; counts for the whole file",
    ),
    Keyword("api", WORD, default="off", meaning="address and port of the HTTP interface"),
)


def honours_legacy(statements: Sequence[Statement]) -> bool:
    """Whether legacy spellings are honoured, which must be known before anything else is read."""
    said = [
        line.words[1]
        for statement in statements
        if statement.words[0] == "bascule"
        for line in statement.children or ()
        if line.words[0] == "legacy" and len(line.words) > 1
    ]
    return not said or said[-1] != "skip"
