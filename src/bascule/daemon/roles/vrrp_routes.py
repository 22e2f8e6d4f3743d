# SPDX-License-Identifier: Apache-2.0
"""The routes and rules that instances want on, and those that stay: put, taken off, put back when others remove them.

The kernel has no lifetime for IPv4 routes and rules: what takes them off when this process dies is the last will, and
when everything is killed at once they stay until the next start. Each is put so that one that is there already (a
predecessor's) is taken for ours.
"""

from __future__ import annotations

import dataclasses
import errno
import socket
from collections.abc import Callable, Collection, Iterable

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import links, route_messages, rules
from bascule.linux.interfaces import NEW_LINK
from bascule.linux.netlink import APPEND, CREATE, EXCLUSIVE, Netlink, NetlinkError, NetlinkMessage, attributes
from bascule.linux.routes import DELETE_ROUTE, NEW_ROUTE
from bascule.model.messages import WillRequest
from bascule.model.routing import MAIN_TABLE, Route, RoutePlace, Rule

_GONE = (errno.ESRCH, errno.ENOENT, errno.ENODEV, errno.EADDRNOTAVAIL)
_FLAGS = {RoutePlace.ADD: CREATE | EXCLUSIVE, RoutePlace.PREPEND: CREATE, RoutePlace.APPEND: CREATE | APPEND}

Entry = Route | Rule


@dataclasses.dataclass(slots=True, frozen=True)
class _Request:
    """An entry as the kernel takes it."""

    entry: Entry
    body: bytes
    key: tuple[object, ...]

    @property
    def add(self) -> tuple[int, int]:
        """Kind and flags of the message that puts it."""
        if isinstance(self.entry, Rule):
            return rules.NEW_RULE, CREATE | EXCLUSIVE
        return NEW_ROUTE, _FLAGS[self.entry.place]

    @property
    def remove(self) -> int:
        """Kind of the message that takes it off."""
        return rules.DELETE_RULE if isinstance(self.entry, Rule) else DELETE_ROUTE


class RouteKeeper:
    """Who wants which routes and rules. Errors are logged here."""

    def __init__(self, netlink: Netlink, log: Log) -> None:
        """Nothing is wanted yet."""
        self._netlink = netlink
        self._log = log
        self._wants: dict[str, tuple[Entry, ...]] = {}

    def put(self, owner: str, wanted: tuple[Entry, ...]) -> None:
        """Have `owner`'s routes on, then its rules, and those of before that are not among them off."""
        before = self._wants.get(owner, ())
        self._remove(owner, [entry for entry in before if entry not in wanted])
        if wanted:
            self._wants[owner] = wanted
        else:
            self._wants.pop(owner, None)
        self._add(owner, wanted)

    def take(self, owner: str, unwanted: tuple[Entry, ...]) -> None:
        """Have `owner`'s rules off, then its routes: what it wanted, and `unwanted`, perhaps a predecessor's."""
        before = self._wants.pop(owner, ())
        self._remove(owner, tuple(dict.fromkeys((*before, *unwanted))))

    def wanted(self, owner: str) -> tuple[Entry, ...]:
        """What `owner` has on."""
        return self._wants.get(owner, ())

    @property
    def busy(self) -> bool:
        """Whether anybody wants any."""
        return bool(self._wants)

    def put_back(self, messages: Collection[NetlinkMessage], complete: bool) -> None:
        """Put back what the kernel says that others removed, or may have gone with an interface.

        With a link that goes down the kernel takes routes away without a word.
        """
        if not self._wants:
            return
        if not complete or any(message.kind == NEW_LINK for message in messages):
            self.again(self._wants)
        gone = {key for key in map(_removed, messages) if key is not None}
        for owner, wanted in self._wants.items() if gone else ():
            for entry in wanted:
                request = self._request(entry)
                if request is not None and request.key in gone and not entry.no_track and self._put(owner, request):
                    self._log.warning("route_put_back", owner=owner, what=in_words(entry))

    def again(self, owners: Collection[str]) -> None:
        """Put everything of some owners once more: with an address or an interface its routes go without a word."""
        for owner in tuple(owners):
            tracked = [entry for entry in self._wants.get(owner, ()) if not entry.no_track]
            if self._add(owner, tracked):
                self._log.warning("routes_put_back", owner=owner, why="an address or an interface had gone")

    def will(self, owner: str) -> tuple[WillRequest, ...]:
        """What takes `owner`'s rules and routes off, for whoever does it when this process is dead."""
        requests = filter(None, map(self._request, _rules_first(self._wants.get(owner, ()))))
        return tuple(WillRequest(kind=r.remove, body=r.body, what=f"take off {in_words(r.entry)}") for r in requests)

    def _add(self, owner: str, wanted: Iterable[Entry]) -> int:
        """How many were put that were not there."""
        put = 0
        for entry in wanted:
            request = self._request(entry)
            if request is None:
                self._log.error("route_not_put", owner=owner, what=in_words(entry), error="its interface is not there")
            elif self._put(owner, request):
                put += 1
        return put

    def _put(self, owner: str, request: _Request) -> bool:
        """False: it was there, or could not be put."""
        try:
            self._netlink.request(*request.add, request.body, f"put {in_words(request.entry)}")
        except NetlinkError as error:
            if error.errno != errno.EEXIST:
                self._log.error("route_not_put", owner=owner, what=in_words(request.entry), error=error)
            return False
        except KernelRefusedError as error:
            self._log.error("route_not_put", owner=owner, what=in_words(request.entry), error=error)
            return False
        return True

    def _remove(self, owner: str, unwanted: Collection[Entry]) -> None:
        for entry in _rules_first(unwanted):
            request = self._request(entry)
            if request is None:
                continue
            try:
                self._netlink.request(request.remove, 0, request.body, f"take off {in_words(entry)}")
            except NetlinkError as error:
                if error.errno not in _GONE:
                    self._log.error("route_not_taken", owner=owner, what=in_words(entry), error=error)
            except KernelRefusedError as error:
                self._log.error("route_not_taken", owner=owner, what=in_words(entry), error=error)

    def _request(self, entry: Entry) -> _Request | None:
        """None: an interface of it is not there, with which it has gone."""
        try:
            body = rules.encode(entry) if isinstance(entry, Rule) else self._route(entry)
        except (OSError, KernelRefusedError):
            return None
        key: Callable[[bytes, dict[int, bytes]], tuple[object, ...]]
        key, size = (rules.key_of, rules.INFO.size) if isinstance(entry, Rule) else _ROUTE_KEY
        return _Request(entry, body, key(body, attributes(body[size:])))

    def _route(self, route: Route) -> bytes:
        table = route.table
        if table is None and route.vrf is not None:
            table = links.vrf_table(self._netlink, route.vrf)
        return route_messages.encode(route, MAIN_TABLE if table is None else table, socket.if_nametoindex)


def _rules_first(entries: Iterable[Entry]) -> list[Entry]:
    """In the order in which they go, keepalived's."""
    return sorted(entries, key=lambda entry: isinstance(entry, Route))


_ROUTE_KEY = (route_messages.key_of, route_messages.INFO.size)


def _removed(message: NetlinkMessage) -> tuple[object, ...] | None:
    """What a message says was removed."""
    if message.kind == DELETE_ROUTE and len(message.body) >= route_messages.INFO.size:
        return route_messages.key_of(message.body, attributes(message.body[route_messages.INFO.size :]))
    if message.kind == rules.DELETE_RULE and len(message.body) >= rules.INFO.size:
        return rules.key_of(message.body, attributes(message.body[rules.INFO.size :]))
    return None


def in_words(entry: Entry) -> str:
    """A route or rule for a log line."""
    if isinstance(entry, Rule):
        ends = f"from {entry.source or 'all'}" + (f" to {entry.destination}" if entry.destination else "")
        return f"rule {entry.priority} {ends}"
    way = f" via {entry.gateway}" if entry.gateway is not None else ""
    return f"route {entry.destination}{way}" + (f" dev {entry.device}" if entry.device is not None else "")
