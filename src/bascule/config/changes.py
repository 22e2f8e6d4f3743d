# SPDX-License-Identifier: Apache-2.0
"""What differs between two configurations, in words: one line a change. Compares models, not texts.

Blocks are told apart by what names them (a service's address, an instance's name), so that a block that moved has not
changed; of addresses and real servers the order counts, since it decides what is advertised and who is chosen first.
"""

from __future__ import annotations

import collections
import enum
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bascule.config.declared_changes import compare_declared
from bascule.config.routing_words import route_in_words, rule_in_words
from bascule.config.spelling import decimal
from bascule.model.base import Model
from bascule.model.change import Change, ChangeKind
from bascule.model.configuration import Configuration, VirtualAddress
from bascule.model.routing import Route, Rule
from bascule.model.service import ServerId, ServiceId

_KEYWORDS: dict[str, dict[str, str]] = {
    "MailSettings": {
        "to": "notification_email",
        "sender": "notification_email_from",
        "server": "smtp_server",
        "port": "smtp_server port",
        "helo_name": "smtp_helo_name",
        "connect_timeout": "smtp_connect_timeout",
    },
    "VirtualAddress": {
        "device": "dev",
        "detect_duplicates": "-nodad",
        "preferred_lifetime": "preferred_lft",
    },
    "SyncDaemon": {"instance": "inst", "identifier": "id", "longest": "maxlen"},
    "Timeouts": {"tcp_fin": "tcpfin"},
    "Configuration": {"static_addresses": "static_ipaddress"},
    "VrrpInstance": {
        "vrid": "virtual_router_id",
        "initial_state": "state",
        "advert_interval": "advert_int",
        "virtual_addresses": "virtual_ipaddress",
        "excluded_addresses": "virtual_ipaddress_excluded",
        "multicast_source": "mcast_src_ip",
        "sync_daemon_interface": "lvs_sync_daemon_interface",
        "checksum_form": "checksum",
        "unicast_source": "unicast_src_ip",
        "unicast_peers": "unicast_peer",
        "check_unicast_source": "check_unicast_src",
        "virtual_mac": "use_vmac",
    },
    "BfdSession": {
        "neighbour": "neighbor_ip",
        "source": "source_ip",
        "min_rx": "min_rx (seconds)",
        "min_tx": "min_tx (seconds)",
        "idle_tx": "idle_tx (seconds)",
    },
    "TcpCheck": {"connect_address": "connect_ip", "bind_address": "bindto"},
    "RealServerConfig": {"forwarding": "lvs_method", "upper_threshold": "uthreshold", "lower_threshold": "lthreshold"},
    "VirtualServerConfig": {"scheduler": "lb_algo", "forwarding": "lb_kind"},
    "BasculeOptions": {"xdp_interfaces": "xdp_interface", "witnesses": "witness"},
}
"""By struct and field: the keyword, where it is not the field's name."""

_BLOCKS = {
    "VirtualMac": "use_vmac",
    "BfdSession": "bfd_instance",
    "UnicastPeer": "unicast_peer",
    "RealServerConfig": "real_server",
    "VirtualServerConfig": "virtual_server",
    "VrrpInstance": "vrrp_instance",
    "GlobalDefinitions": "global_defs",
    "BasculeOptions": "bascule",
    "SyncDaemon": "lvs_sync_daemon",
    "Timeouts": "lvs_timeouts",
}
"""By struct: the keyword of its block. Checks carry theirs as tag."""

_SECRET = frozenset({"auth_pass", "handover_key"})
"""Fields whose values are not shown."""

_NAMES = ("id", "name", "address")
"""Fields that tell one block from others of its kind, the first that it has."""


def changes(before: Configuration, after: Configuration) -> tuple[Change, ...]:
    """What `after` says otherwise than `before`, in the order of the blocks; empty when both mean the same."""
    return tuple(_compare(before, after, ""))


def _compare(before: Model, after: Model, where: str) -> Iterator[Change]:
    """Two values of one struct, field by field."""
    for field in before.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if old == new or (isinstance(before, Configuration) and field == "files"):
            continue
        keyword = _keyword(before, field)
        if field == "declared":
            yield from compare_declared(old, new)
        elif _is_block(old) and type(old) is type(new):
            yield from _compare(old, new, _inside(where, _BLOCKS.get(type(old).__name__, "")))
        elif isinstance(old, tuple) and any(_is_block(each) for each in (*old, *new)):
            yield from _compare_blocks(old, new, where, keyword)
        elif isinstance(old, tuple):
            yield from _compare_members(old, new, where, keyword)
        elif field in _SECRET:
            yield _change(ChangeKind.CHANGED, where, keyword, f"{keyword} changed (it is not shown)")
        else:
            was, becomes = in_words(old), in_words(new)
            yield _change(ChangeKind.CHANGED, where, keyword, f"{keyword} {was} -> {becomes}", was, becomes)


def _compare_blocks(old: tuple[Model, ...], new: tuple[Model, ...], where: str, keyword: str) -> Iterator[Change]:
    """Two lists of blocks, matched by what names them."""
    olds, news = _titled(old, keyword), _titled(new, keyword)
    for title, block in olds.items():
        if title not in news:
            yield _change(ChangeKind.REMOVED, where, title, f"{title} removed", before=summary(block))
        elif block != news[title]:
            yield from _compare(block, news[title], _inside(where, title))
    for title, block in news.items():
        if title not in olds:
            said = summary(block)
            yield _change(ChangeKind.ADDED, where, title, f"{title} added" + (f": {said}" if said else ""), after=said)
    if where:
        yield from _compare_order(_counted(olds), _counted(news), where, keyword)


def _compare_members(old: tuple[Any, ...], new: tuple[Any, ...], where: str, keyword: str) -> Iterator[Change]:
    """Two lists of plain values."""
    olds, news = _counted(old), _counted(new)
    for each, count in olds:
        if (each, count) not in news:
            yield _change(ChangeKind.REMOVED, where, keyword, f"{keyword} {each} removed", before=each)
    for each, count in news:
        if (each, count) not in olds:
            yield _change(ChangeKind.ADDED, where, keyword, f"{keyword} {each} added", after=each)
    yield from _compare_order(olds, news, where, keyword)


def _compare_order(
    olds: list[tuple[str, int]], news: list[tuple[str, int]], where: str, keyword: str
) -> Iterator[Change]:
    """Whether what both lists have stands in another order."""
    was, becomes = ([name for name, n in one if (name, n) in other] for one, other in ((olds, news), (news, olds)))
    if was != becomes:
        yield _change(
            ChangeKind.CHANGED, where, keyword, f"{keyword} in another order", ", ".join(was), ", ".join(becomes)
        )


def _counted(values: Iterable[Any]) -> list[tuple[str, int]]:
    """Values in words; each with how many like it stand before it."""
    seen: collections.Counter[str] = collections.Counter()
    found: list[tuple[str, int]] = []
    for words in map(in_words, values):
        found.append((words, seen[words]))
        seen[words] += 1
    return found


def _change(
    kind: ChangeKind, where: str, what: str, text: str, before: str | None = None, after: str | None = None
) -> Change:
    line = f"{where}: {text}" if where else text
    return Change(kind=kind, where=where, what=what, before=before, after=after, text=line)


def _inside(where: str, title: str) -> str:
    return ", ".join(part for part in (where, title) if part)


def _is_block(value: object) -> bool:
    """It is a block of its own, not a name made of parts, nor a line."""
    return isinstance(value, Model) and not isinstance(value, ServerId | ServiceId | Route | Rule)


def _keyword(block: Model, field: str) -> str:
    return _KEYWORDS.get(type(block).__name__, {}).get(field, field)


def _titled(blocks: tuple[Model, ...], listed: str) -> dict[str, Model]:
    """Blocks by keyword and name; those without a name, and further ones of the same name, are counted.

    `listed`: the keyword of the list that they stand in, for addresses, which may stand in several.
    """
    titles = _counted(_title(block, listed) for block in blocks)
    return {
        f"{title} ({count + 1})" if count else title: block
        for (title, count), block in zip(titles, blocks, strict=True)
    }


def _title(block: Model, listed: str) -> str:
    tag = block.__struct_config__.tag
    keyword = tag.upper() if isinstance(tag, str) else _BLOCKS.get(type(block).__name__, listed)
    for field in _NAMES:
        if hasattr(block, field):
            return f"{keyword} {in_words(getattr(block, field))}"
    return keyword


def summary(block: Model) -> str:
    """What there is to say of a block that is new: what is not by default, and how many blocks are in it."""
    parts: list[str] = []
    for info in msgspec.structs.fields(block):
        value = getattr(block, info.name)
        if value == info.default or info.name in _SECRET or _is_told(block, info.name):
            continue
        keyword = _keyword(block, info.name)
        if isinstance(value, tuple) and any(_is_block(each) for each in value):
            parts.append(", ".join(_titled(value, keyword)))
        elif isinstance(value, tuple):
            parts.append(f"{keyword} {' '.join(in_words(each) for each in value)}")
        elif not _is_block(value):
            parts.append(f"{keyword} {in_words(value)}")
    return ", ".join(parts)


def _is_told(block: Model, field: str) -> bool:
    """The block's title says the field already."""
    if field == "prefix_length" and isinstance(block, VirtualAddress):
        return block.prefix_length == block.address.max_prefixlen
    return field in _NAMES or (field == "port" and hasattr(block, "id"))


def in_words(value: object) -> str:
    """A value as a user writes it; seconds with their unit."""
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{decimal(value)} s"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, ServerId):
        return f"{value.address} {value.port}"
    if isinstance(value, Route):
        return route_in_words(value)
    if isinstance(value, Rule):
        return rule_in_words(value)
    if isinstance(value, tuple):
        return " ".join(in_words(each) for each in value)
    if _is_block(value) and isinstance(value, Model):
        return summary(value) or "on"
    return str(value)
