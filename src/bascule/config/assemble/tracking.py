# SPDX-License-Identifier: Apache-2.0
"""Trackers and sync groups into the model: what instances and groups follow, with the weights resolved.

As keepalived 2.2.7 has it: what is followed must be defined above; in a sync group weights belong to the group. What
nobody follows is not run, and is left to what is merely accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from bascule.config.assemble.scripts import notifies, script_of, split
from bascule.config.diagnostics import Fate, Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.bfd import BfdSession
from bascule.model.configuration import VrrpInstance
from bascule.model.scripts import Script
from bascule.model.tracking import (
    ParameterMatch,
    SyncGroup,
    Tracked,
    TrackerKind,
    TrackFile,
    TrackProcess,
    TrackScript,
)

PRIORITY_OWNER = 255
"""Of the owner of the addresses (RFC 9568 5.2.4)."""

_BLOCKS = {
    "vrrp_script": TrackerKind.SCRIPT,
    "track_file": TrackerKind.FILE,
    "vrrp_track_process": TrackerKind.PROCESS,
    "bfd_instance": TrackerKind.BFD,
}
"""Blocks that define what can be followed."""

_LINES = {
    "track_interface": TrackerKind.INTERFACE,
    "track_script": TrackerKind.SCRIPT,
    "track_file": TrackerKind.FILE,
    "track_process": TrackerKind.PROCESS,
    "track_bfd": TrackerKind.BFD,
}
"""Blocks of lines that follow."""

_WEIGHTS = {TrackerKind.FILE: 1}
"""What a block weighs that does not say so; 0 where nothing stands here."""

_UNWEIGHTED = "write 'weight 0', or in a group follow it there"

_BROKEN = {TrackerKind.SCRIPT: "script", TrackerKind.FILE: "file", TrackerKind.PROCESS: "process"}
"""Without these keepalived drops the block."""


class Following(NamedTuple):
    """What the files say of all this."""

    instances: tuple[VrrpInstance, ...]
    groups: tuple[SyncGroup, ...]
    scripts: tuple[TrackScript, ...]
    processes: tuple[TrackProcess, ...]
    files: tuple[TrackFile, ...]


def following(
    top: Section,
    defaults: Section,
    instances: tuple[VrrpInstance, ...],
    findings: Findings,
    sessions: tuple[BfdSession, ...] = (),
) -> Following:
    """The instances again, with what they follow, and everything else. `defaults`: the values of `global_defs`.

    `sessions`: those that run.
    """
    return _Assembly(top, defaults, instances, findings, {session.name for session in sessions}).whole()


class _Assembly:
    """One pass over the top of the files, in their order."""

    def __init__(
        self,
        top: Section,
        defaults: Section,
        instances: tuple[VrrpInstance, ...],
        findings: Findings,
        sessions: Collection[str],
    ) -> None:
        self._sessions = sessions
        self._top = top
        self._defaults = defaults
        self._findings = findings
        self._instances = {entry.name: entry for entry in instances}
        self._defined: dict[tuple[TrackerKind, str], Section] = {}
        self._followed: dict[tuple[TrackerKind, str], None] = {}
        self._group_of: dict[str, str] = {}

    def whole(self) -> Following:
        groups = self._groups()
        weighted = {group.name for group in groups if group.weighted}
        seen: set[str] = set()
        for name, section in self._top.sections:
            if name in _BLOCKS:
                self._define(_BLOCKS[name], section)
            elif name == "vrrp_sync_group":
                lines = tuple(self._lines(section))
                groups = [
                    msgspec.structs.replace(g, tracked=lines) if g.name == section.title and not g.tracked else g
                    for g in groups
                ]
            elif name == "vrrp_instance" and section.title in self._instances and section.title not in seen:
                seen.add(section.title)
                self._instances[section.title] = self._follow(section, weighted)
        return Following(
            tuple(self._instances.values()),
            tuple(groups),
            tuple(self._made(TrackerKind.SCRIPT, self._script)),
            tuple(self._made(TrackerKind.PROCESS, _process)),
            tuple(self._made(TrackerKind.FILE, _file)),
        )

    def _define(self, kind: TrackerKind, section: Section) -> None:
        """The first of a name counts; one that lacks what it needs has been reported."""
        assert section.statement is not None
        if kind is TrackerKind.BFD:
            if section.title in self._sessions:
                self._defined.setdefault((kind, section.title), section)
            return
        self._findings.fates[id(section.statement)] = Fate.LEFT_OUT
        if _BROKEN[kind] in section.values and (kind, section.title) not in self._defined:
            self._defined[kind, section.title] = section

    def _follow(self, section: Section, weighted: set[str]) -> VrrpInstance:
        entry = self._instances[section.title]
        group = self._group_of.get(entry.name)
        why = f"'{entry.name}' is in vrrp_sync_group '{group}'" if group is not None and group not in weighted else None
        if entry.priority == PRIORITY_OWNER:
            why = f"'{entry.name}' owns its addresses (priority 255)"
        return msgspec.structs.replace(
            entry,
            tracked=tuple(self._lines(section, why)),
            track_primary="dont_track_primary" not in section.values,
            sync_group=group,
        )

    def _lines(self, section: Section, unweighted: str | None = None) -> Iterator[Tracked]:
        """What a block follows. `unweighted`: why lines with a weight do not count."""
        seen: set[tuple[TrackerKind, str]] = set()
        for keyword, kind in _LINES.items():
            for line in section.get(keyword) or ():
                key = (kind, line.name)
                if key in seen or (kind is not TrackerKind.INTERFACE and key not in self._defined):
                    continue  # That it is not defined above has been said.
                seen.add(key)
                made = self._line(kind, line.name, line.weight, line.reverse)
                if made.weight != 0 and unweighted is not None:
                    message = f"'{line.name}' has the weight {made.weight}, and {unweighted}: it is not followed"
                    self._findings.add("meaning/weight", _line_of(section, keyword, line.name), 0, message, _UNWEIGHTED)
                    continue
                if kind is not TrackerKind.INTERFACE:
                    self._followed[key] = None
                yield made

    def _line(self, kind: TrackerKind, name: str, weight: int | None, reverse: bool | None) -> Tracked:
        block = self._defined.get((kind, name))
        usual, turned = _weight_of(block, kind)
        return Tracked(
            kind=kind,
            name=name,
            weight=usual if weight is None else weight,
            reverse=turned if reverse is None else reverse,
        )

    def _made(self, kind: TrackerKind, make: Any) -> Iterator[Any]:
        """Every block of a kind that is followed, in the order of the files."""
        for (each, name), section in self._defined.items():
            if each is not kind or (each, name) not in self._followed:
                continue
            made = make(section)
            if made is not None:
                assert section.statement is not None
                del self._findings.fates[id(section.statement)]
                yield made

    def _script(self, section: Section) -> TrackScript | None:
        run = script_of(section, "script", self._findings)
        if run is None:
            return None
        user = section.get("user")
        names = user if isinstance(user, tuple) else (user,)
        interval = Seconds(float(section.get("interval", 1)))
        return TrackScript(
            name=section.title,
            run=Script(command=run.command, user=names[0], group=names[1] if len(names) > 1 else None),
            interval=interval,
            timeout=Seconds(float(section.get("timeout", interval))),
            rise=section.get("rise", 1),
            fall=section.get("fall", 1),
            init_fail="init_fail" in section.values,
        )

    def _groups(self) -> list[SyncGroup]:
        found: list[SyncGroup] = []
        for section in self._top.each("vrrp_sync_group"):
            assert section.statement is not None
            taken = any(group.name == section.title for group in found)
            members = tuple(dict.fromkeys(self._members(section))) if not taken else ()
            if not members:
                self._findings.fates[id(section.statement)] = Fate.SKIPPED if taken else Fate.LEFT_OUT
                continue
            self._group_of |= dict.fromkeys(members, section.title)
            found.append(
                SyncGroup(
                    name=section.title,
                    members=members,
                    weighted="sync_group_tracking_weight" in section.values,
                    notify=notifies(section, self._defaults, self._findings),
                    smtp_alert=self._mails(section),
                )
            )
        return found

    def _mails(self, section: Section) -> bool:
        """Whether the group's changes are mailed."""
        inherited = self._defaults.get("smtp_alert_vrrp", self._defaults.get("smtp_alert", False))
        return bool(section.get("smtp_alert", inherited))

    def _members(self, section: Section) -> Iterable[str]:
        """Instances that there are, and that are in no other group; the others have been reported."""
        names: list[str] = section.get("group") or []
        return (name for name in names if name in self._instances and name not in self._group_of)


def _weight_of(block: Section | None, kind: TrackerKind) -> tuple[int, bool]:
    """The weight of a block and whether it works the other way round."""
    value = block.get("weight") if block is not None else None
    if value is None:
        return _WEIGHTS.get(kind, 0), False
    weight, *more = value if isinstance(value, tuple) else (value,)
    return int(weight), "reverse" in more


def _process(section: Section) -> TrackProcess:
    command, *parameters = split(section.where["process"].rest())
    delay = section.get("delay", 0.0)
    return TrackProcess(
        name=section.title,
        command=command,
        parameters=tuple(parameters),
        match=_match(section, parameters),
        full_command="full_command" in section.values,
        quorum=section.get("quorum", 1),
        quorum_max=section.get("quorum_max"),
        fork_delay=Seconds(float(section.get("fork_delay", delay))),
        terminate_delay=Seconds(float(section.get("terminate_delay", delay))),
    )


def _match(section: Section, parameters: list[str]) -> ParameterMatch | None:
    word = section.get("param_match")
    if isinstance(word, str):
        return ParameterMatch(word)
    return ParameterMatch.EXACT if parameters or word is not None else None


def _file(section: Section) -> TrackFile:
    value, overwrite = section.get("init_file", (None, False))
    wanted = "init_file" in section.values
    return TrackFile(
        name=section.title,
        path=section.get("file"),
        init_value=(value or 0) if wanted else None,
        overwrite=overwrite,
    )


def _line_of(section: Section, keyword: str, name: str) -> Statement:
    where = section.where[keyword]
    return next((line for line in where.children or () if line.words[0] == name), where)
