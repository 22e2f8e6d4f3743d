# SPDX-License-Identifier: Apache-2.0
"""Which of a configuration's instances run: their keys, their interfaces, their sockets; and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_keys import secrets_of
from bascule.daemon.roles.vrrp_ports import Ports
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.daemon.roles.vrrp_virtual_mac import VirtualLinks
from bascule.errors import ConfigurationError, KernelRefusedError
from bascule.model.configuration import AuthType, Configuration, VrrpInstance


class Admission:
    """One configuration after the other: `able`, then `seated`."""

    def __init__(self, log: Log, ports: Ports, links: VirtualLinks) -> None:
        """Nobody yet."""
        self._log = log
        self._ports = ports
        self._links = links
        self._reasons: dict[str, str] = {}
        self.secrets: dict[str, dict[int, bytes]] = {}
        """Of those that were able: the keys of `auth_hmac` by number, by instance."""
        self.notes: tuple[str, ...] = ()
        """Instances that do not run, and why; and what an operator should know of those that do."""

    def able(self, wanted: Configuration) -> dict[str, VrrpInstance]:
        """Those that can be run, by name, with their interfaces open.

        Raises ConfigurationError when an interface is missing; then nothing was changed.
        """
        found = {entry.name: vrrp_plan.unsupported(entry) or self._unlock(entry) for entry in wanted.instances}
        self._reasons = {name: why for name, why in found.items() if why is not None}
        entries = {entry.name: entry for entry in wanted.instances if found[entry.name] is None}
        for entry in entries.values():
            self._open(entry)
        return entries

    def _unlock(self, entry: VrrpInstance) -> str | None:
        """Have an instance's keys. Why that cannot be."""
        try:
            self.secrets[entry.name] = secrets_of(entry, self._log)
        except ConfigurationError as error:
            return str(error)
        return None

    def _open(self, entry: VrrpInstance) -> None:
        for name in vrrp_plan.interfaces_of(entry):
            try:
                self._ports.require(name)
            except ConfigurationError as error:
                raise ConfigurationError(f"vrrp_instance {entry.name}: {error}") from error

    def seated(self, entries: Mapping[str, VrrpInstance]) -> tuple[dict[str, VrrpInstance], dict[str, Seat]]:
        """Those of the able that the kernel carries, and where each works; `notes` tells of the others."""
        seats, refused = self._links.seats(entries.values())
        if any(entry.ipvlan is not None for entry in entries.values()):
            self._ports.read_addresses()  # Those of the ipvlans are there before the kernel's news of them.
        for name, seat in seats.items():
            deaf = self._sit(entries[name], seat)
            if deaf is not None:
                refused[name] = deaf
        found = {name: entry for name, entry in entries.items() if name not in refused}
        self._note(found.values(), {**self._reasons, **refused})
        return found, seats

    def _sit(self, entry: VrrpInstance, seat: Seat) -> str | None:
        """Have an instance's adverts heard. Why that cannot be: a kernel without IPv6 still has IPv4's."""
        try:
            for name in seat.every:
                self._ports.require(name)
            self._ports.require(seat.talks).listen(vrrp_plan.group_of(entry), entry.auth_type is AuthType.AH)
        except (ConfigurationError, KernelRefusedError) as error:
            return f"the kernel does not carry its adverts: {error}"
        return None

    def _note(self, entries: Iterable[VrrpInstance], reasons: Mapping[str, str]) -> None:
        for name, why in reasons.items():
            self._log.error("instance_not_run", instance=name, why=why)
        remarks = [f"vrrp_instance {e.name} {remark}" for e in entries for remark in vrrp_plan.remarks_on(e)]
        self.notes = (*(f"vrrp_instance {name} does not run: {why}" for name, why in reasons.items()), *remarks)
