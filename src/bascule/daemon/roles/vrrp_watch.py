# SPDX-License-Identifier: Apache-2.0
"""What takes readings of what is tracked: interfaces, files, processes. Scripts and BFD sessions are read elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_files import Files
from bascule.daemon.roles.vrrp_links import Links
from bascule.daemon.roles.vrrp_processes import Processes
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.linux.netlink import Netlink, NetlinkMessage
from bascule.model.configuration import Configuration
from bascule.model.tracking import Tracked, TrackerKind


class Watch:
    """The runners of what the vrrp role tracks itself."""

    def __init__(self, netlink: Netlink, log: Log, tracking: Tracking, clock: Callable[[], float]) -> None:
        """Nothing is watched."""
        report = tracking.report
        self._clock = clock
        self._links = Links(netlink, lambda name, up, why: report(TrackerKind.INTERFACE, name, up, why))
        self._files = Files(log, lambda name, number, why: report(TrackerKind.FILE, name, number, why))
        self._processes = Processes(log, lambda name, up, why: report(TrackerKind.PROCESS, name, up, why), clock)

    def configure(self, wanted: Configuration) -> None:
        """Watch what `wanted` tracks, and take first readings. Raises KernelRefusedError."""
        lines: list[Tracked] = [line for entry in wanted.instances for line in entry.tracked]
        lines += [line for group in wanted.sync_groups for line in group.tracked]
        self._links.configure(line.name for line in lines if line.kind is TrackerKind.INTERFACE)
        self._files.configure(wanted.track_files, self._clock())
        self._processes.configure(wanted.track_processes, self._clock())

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What `readable` wants to hear of."""
        return tuple(number for number in (self._files.fileno(), self._processes.fileno()) if number is not None)

    def deadline(self) -> float:
        """When `timers` is to be called."""
        return min(self._files.deadline(), self._processes.deadline())

    def readable(self, ready: Collection[object]) -> None:
        """Of `descriptors`, these have news."""
        if self._files.fileno() in ready:
            self._files.readable(self._clock())
        if self._processes.fileno() in ready:
            self._processes.readable(self._clock())

    def timers(self) -> None:
        """The time of `deadline` may have come."""
        now = self._clock()
        self._files.timers(now)
        self._processes.timers(now)

    def kernel(self, messages: Collection[NetlinkMessage], complete: bool) -> None:
        """Take in what changed in the kernel. Raises KernelRefusedError."""
        self._links.update(messages, complete)

    def close(self) -> None:
        """Watch no more."""
        self._files.close()
        self._processes.close()
