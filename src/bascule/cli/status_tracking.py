# SPDX-License-Identifier: Apache-2.0
"""Sync groups and what instances track, as text for `bascule status`."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.cli.status_table import age, table
from bascule.model.status import GroupStatus, TrackerStatus, VrrpStatus
from bascule.model.tracking import TrackerKind


def lines(status: VrrpStatus, now: float) -> Iterator[str]:
    """Both tables, where there is something in them."""
    if status.groups:
        yield ""
        yield from table(
            [("GROUP", "STATE", "SINCE", "INSTANCES", "WHY"), *(_group(each, now) for each in status.groups)]
        )
    if status.trackers:
        yield ""
        head = ("TRACKED", "NAME", "VALUE", "SINCE", "INSTANCES (WEIGHT)", "WHY")
        yield from table([head, *(_tracker(each, now) for each in status.trackers)])


def _group(group: GroupStatus, now: float) -> tuple[str, ...]:
    why = group.reason
    if group.awaited:
        why = f"could be active but for {', '.join(group.awaited)}"
    since = age(now - group.since) if group.since else "-"
    return (group.name, group.state.value, since, ",".join(group.members), why)


def _tracker(tracker: TrackerStatus, now: float) -> tuple[str, ...]:
    followers = ", ".join(
        f"{name} ({f'{weight:+d}' if weight else 'fault'})" for name, weight in tracker.instances.items()
    )
    since = age(now - tracker.since) if tracker.since is not None else "-"
    return (tracker.kind.value, tracker.name, _value(tracker), since, followers, tracker.why)


def _value(tracker: TrackerStatus) -> str:
    if tracker.value is None:
        return "unknown"
    if tracker.kind is TrackerKind.FILE:
        return str(tracker.value)
    return "up" if tracker.value else "down"
