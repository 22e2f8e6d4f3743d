# SPDX-License-Identifier: Apache-2.0
"""What is accepted and no struct of its own carries, into values by the declarations. Knows next to no keyword by name.

Works on what a recorder took, so that it holds exactly what a canonical file says.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bascule.config.diagnostics import Fate, Findings
from bascule.config.keywords import inline_addresses, inline_lvs, lines
from bascule.config.keywords.top import TOP
from bascule.config.kinds import BOOL, IP, SCRIPT, Choice, IPAddressKind, Kind, RefusedWordError
from bascule.config.reader import Reader
from bascule.config.recorder import Recorder, accepted
from bascule.config.schema import Block, Keyword, LineReader, RefusedLineError
from bascule.config.tree import Statement
from bascule.model.declared import Declared, DeclaredValue

_MERGED = frozenset({"global_defs", "bascule"})
"""Blocks that may stand several times and count as one."""

_INHERITED = frozenset({"retry", "delay_before_retry", "warmup", "connect_timeout", "delay_loop", "alpha"})
"""What checks take from their server and service, which only the checks in the model carry."""

_INHERITED_GLOBALS = frozenset(
    {
        "smtp_alert_checker",
        "smtp_alert_vrrp",
        "v3_checksum_as_v2",
        "vmac_addr_prefix",
        "vmac_prefix",
        "vrrp_check_unicast_src",
        "vrrp_down_timer_adverts",
        "vrrp_garp_extra_if",
        "vrrp_garp_lower_prio_delay",
        "vrrp_garp_lower_prio_repeat",
        "vrrp_garp_master_delay",
        "vrrp_garp_master_refresh",
        "vrrp_garp_master_refresh_repeat",
        "vrrp_garp_master_repeat",
        "vrrp_notify_priority_changes",
        "vrrp_higher_prio_send_advert",
        "vrrp_lower_prio_no_advert",
        "vrrp_mcast_group4",
        "vrrp_mcast_group6",
        "vrrp_min_garp",
        "vrrp_skip_check_adv_addr",
        "vrrp_strict",
        "vrrp_version",
    }
)
"""What instances and services take from `global_defs`, which only those in the model carry."""

_CARRIED_ANYWAY = frozenset(
    {
        ("global_defs", "lvs_sync_daemon"),
        ("global_defs", "lvs_timeouts"),
        ("virtual_server", "omega"),
        ("vrrp_instance", "lvs_sync_daemon_interface"),
    }
)
"""Block and keyword: what the structs carry although nothing acts on it."""

_HEIRS = frozenset({"vrrp_instance", "virtual_server", "vrrp_sync_group"})
"""Who takes from `global_defs`."""

_TEXT_ONLY = frozenset({lines.words, lines.anything, inline_addresses.virtual_address})
"""Readers of lines whose words are names or have a grammar that is not declared."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)


def declared(statements: Sequence[Statement], legacy: bool, fates: Mapping[int, Fate]) -> tuple[Declared, ...]:
    """Of all files: `fates` says which blocks the model lacks, `legacy` whether legacy spellings are honoured.

    Reads those statements once more that may hold something, so that files of what is acted on cost next to nothing.
    """
    some = [each for each in statements if _may_hold(each, TOP, fates)]
    recorder = Recorder(Findings(), legacy)
    recorder.section(TOP, None, some)
    found = _Maker(recorder.taken, fates).block(some, TOP, carried=True)
    if not any(each.keyword in _HEIRS and each.whole for each in found):
        return found
    return _Maker(recorder.taken, fates, _INHERITED_GLOBALS).block(some, TOP, carried=True)


def _may_hold(statement: Statement, block: Block, fates: Mapping[int, Fate]) -> bool:
    """A statement at the top, or one inside it, is perhaps not carried whole by a struct."""
    keyword = block.table.get(statement.words[0])
    if keyword is None:
        return False
    if not keyword.acted or id(statement) in fates or keyword.name in _MERGED:
        return True
    inner = keyword.block
    return inner is not None and any(_may_hold(child, inner, fates) for child in statement.children or ())


class _Maker:
    """Statements into values."""

    def __init__(
        self, taken: Mapping[int, Keyword], fates: Mapping[int, Fate], inherited: frozenset[str] = frozenset()
    ) -> None:
        """`inherited`: keywords of `global_defs` that count although they are acted on."""
        self._taken = taken
        self._fates = fates
        self._inherited = inherited
        self._reader = Reader(Findings())
        """For arguments; what it finds has been said."""

    def block(self, statements: Iterable[Statement], block: Block, carried: bool) -> tuple[Declared, ...]:
        """What stands in a block; with `carried`, only what its own struct does not say."""
        order = {name: index for index, name in enumerate(block.table)}
        found: list[Declared] = []
        for statement in statements:
            keyword = self._taken.get(id(statement))
            if keyword is not None:
                made = self._acted(statement, keyword, block) if carried else self._whole(statement, keyword)
                if made is not None:
                    found.append(made)
        if carried and block.name in ("virtual_server", "real_server") and any(map(_has_check, found)):
            found += self._named(statements, _INHERITED)
        found.sort(key=lambda each: order.get(each.keyword, len(order)))
        return tuple(_merged(found) if block is TOP else found)

    def _acted(self, statement: Statement, keyword: Keyword, block: Block) -> Declared | None:
        """What is not carried of a statement in a block that is."""
        if not keyword.acted:
            return None if (block.name, keyword.value) in _CARRIED_ANYWAY else self._whole(statement, keyword)
        if keyword.block is None:
            inherited = block.name == "global_defs" and keyword.value in self._inherited
            return self._whole(statement, keyword) if inherited else None
        fate = self._fates.get(id(statement))
        if fate is Fate.SKIPPED:
            return None
        if fate is Fate.LEFT_OUT:
            return self._whole(statement, keyword)
        inside = self.block(statement.children or (), keyword.block, carried=True)
        if not inside:
            return None
        return Declared(keyword=keyword.value, values=self._values(statement, keyword), inside=inside, whole=False)

    def _named(self, statements: Iterable[Statement], names: frozenset[str]) -> Iterator[Declared]:
        """The statements of some keywords, though the block around them is carried."""
        for statement in statements:
            keyword = self._taken.get(id(statement))
            if keyword is not None and keyword.value in names:
                yield self._whole(statement, keyword)

    def _whole(self, statement: Statement, keyword: Keyword) -> Declared:
        inside: tuple[Declared, ...] = ()
        if keyword.block is not None:
            inside = self.block(statement.children or (), keyword.block, carried=False)
        return Declared(
            keyword=keyword.value,
            values=self._values(statement, keyword),
            lines=tuple(self._lines(statement, keyword)) if keyword.lines is not None else (),
            inside=inside,
        )

    def _values(self, statement: Statement, keyword: Keyword) -> tuple[DeclaredValue, ...]:
        if keyword.name == "regex":
            return (statement.rest().strip(),)
        if SCRIPT in keyword.arguments:
            return _command(statement.rest().strip())
        try:
            value = self._reader.arguments(statement, keyword)
        except RefusedLineError as refusal:
            value = refusal.instead
        if keyword.reader is not None:
            return _read(statement, keyword.reader, value)
        if value is True and keyword.arguments != (BOOL,):
            return ()
        kinds = [*keyword.arguments, *[keyword.rest or SCRIPT] * len(statement.words)]
        values = value if isinstance(value, tuple) else (value,)
        return tuple(_plain(kind, each) for kind, each in zip(kinds, values, strict=False))

    def _lines(self, statement: Statement, keyword: Keyword) -> Iterator[tuple[DeclaredValue, ...]]:
        """The lines of a block of lines."""
        reader = keyword.lines
        assert reader is not None
        for child in statement.children or ():
            line = accepted(child, reader)
            if line is None:
                continue
            if reader in _TEXT_ONLY:
                yield tuple(line.words)
            else:
                yield (_address(line.words[0]), *map(_number, line.words[1:]))


def _merged(blocks: Iterable[Declared]) -> Iterator[Declared]:
    """The same, with one block for those that count as one."""
    found: dict[object, Declared] = {}
    for number, block in enumerate(blocks):
        name = block.keyword if block.keyword in _MERGED else number
        before = found.get(name)
        inside = block.inside if before is None else (*before.inside, *block.inside)
        found[name] = msgspec.structs.replace(block, inside=inside)
    yield from found.values()


def _has_check(each: Declared) -> bool:
    """A check that is not acted on, or a server with one."""
    if each.keyword == "real_server":
        return any(map(_has_check, each.inside))
    return each.whole and each.keyword.endswith(("_CHECK", "_GET"))


def _plain(kind: Kind, value: Any) -> DeclaredValue:
    """A value of a kind; a word of a choice in its first spelling."""
    if isinstance(kind, Choice) and not isinstance(value, bool | str):
        return next(word for word, meant in kind.values.items() if meant == value)
    if isinstance(kind, IPAddressKind):
        return str(value)
    assert isinstance(value, DeclaredValue)
    return value


def _number(word: str) -> DeclaredValue:
    return int(word) if _WHOLE_NUMBER.fullmatch(word) else word


def _address(word: str) -> str:
    """The canonical form of an address, and any other word as it is."""
    try:
        return str(IP.parse(word)) if not set("/-") & set(word) else word
    except RefusedWordError:
        return word


def _command(text: str) -> tuple[DeclaredValue, ...]:
    """The words of a script, by the shell's rules for quotes; of one in quotes as a whole, the words in it."""
    try:
        words = shlex.split(text)
        return tuple(shlex.split(words[0]) if len(words) == 1 else words)
    except ValueError:  # A quote is not closed.
        return (text,)


def _read(statement: Statement, reader: LineReader, value: Any) -> tuple[DeclaredValue, ...]:
    """Arguments that have a grammar of their own."""
    if reader is lines.virtual_server_name:
        how, what, port = value
        return (str(what), port) if how == "address" else (how, what)
    if reader is lines.mail_server:
        return tuple(value)
    words = inline_lvs.forwarding_words(statement) if reader is inline_lvs.forwarding else statement.words[1:]
    return tuple(map(_number, words))
