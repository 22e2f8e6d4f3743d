# SPDX-License-Identifier: Apache-2.0
"""`bascule`: our own settings. keepalived complains of the block and skips it.

No keyword here may be one of keepalived's top-level words, and no block may stand inside: keepalived reads the lines of
a block that it does not know as if they stood outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bascule.config.kinds import WORD, Choice, Decimal, Integer, Kind
from bascule.config.schema import Block, Keyword
from bascule.model.configuration import DataPlaneChoice, XdpMode

if TYPE_CHECKING:
    from bascule.config.tree import Statement

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
