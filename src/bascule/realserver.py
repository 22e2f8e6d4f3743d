# SPDX-License-Identifier: Apache-2.0
"""This machine as a real server for direct routing: the virtual address on lo, and silence about it in ARP.

The director changes a frame's MAC alone, so the real server must own the virtual address (VIP/32 on lo) and must leave
ARP for it to the director: `arp_ignore` 1 answers only for addresses of the interface asked on, `arp_announce` 2 never
names the VIP as the sender (the kernel's ip-sysctl; of the values of `all` and of an interface the larger one holds).
All of it concerns the network namespace of the calling thread. What was there before is kept in a file under the run
directory, one a namespace, and `stop` restores it; the settings with the last address. IPv4 only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import time
from collections.abc import Iterable, Iterator

import msgspec

from bascule.errors import BasculeError, KernelRefusedError, UsageError
from bascule.linux import iproute, namespaces, sysctl
from bascule.model.base import IPAddress, Model, from_json, to_json

LOOPBACK = "lo"
CONF = "net/ipv4/conf"
SETTINGS = {
    f"{CONF}/{interface}/{name}": value
    for interface in ("lo", "all")
    for name, value in (("arp_ignore", "1"), ("arp_announce", "2"))
}
"""As the script of the article sets them."""

QUIET = ("1", "2")
"""Values of `arp_ignore` with which the machine answers for its own addresses and not for those on lo."""
STRICT_REVERSE_PATH = 1
LOCK_SECONDS = 5.0
LOCK_PAUSE = 0.02


class PreparedAddress(Model, frozen=True, kw_only=True):
    """A virtual address that we prepared, and what of it stood there before us."""

    address: IPAddress
    had_address: bool
    had_route: bool


class Prepared(Model, frozen=True, kw_only=True):
    """Everything that we prepared in one network namespace."""

    addresses: tuple[PreparedAddress, ...] = ()
    settings_before: dict[str, str] = msgspec.field(default_factory=dict)

    def find(self, address: IPAddress) -> PreparedAddress | None:
        """What we know of an address."""
        return next((known for known in self.addresses if known.address == address), None)


def start(addresses: Iterable[IPAddress], run_dir: pathlib.Path) -> tuple[str, ...]:
    """Prepare for these virtual addresses; one line a thing that was changed, none if all stood already.

    Raises BasculeError; then what this call had changed is as it was.
    """
    wanted = tuple(dict.fromkeys(addresses))
    _preflight(wanted)
    with _state(run_dir) as state:
        before = state.value
        done: list[str] = []
        state.value = _recorded(before, wanted)
        # What was there is on disk before anything changes: a crash between the two loses nothing.
        state.save()
        try:
            done += _apply_settings()
            for address in wanted:
                done += _apply_address(address)
        except BasculeError:
            state.value = _undone(state.value, keep=before)
            state.save()
            raise
    return tuple(done)


def stop(addresses: Iterable[IPAddress], run_dir: pathlib.Path) -> tuple[str, ...]:
    """Restore what was there before `start`, the settings with the last address; one line a thing that was changed.

    An address that was not prepared here stays as it is. Raises BasculeError.
    """
    done: list[str] = []
    with _state(run_dir) as state:
        for address in dict.fromkeys(addresses):
            known = state.value.find(address)
            if known is None:
                done.append(f"{address} was not prepared here: nothing to do")
                continue
            done += _restore_address(known)
            rest = tuple(other for other in state.value.addresses if other.address != address)
            state.value = msgspec.structs.replace(state.value, addresses=rest)
            state.save()
        if not state.value.addresses:
            done += _restore_settings(state.value)
            state.value = Prepared()
    return tuple(done)


def prepared(run_dir: pathlib.Path) -> tuple[IPAddress, ...]:
    """The virtual addresses that are prepared in this network namespace, in the order of their starts."""
    path = _state_path(run_dir)
    return tuple(known.address for known in _read(path).addresses)


def troubles(addresses: Iterable[IPAddress]) -> tuple[str, ...]:
    """What keeps this machine from answering for these virtual addresses by direct routing; empty = nothing.

    Raises KernelRefusedError.
    """
    links = iproute.links()
    found: list[str] = []
    for address in addresses:
        found += _address_troubles(address, links)
    found += _setting_troubles(links)
    found += _reverse_path_troubles(links)
    return tuple(found)


def _preflight(addresses: tuple[IPAddress, ...]) -> None:
    if os.geteuid() != 0:
        raise UsageError("a real server is prepared as root")
    for name in SETTINGS:
        if not os.access(sysctl.ROOT / name, os.W_OK):
            raise KernelRefusedError(f"{sysctl.ROOT / name} cannot be written here")
    links = iproute.links()
    if not any(link.ifname == LOOPBACK and "UP" in link.flags for link in links):
        raise KernelRefusedError("lo is down: `ip link set lo up` first")
    for address in addresses:
        if address.version != 4:
            raise UsageError(f"{address}: real servers are prepared for IPv4 only")
        if address.is_loopback or address.is_multicast or address.is_unspecified:
            raise UsageError(f"{address} cannot be a virtual address")
        for interface, length in _where(address, links):
            if (interface, length) != (LOOPBACK, 32):
                raise KernelRefusedError(
                    f"{address}/{length} is on {interface}, where it would be answered for: remove it there first"
                )


def _where(address: IPAddress, links: tuple[iproute.LinkInfo, ...]) -> list[tuple[str, int]]:
    """Interface and prefix length of each place where the address stands."""
    return [(link.ifname, a.prefixlen) for link in links for a in link.addr_info if a.local == str(address)]


def _has_route(address: IPAddress) -> bool:
    return any(route.dst == str(address) and route.dev == LOOPBACK for route in iproute.routes())


def _recorded(state: Prepared, wanted: tuple[IPAddress, ...]) -> Prepared:
    links = iproute.links()
    new = tuple(
        PreparedAddress(address=a, had_address=bool(_where(a, links)), had_route=_has_route(a))
        for a in wanted
        if state.find(a) is None
    )
    settings = state.settings_before or {name: sysctl.read(name) for name in SETTINGS}
    return Prepared(addresses=(*state.addresses, *new), settings_before=settings)


def _undone(state: Prepared, keep: Prepared) -> Prepared:
    """Take back what `state` has more than `keep`, as far as the kernel lets us."""
    for known in state.addresses:
        if keep.find(known.address) is None:
            _restore_address(known)
    if not keep.addresses:
        _restore_settings(state)
    return keep


def _apply_settings() -> list[str]:
    """Settings come first: an address that is announced once stays in neighbours' caches."""
    changed = []
    for name, value in SETTINGS.items():
        if sysctl.read(name) != value:
            sysctl.write(name, value)
            changed.append(f"{_dotted(name)} = {value}")
    return changed


def _apply_address(address: IPAddress) -> list[str]:
    changed = []
    if not _where(address, iproute.links()):
        iproute.ip("address", "add", f"{address}/32", "dev", LOOPBACK)
        changed.append(f"{address}/32 on {LOOPBACK}")
    if not _has_route(address):
        iproute.ip("route", "add", f"{address}/32", "dev", LOOPBACK, "scope", "link")
        changed.append(f"host route to {address} by {LOOPBACK}")
    return changed


def _restore_address(known: PreparedAddress) -> list[str]:
    changed = []
    if not known.had_route and _has_route(known.address):
        iproute.ip("route", "del", f"{known.address}/32", "dev", LOOPBACK, "scope", "link")
        changed.append(f"host route to {known.address} removed")
    if not known.had_address and (LOOPBACK, 32) in _where(known.address, iproute.links()):
        iproute.ip("address", "del", f"{known.address}/32", "dev", LOOPBACK)
        changed.append(f"{known.address}/32 removed from {LOOPBACK}")
    return changed


def _restore_settings(state: Prepared) -> list[str]:
    changed = []
    for name, value in state.settings_before.items():
        if sysctl.read(name) != value:
            sysctl.write(name, value)
            changed.append(f"{_dotted(name)} = {value}")
    return changed


def _address_troubles(address: IPAddress, links: tuple[iproute.LinkInfo, ...]) -> Iterator[str]:
    places = _where(address, links)
    if not any(interface == LOOPBACK for interface, _ in places):
        yield f"{address} is not on {LOOPBACK}: requests for it are not taken"
    for interface, length in places:
        if interface != LOOPBACK:
            yield f"{address} is on {interface}: ARP for it is answered there, past the director"
        elif length != 32:
            yield f"{address} is on {LOOPBACK} as /{length}, not /32: {LOOPBACK} claims the whole network"
    if not any(link.ifname == LOOPBACK and "UP" in link.flags for link in links):
        yield f"{LOOPBACK} is down: addresses on it are not ours"


def _setting_troubles(links: tuple[iproute.LinkInfo, ...]) -> Iterator[str]:
    for name, value in SETTINGS.items():
        if (now := sysctl.read(name)) != value:
            yield f"{_dotted(name)} is {now}, not {value}: `bascule realserver start` sets it"
    for interface in _other_interfaces(links):
        ignore, announce = (_effective(interface, name) for name in ("arp_ignore", "arp_announce"))
        if str(ignore) not in QUIET:
            yield f"on {interface} arp_ignore {ignore} is in effect, not 1: ARP for virtual addresses may be answered"
        if announce != 2:
            yield f"on {interface} arp_announce {announce} is in effect, not 2: ARP may announce virtual addresses"


def _reverse_path_troubles(links: tuple[iproute.LinkInfo, ...]) -> Iterator[str]:
    """Strict filtering drops requests whose answers would leave by another interface."""
    leaving = {route.dev for route in iproute.routes() if route.dst == "default"}
    for interface in _other_interfaces(links):
        if leaving and interface not in leaving and _effective(interface, "rp_filter") == STRICT_REVERSE_PATH:
            yield (
                f"rp_filter 1 on {interface} drops requests whose answers leave by {', '.join(sorted(leaving))}: "
                f"set net.ipv4.conf.{interface}.rp_filter to 2"
            )


def _other_interfaces(links: tuple[iproute.LinkInfo, ...]) -> list[str]:
    return [link.ifname for link in links if "UP" in link.flags and link.ifname != LOOPBACK]


def _effective(interface: str, name: str) -> int:
    """The larger of `all` and the interface's own holds."""
    return max(int(sysctl.read(f"{CONF}/{where}/{name}")) for where in ("all", interface))


def _dotted(name: str) -> str:
    return name.replace("/", ".")


class _State:
    """The file of one network namespace, held by a lock."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.value = _read(path)

    def save(self) -> None:
        """Write it whole or not at all; an empty one is no file."""
        if not self.value.addresses and not self.value.settings_before:
            self.path.unlink(missing_ok=True)
            return
        new = self.path.with_suffix(".new")
        new.write_bytes(to_json(self.value))
        new.replace(self.path)


@contextlib.contextmanager
def _state(run_dir: pathlib.Path) -> Iterator[_State]:
    """The state, locked: two units may start at the same moment. Saved at the end of a block that did not raise."""
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run_dir / "realserver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KernelRefusedError(f"cannot write to {run_dir}: {error.strerror}") from error
    try:
        _lock(descriptor, run_dir)
        state = _State(_state_path(run_dir))
        yield state
        state.save()
    finally:
        os.close(descriptor)


def _lock(descriptor: int, run_dir: pathlib.Path) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise KernelRefusedError(f"another `realserver` holds {run_dir} for {LOCK_SECONDS:g} s") from error
            time.sleep(LOCK_PAUSE)
        else:
            return


def _state_path(run_dir: pathlib.Path) -> pathlib.Path:
    """The cookie names a network namespace as long as the machine runs, and the run directory is gone with a boot."""
    return run_dir / f"realserver-{namespaces.cookie()}.json"


def _read(path: pathlib.Path) -> Prepared:
    try:
        return from_json(path.read_bytes(), Prepared)
    except FileNotFoundError:
        return Prepared()
    except (OSError, msgspec.MsgspecError) as error:
        raise KernelRefusedError(f"{path} cannot be read: {error}") from error
