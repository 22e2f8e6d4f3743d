# SPDX-License-Identifier: Apache-2.0
"""`track_group` blocks into the model: instances that follow the interfaces of static addresses, routes and rules.

keepalived 2.2.7 does it so: what others remove is put back, group or not; an interface that is down is a fault of the
group's instances. A group is known from its block downwards; a route must name its interface, a rule its incoming one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from bascule.config.diagnostics import Findings
from bascule.config.keywords.inline_addresses import static_address
from bascule.config.keywords.inline_routes import static_route
from bascule.config.keywords.inline_rules import static_rule
from bascule.config.reader import Section
from bascule.config.schema import RefusedLineError
from bascule.config.tree import Statement
from bascule.model.configuration import VirtualAddress, VrrpInstance
from bascule.model.routing import Route, Rule
from bascule.model.tracking import Tracked, TrackerKind, TrackGroup

Static = VirtualAddress | Route | Rule

_READERS: dict[str, Callable[[Statement], Static]] = {
    "static_ipaddress": static_address,
    "static_routes": static_route,
    "static_rules": static_rule,
}


def track_groups(
    top: Section, default_interface: str, instances: tuple[VrrpInstance, ...], findings: Findings
) -> tuple[tuple[VrrpInstance, ...], tuple[TrackGroup, ...]]:
    """The instances again, each with what it follows by its groups, and the groups that have instances."""
    groups = _groups(top, {entry.name for entry in instances}, findings)
    if not groups:
        return instances, ()
    followed = _followed(top, groups, default_interface, findings)
    found = tuple(_with(entry, followed.get(entry.name, {})) for entry in instances)
    return found, tuple(groups.values())


def _groups(top: Section, known: set[str], findings: Findings) -> dict[str, TrackGroup]:
    """By name; the first of a name counts. Silent about instances when one is misspelt or left out, which was said."""
    written = {section.title for section in top.each("vrrp_instance")}
    groups: dict[str, TrackGroup] = {}
    for section in top.each("track_group"):
        members: list[str] = section.get("group") or []
        for name in dict.fromkeys(members):
            if name not in written and "vrrp_instance" not in top.misspelt | top.refused:
                message = f"there is no vrrp_instance '{name}': it is ignored"
                findings.add("meaning/track-group", _line_of(section, name), 0, message)
        running = tuple(name for name in dict.fromkeys(members) if name in known)
        groups.setdefault(section.title, TrackGroup(name=section.title, members=running))
    return groups


def _followed(
    top: Section, groups: dict[str, TrackGroup], default_interface: str, findings: Findings
) -> dict[str, dict[str, None]]:
    """By instance: the interfaces that it follows, each once, in the order of the files."""
    found: dict[str, dict[str, None]] = {}
    for line, entry, defined in _lines(top):
        group = groups.get(entry.track_group or "")
        if group is None or entry.track_group not in defined:
            continue
        if entry.no_track:
            where = line.words.index("track_group")
            message = f"'no_track' stands beside it: the group '{group.name}' does not follow this"
            findings.add("meaning/track-group", line, where, message)
            continue
        interface = entry.incoming if isinstance(entry, Rule) else entry.device
        if interface is None and isinstance(entry, VirtualAddress):
            interface = default_interface
        if interface is not None:
            for member in group.members:
                found.setdefault(member, {})[interface] = None
    return found


def _lines(top: Section) -> Iterator[tuple[Statement, Static, set[str]]]:
    """Every static line with a group, what it says, and the groups that stand above it."""
    defined: set[str] = set()
    for block in top.children:
        keyword = block.words[0]
        if keyword == "track_group":
            defined.update(block.words[1:2])
        for line in (block.children or ()) if keyword in _READERS else ():
            entry = _read(line, _READERS[keyword]) if "track_group" in line.words else None
            if entry is not None:
                yield line, entry, defined


def _read(line: Statement, reader: Callable[[Statement], Static]) -> Static | None:
    """What the line says where something on it is wrong, too: that was said when it was first read."""
    try:
        return reader(line)
    except RefusedLineError as refusal:
        return refusal.instead if isinstance(refusal.instead, Static) else None


def _with(entry: VrrpInstance, interfaces: dict[str, None]) -> VrrpInstance:
    """That an interface is down is a fault, whatever weight a line of the instance's own gives it."""
    plain = {line.name for line in entry.tracked if line.kind is TrackerKind.INTERFACE and line.weight == 0}
    new = tuple(Tracked(kind=TrackerKind.INTERFACE, name=name) for name in interfaces if name not in plain)
    return msgspec.structs.replace(entry, tracked=(*entry.tracked, *new)) if new else entry


def _line_of(section: Section, name: str) -> Statement:
    where = section.where["group"]
    return next((line for line in where.children or () if name in line.words), where)
