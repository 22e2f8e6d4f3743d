# SPDX-License-Identifier: Apache-2.0
"""The options of the lines that say what an instance follows (`track_...`) and whom it speaks to (`unicast_peer`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from bascule.config.keywords.inline import Scan
from bascule.config.kinds import IP, Integer, RefusedWordError
from bascule.config.schema import Block, Keyword, RefusedLineError

if TYPE_CHECKING:
    from bascule.config.tree import Statement

_TTL = Integer(0, 255)

PEER = Block(
    "unicast_peer",
    Keyword("min_ttl", _TTL, default="0", acted=True, meaning="drop adverts of this peer with less left of their TTL"),
    Keyword(
        "max_ttl", _TTL, default="255", acted=True, meaning="drop adverts of this peer with more left of their TTL"
    ),
)


def peer(statement: Statement) -> object:
    """A line of `unicast_peer`: an address, `min_ttl N`, `max_ttl N`."""
    scan = Scan(statement, PEER, 1)
    scan.run(_no_peer_option)
    low, high = scan.values.get("min_ttl", 0), scan.values.get("max_ttl", 255)
    try:
        address = IP.parse(statement.words[0])
    except RefusedWordError as refusal:
        raise RefusedLineError(refusal.code, 0, refusal.message, refusal.hint) from None
    if low > high:
        at = max(scan.where.values())
        scan.note(
            "out-of-range",
            at,
            f"min_ttl {low} is above max_ttl {high}: every advert of this peer is dropped",
            since=at - 1,
        )
    return scan.finish(address)


def _no_peer_option(scan: Scan) -> None:
    word = scan.words[scan.index]
    scan.drop("bad-word", scan.index, f"'{word}' is neither min_ttl nor max_ttl", scan.nearest(word))


def tracking(name: str, limit: int) -> Block:
    """The options of lines of `track_...` blocks, the weight within +-`limit`."""
    options = [
        Keyword(
            "weight",
            Integer(-limit, limit),
            default="that of what is tracked; 0 for an interface",
            acted=True,
            meaning="change of the priority; 0: fault instead",
        ),
        Keyword(
            "reverse",
            default="off",
            acted=True,
            meaning="the change the other way round; stands after the weight",
        ),
    ]
    if name != "track_interface":
        options.append(Keyword("noreverse", default="on", acted=True, meaning="undoes 'reverse' of what is tracked"))
    return Block(name, *options)


TRACK_INTERFACE = tracking("track_interface", 253)
TRACK_SCRIPT = tracking("track_script", 253)
TRACKED_FILE = tracking("track_file", 254)
TRACK_PROCESS = tracking("track_process", 254)
TRACK_BFD = tracking("track_bfd", 253)


class Followed(NamedTuple):
    """A line of `track_...`; None = as the block of that name says."""

    name: str
    weight: int | None = None
    reverse: bool | None = None


def tracked(options: Block) -> Callable[[Statement], Followed]:
    """Reads lines of `track_...`: `NAME [weight N [reverse|noreverse]]`; keepalived ignores words after these."""

    def read(statement: Statement) -> Followed:
        words = statement.words
        if len(words) == 1:
            return Followed(words[0])
        scan = Scan(statement, options, 1)
        if words[1] != "weight":
            scan.drop("bad-word", 1, f"'{words[1]}' stands where only 'weight' can", scan.nearest(words[1]))
        scan.index = 2
        weight = scan.word(options.table["weight"].arguments[0], "weight")
        if len(words) > 3 and (words[3] == "weight" or words[3] not in options.table):
            known = " or ".join(name for name in options.table if name != "weight")
            scan.note("bad-word", 3, f"'{words[3]}' is not {known}, and is ignored", scan.nearest(words[3]))
        turned = words[3] == "reverse" if len(words) > 3 and words[3] in options.table else None
        value = scan.finish(Followed(words[0], weight, turned))
        assert isinstance(value, Followed)
        return value

    return read


TRACKED = (
    Keyword(
        "track_interface",
        lines=tracked(TRACK_INTERFACE),
        options=TRACK_INTERFACE,
        default="weight 0 (fault when down)",
        acted=True,
        meaning="tracked interfaces",
    ),
    Keyword(
        "track_script",
        lines=tracked(TRACK_SCRIPT),
        options=TRACK_SCRIPT,
        default="script weight",
        acted=True,
        meaning="tracked scripts",
    ),
    Keyword(
        "track_file",
        lines=tracked(TRACKED_FILE),
        options=TRACKED_FILE,
        default="file weight",
        acted=True,
        meaning="tracked files",
    ),
    Keyword(
        "track_process",
        lines=tracked(TRACK_PROCESS),
        options=TRACK_PROCESS,
        default="process weight",
        acted=True,
        meaning="tracked processes",
    ),
    Keyword(
        "track_bfd",
        lines=tracked(TRACK_BFD),
        options=TRACK_BFD,
        default="bfd weight",
        acted=True,
        meaning="tracked BFD sessions",
    ),
)
"""The blocks in which an instance or a group says what it follows."""
