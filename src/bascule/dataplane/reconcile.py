# SPDX-License-Identifier: Apache-2.0
"""Reconciliation: make a plane hold what is wanted. Level-triggered: it reads what the plane really holds each time.

Ours are the services that are wanted and those in the ledger; all others are foreign and stay as they are. Something
of ours that no longer stands as we left it was changed by another hand: it is put back, and the change says so.

Order of edits, so that no service is without servers needlessly: services come before they lose anything, servers
are added and raised before others are lowered or removed, services go last. An edit that is refused is reported and
stops nothing else; the next reconciliation tries it again.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator

import msgspec

from bascule.dataplane.ledger import Ledger
from bascule.dataplane.plane import Plane, PlaneReader
from bascule.errors import KernelRefusedError
from bascule.model.service import RealServer, ServerId, ServiceId, ServiceView, VirtualService


class Edit(enum.Enum):
    """The six edits of a plane."""

    ADD_SERVICE = "add_service"
    EDIT_SERVICE = "edit_service"
    REMOVE_SERVICE = "remove_service"
    ADD_SERVER = "add_server"
    EDIT_SERVER = "edit_server"
    REMOVE_SERVER = "remove_server"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One edit that was applied, or refused."""

    edit: Edit
    service: ServiceId
    server: ServerId | None = None
    before: VirtualService | RealServer | None = None
    """What the plane held; a service without its servers. None for what was not there."""
    after: VirtualService | RealServer | None = None
    put_back: bool = False
    """The plane did not hold what we left there: another hand had changed it."""
    refused: str | None = None
    """Why the plane refused; None = applied."""

    def fields(self) -> dict[str, str | bool | float]:
        """The change as key=value for one log line: names, and old and new value of each field that differs."""
        found: dict[str, str | bool | float] = {"edit": self.edit.value, "service": str(self.service)}
        if self.server is not None:
            found["server"] = self.server.text(self.service.protocol)
        found.update(_differences(self.before, self.after))
        if self.put_back:
            found["put_back"] = True
        if self.refused is not None:
            found["refused"] = self.refused
        return found


def reconcile(plane: Plane, desired: tuple[VirtualService, ...], ledger: Ledger) -> tuple[Change, ...]:
    """Make `plane` hold `desired`; services and the servers inside one must have distinct names.

    Returns every edit in the order in which it was made. Raises nothing of the plane's refusals: see Change.refused.
    """
    held = {view.service.id: _whole(view) for view in plane.services()}
    wanted = {service.id: service for service in desired}
    ledger.claim(tuple(wanted))
    changes: list[Change] = []
    absent: set[ServiceId] = set()
    for change in _plan(held, wanted, ledger):
        if change.service in absent:
            # Its service was refused, with the reason; each of its servers would only be refused for want of it.
            continue
        changes.append(_apply(plane, change))
        if change.edit is Edit.ADD_SERVICE and changes[-1].refused is not None:
            absent.add(change.service)
    failed = {change.service for change in changes if change.refused is not None}
    settled: dict[ServiceId, VirtualService | None] = {
        name: ledger.applied(name) if name in failed else service for name, service in wanted.items()
    }
    settled.update((name, ledger.applied(name)) for name in failed - wanted.keys())
    ledger.settle(settled)
    return tuple(changes)


def plan(reader: PlaneReader, desired: tuple[VirtualService, ...], ledger: Ledger) -> tuple[Change, ...]:
    """What `reconcile` would do now, without doing it."""
    held = {view.service.id: _whole(view) for view in reader.services()}
    return tuple(_plan(held, {service.id: service for service in desired}, ledger))


def shown(reader: PlaneReader, ledger: Ledger) -> tuple[ServiceView, ...]:
    """Every service that the plane holds, marked as ours or foreign."""
    return tuple(
        msgspec.structs.replace(view, ours=view.ours and view.service.id in ledger) for view in reader.services()
    )


def _plan(
    held: dict[ServiceId, VirtualService], wanted: dict[ServiceId, VirtualService], ledger: Ledger
) -> Iterator[Change]:
    for name, service in wanted.items():
        yield from _service_changes(held.get(name), service, ledger.applied(name))
    for name, service in held.items():
        if name in ledger and name not in wanted:
            yield Change(edit=Edit.REMOVE_SERVICE, service=name, before=_bare(service))


def _service_changes(
    held: VirtualService | None, wanted: VirtualService, left: VirtualService | None
) -> Iterator[Change]:
    if held is None:
        gone = left is not None
        yield Change(edit=Edit.ADD_SERVICE, service=wanted.id, after=_bare(wanted), put_back=gone)
        for server in wanted.servers:
            yield Change(edit=Edit.ADD_SERVER, service=wanted.id, server=server.id, after=server, put_back=gone)
        return
    yield from _server_changes(held, wanted, left)
    if _bare(held) != _bare(wanted):
        by_hand = left is not None and _bare(left) != _bare(held)
        yield Change(
            edit=Edit.EDIT_SERVICE, service=wanted.id, before=_bare(held), after=_bare(wanted), put_back=by_hand
        )


def _server_changes(held: VirtualService, wanted: VirtualService, left: VirtualService | None) -> Iterator[Change]:
    old = {server.id: server for server in held.servers}
    new = {server.id: server for server in wanted.servers}
    known = {server.id: server for server in left.servers} if left is not None else old

    def change(edit: Edit, name: ServerId) -> Change:
        return Change(
            edit=edit,
            service=wanted.id,
            server=name,
            before=old.get(name),
            after=new.get(name),
            put_back=known.get(name) != old.get(name),
        )

    yield from (change(Edit.ADD_SERVER, name) for name in new if name not in old)
    edited = [name for name in new if name in old and old[name] != new[name]]
    edited.sort(key=lambda name: old[name].weight - new[name].weight)
    yield from (change(Edit.EDIT_SERVER, name) for name in edited)
    yield from (change(Edit.REMOVE_SERVER, name) for name in old if name not in new)


def _apply(plane: Plane, change: Change) -> Change:
    try:
        _call(plane, change)()
    except KernelRefusedError as error:
        return dataclasses.replace(change, refused=str(error))
    return change


def _call(plane: Plane, change: Change) -> Callable[[], None]:
    """The plane's edit for this change."""
    name, server, after = change.service, change.server, change.after
    match change.edit, after:
        case Edit.ADD_SERVICE, VirtualService():
            return lambda: plane.add_service(after)
        case Edit.EDIT_SERVICE, VirtualService():
            return lambda: plane.edit_service(after)
        case Edit.ADD_SERVER, RealServer():
            return lambda: plane.add_server(name, after)
        case Edit.EDIT_SERVER, RealServer():
            return lambda: plane.edit_server(name, after)
        case Edit.REMOVE_SERVICE, None:
            return lambda: plane.remove_service(name)
        case _:
            assert change.edit is Edit.REMOVE_SERVER
            assert server is not None
            gone = server
            return lambda: plane.remove_server(name, gone)


def _bare(service: VirtualService) -> VirtualService:
    return msgspec.structs.replace(service, servers=())


def _whole(view: ServiceView) -> VirtualService:
    return msgspec.structs.replace(view.service, servers=tuple(server.server for server in view.servers))


def _differences(
    before: VirtualService | RealServer | None, after: VirtualService | RealServer | None
) -> Iterator[tuple[str, str]]:
    """Each field that differs as (name, "old -> new"), or (name, value) for what comes or goes."""
    old, new = _values(before), _values(after)
    for name in new or old:
        if not old or not new:
            yield name, (new or old)[name]
        elif old[name] != new[name]:
            yield name, f"{old[name]} -> {new[name]}"


def _values(side: VirtualService | RealServer | None) -> dict[str, str]:
    """The fields as text, without those that name the thing."""
    if side is None:
        return {}
    return {
        name: str(value.value) if isinstance(value, enum.Enum) else str(value)
        for name, value in msgspec.structs.asdict(side).items()
        if name not in ("id", "servers", "address", "port")
    }
