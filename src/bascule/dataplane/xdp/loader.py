# SPDX-License-Identifier: Apache-2.0
"""The director in the kernel: its maps, made or found pinned, its programs, and the tables as numpy arrays.

Mechanism, no policy: who may write what is said in `bpf/maps.h`, what a service or server means in `plane`.
"""

from __future__ import annotations

import contextlib
import ctypes
import secrets
import time
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bascule.dataplane.xdp import layout, links
from bascule.dataplane.xdp.directory import Directory, ServiceKey
from bascule.dataplane.xdp.layout import (
    CLOCK,
    COUNTERS,
    MAX_ACCEPTED,
    MAX_REQUESTS,
    POSITION_OVERFLOW,
    RAW_SLOT,
    SLOT,
    SLOTS_PER_LINE,
    Incident,
    RequestKind,
    RequestResult,
    Verdict,
)
from bascule.dataplane.xdp.libbpf import get_pinned, map_info, pin, run_with_context
from bascule.dataplane.xdp.links import AttachMode, LinkState
from bascule.dataplane.xdp.maps import (
    MappedArray,
    clear_per_cpu,
    close_all,
    empty,
    hash_values,
    per_cpu_counters,
    put_element,
)
from bascule.dataplane.xdp.objectfile import FOLDER, ObjectFile
from bascule.errors import KernelRefusedError

__all__ = ["AttachMode", "Director", "LinkState"]

OBJECT = FOLDER / "director.bpf.o"
DEFAULT_LINES = 2**18
TICK_RATES = (100, 250, 300, 1000)
"""What CONFIG_HZ can be."""
MEASURED_SECONDS = 0.06

CLOCK_PROGRAM = "read_clock"

MAPPED: dict[str, npt.DTypeLike] = {
    "table": RAW_SLOT,
    "directory": RAW_SLOT,
    "services": layout.SERVICE,
    "lists": "<u2",
    "cursors": layout.CURSOR,
    "servers": layout.SERVER,
    "accepted": layout.ACCEPTED,
    "requests": layout.REQUEST,
    "settings": layout.SETTINGS,
}
MAPS = ("overflow", "relays", "server_counters", "service_counters", "verdicts", *MAPPED)
PINS = (CLOCK_PROGRAM, *MAPS)
"""In the order of pinning: the settings are last, so where they are, all are."""
USER_READ_ONLY = frozenset({"table"})

Words = npt.NDArray[np.uint64]


class Director:
    """One director: the maps of a network namespace, and (unless a reader) the programs over them."""

    def __init__(self, descriptors: dict[str, int], *, writable: bool) -> None:
        self.adopted = False
        self._descriptors = descriptors
        self._owned: list[int] = []
        self._clock = -1
        self._object: ObjectFile | None = None
        self._arrays = {
            name: MappedArray(descriptors[name], dtype, writable=writable and name not in USER_READ_ONLY)
            for name, dtype in MAPPED.items()
        }
        self.settings = self._array("settings")[0:1].reshape(())
        self.table = self._array("table")
        self.slots = self.table.view(SLOT)
        self.services = self._array("services")
        self.lists = self._array("lists").reshape(-1, layout.SERVERS_PER_SERVICE)
        self.cursors = self._array("cursors")
        self.servers = self._array("servers")
        self._requests = self._array("requests")
        self._directory = Directory(self._array("directory"), int(self.settings["seed"]))

    def _array(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name].array

    # Making, adopting, leaving

    @classmethod
    def open(cls, pins: Path | None, *, lines: int = DEFAULT_LINES, path: Path = OBJECT) -> Director:
        """The director pinned below `pins` (a folder on a bpffs), with our code over its tables, or a new one.

        `lines` (a power of two) of four connections each, if it is new. No pins: it goes with this process.
        KernelRefusedError: nothing has changed.
        """
        loaded = ObjectFile(path)
        found: dict[str, int] = {}
        try:
            found = open_pinned(pins) if pins is not None else {}
            for name, descriptor in found.items():
                loaded.reuse_map(name, descriptor)
            if found:
                lines = map_info(found["table"]).max_entries
            loaded.size_map("table", lines)
            loaded.set_constant("table_mask", lines - 1)
            loaded.load()
            director = cls({name: loaded.map(name) for name in MAPS}, writable=True)
        except BaseException:
            loaded.close()
            raise
        finally:
            close_all(list(found.values()))
        director._object = loaded
        director._clock = loaded.program(CLOCK_PROGRAM)
        director.adopted = bool(found)
        if not found:
            director._initialise()
            if pins is not None:
                director._pin(pins)
        else:
            director._directory = Directory(director._array("directory"), int(director.settings["seed"]))
        return director

    @classmethod
    def reader(cls, pins: Path) -> Director:
        """The tables pinned below `pins`, to be looked at only. KernelRefusedError if there are none."""
        found = open_pinned(pins)
        if not found:
            raise KernelRefusedError(f"no XDP director is pinned at {pins}")
        director = cls(found, writable=False)
        director._owned = list(found.values())
        director._clock = get_pinned(pins / CLOCK_PROGRAM)
        director._owned.append(director._clock)
        return director

    def _initialise(self) -> None:
        self.settings["seed"] = secrets.randbits(64)
        self.settings["hz"] = self._measure_hz()
        for state, seconds in layout.TIMEOUTS.items():
            self.settings["timeouts"][state] = seconds * self.hz
        self.settings["layout_version"] = layout.LAYOUT_VERSION
        self._directory = Directory(self._array("directory"), int(self.settings["seed"]))

    def _pin(self, pins: Path) -> None:
        self.remove_pins(pins)
        pins.mkdir(parents=True, exist_ok=True)
        done: list[Path] = []
        try:
            for name in PINS:
                pin(self._clock if name == CLOCK_PROGRAM else self._descriptors[name], pins / name)
                done.append(pins / name)
        except KernelRefusedError:
            for path in done:
                path.unlink()
            raise

    @staticmethod
    def remove_pins(pins: Path) -> None:
        """Forget the maps pinned below `pins`, and the folder; links are `detach`'s."""
        for name in reversed(PINS):
            (pins / name).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            pins.rmdir()

    def close(self) -> None:
        """Let go of descriptors; what is pinned or attached stays. The arrays live as long as somebody holds them."""
        if self._object is not None:
            self._object.close()
            self._object = None
        close_all(self._owned)

    def program(self, name: str = "director") -> int:
        """The descriptor of a loaded program."""
        if self._object is None:
            raise KernelRefusedError("a reader of the tables has no programs")
        return self._object.program(name)

    def map(self, name: str) -> int:
        """The descriptor of a map."""
        return self._descriptors[name] if name in self._descriptors or self._object is None else self._object.map(name)

    # Which frames, which services

    def accept(self, pairs: Iterable[tuple[int, bytes]]) -> None:
        """The whole list of (interface index, MAC) whose frames are balanced, in place of the one before."""
        wanted = list(pairs)
        if len(wanted) > MAX_ACCEPTED:
            raise KernelRefusedError(f"more than {MAX_ACCEPTED} interfaces and virtual MACs")
        entries = self._array("accepted")
        for position in range(MAX_ACCEPTED):
            ifindex, mac = wanted[position] if position < len(wanted) else (0, bytes(6))
            word = layout.mac_word(mac)
            if (int(entries["ifindex"][position]), int(entries["mac"][position])) == (ifindex, word):
                continue
            entries["mac"][position] = 0
            entries["ifindex"][position] = ifindex
            entries["mac"][position] = word

    def publish_service(self, address: IPv4Address, port: int, protocol: int, index: int) -> None:
        """Packets for it are service `index`'s from now on; fill in service and list before."""
        self._directory.publish(address, port, protocol, index)

    def withdraw_service(self, address: IPv4Address, port: int, protocol: int) -> None:
        """Packets for it are the stack's from now on."""
        self._directory.withdraw(address, port, protocol)

    def directory_entries(self) -> dict[ServiceKey, int]:
        """What is published: (address, port, protocol number) to index."""
        return self._directory.entries()

    def relay(self, address: IPv4Address, ifindex: int, mac: bytes, source_mac: bytes, until: int) -> None:
        """Until then (jiffies), frames for an address that come by an interface and are of no connection here go to
        this MAC, from that one.
        """
        key = np.array((int(address), ifindex), dtype=layout.RELAY_KEY)
        value = np.array((layout.mac_word(mac), layout.mac_word(source_mac), until), dtype=layout.RELAY)
        put_element(self.map("relays"), key.tobytes(), value.tobytes())

    def forget_relays(self) -> None:
        """No frame is another director's any more."""
        empty(self.map("relays"), layout.RELAY_KEY.itemsize)

    # Time

    @property
    def hz(self) -> int:
        """Ticks per second of stamps, timeouts and `now`."""
        return int(self.settings["hz"])

    def clock(self) -> tuple[int, int]:
        """The kernel's jiffies and CLOCK_MONOTONIC in nanoseconds, read together."""
        context = ctypes.create_string_buffer(CLOCK.itemsize)
        run_with_context(self._clock, context)
        jiffies, nanoseconds = np.frombuffer(context.raw, dtype=CLOCK)[0].tolist()
        return int(jiffies), int(nanoseconds)

    def now(self) -> int:
        """The present stamp."""
        return self.clock()[0] & 0xFFFFFFFF

    def _measure_hz(self) -> int:
        jiffies, nanoseconds = self.clock()
        time.sleep(MEASURED_SECONDS)
        later, then = self.clock()
        measured = (later - jiffies) * 1e9 / (then - nanoseconds)
        return min(TICK_RATES, key=lambda rate: abs(rate - measured))

    # Connections

    def overflow(self) -> npt.NDArray[np.void]:
        """Copies (RAW_SLOT) of the connections that found their lines full."""
        if not int(self.settings["overflow_used"]):
            return np.zeros(0, dtype=RAW_SLOT)
        return hash_values(self.map("overflow"), RAW_SLOT, layout.OVERFLOW_ENTRIES)

    def free(self, positions: npt.NDArray[np.intp], keys: Words, values: Words) -> int:
        """Empty these slots if they still hold these words; how many did. Those that a packet has touched stay."""
        return self._order(RequestKind.FREE, positions.astype(np.uint32), keys, values)

    def free_overflow(self, keys: Words, values: Words) -> int:
        """The same for entries of `overflow`."""
        return self._order(RequestKind.FREE, np.full(len(keys), POSITION_OVERFLOW, dtype=np.uint32), keys, values)

    def restore(self, keys: Words, values: Words) -> int:
        """Put connections in; how many went in. Those that are there already stay as they are."""
        return self._order(RequestKind.RESTORE, np.zeros(len(keys), dtype=np.uint32), keys, values)

    def _order(self, kind: RequestKind, positions: npt.NDArray[np.uint32], keys: Words, values: Words) -> int:
        done = 0
        for start in range(0, len(keys), MAX_REQUESTS):
            part = slice(start, start + MAX_REQUESTS)
            count = len(keys[part])
            batch = self._requests[:count]
            batch["key"], batch["value"], batch["position"] = keys[part], values[part], positions[part]
            batch["kind"], batch["result"] = int(kind), int(RequestResult.NONE)
            context = ctypes.create_string_buffer(count.to_bytes(4, "little") + bytes(4), 8)
            run_with_context(self.program("housekeep"), context)
            done += int.from_bytes(context.raw[4:8], "little")
        return done

    # Counters

    def server_counters(self, count: int) -> npt.NDArray[np.void]:
        """COUNTERS of the servers 0 to count - 1."""
        return per_cpu_counters(self.map("server_counters"), COUNTERS, count)

    def service_counters(self, count: int) -> npt.NDArray[np.void]:
        """COUNTERS of the services 0 to count - 1."""
        return per_cpu_counters(self.map("service_counters"), COUNTERS, count)

    def clear_server_counters(self, index: int) -> None:
        """Begin anew for a server of this index."""
        clear_per_cpu(self.map("server_counters"), index, COUNTERS.itemsize)

    def clear_service_counters(self, index: int) -> None:
        """Begin anew for a service of this index."""
        clear_per_cpu(self.map("service_counters"), index, COUNTERS.itemsize)

    def verdicts(self) -> dict[str, int]:
        """Packets by verdict, and incidents, since the maps were made."""
        names = [*(item.name.lower() for item in Verdict), *(item.name.lower() for item in Incident)]
        counted = per_cpu_counters(self.map("verdicts"), np.dtype([("count", "<u8")]), len(names))
        return dict(zip(names, counted["count"].tolist(), strict=True))

    # Interfaces

    def attach(self, ifindex: int, mode: AttachMode, path: Path) -> None:
        """Put the director on an interface, by a link pinned at `path`."""
        links.attach(self.program(), ifindex, mode, path)

    def update_link(self, path: Path) -> None:
        """Put the program as loaded now into a link that is pinned already."""
        links.update(self.program(), path)

    link_state = staticmethod(links.state)
    detach = staticmethod(links.detach)


def open_pinned(pins: Path) -> dict[str, int]:
    """Descriptors of the maps pinned below `pins`, or nothing; KernelRefusedError if they are not this layout's."""
    present = [name for name in MAPS if (pins / name).exists()]
    if "settings" not in present:  # nothing there, or what a creator left that was killed at its work
        return {}
    found: dict[str, int] = {}
    try:
        for name in MAPS:
            found[name] = get_pinned(pins / name) if name in present else -1
        _check_layout(found, pins)
    except BaseException:
        close_all([descriptor for descriptor in found.values() if descriptor >= 0])
        raise
    return found


def _check_layout(found: dict[str, int], pins: Path) -> None:
    other = KernelRefusedError(
        f"the tables pinned at {pins} were made by another version of bascule (other layout); "
        "stop that one with its own program, or remove the folder, which drops its connections"
    )
    if min(found.values()) < 0:
        raise other
    sizes = {
        "settings": layout.SETTINGS.itemsize,
        "table": RAW_SLOT.itemsize * SLOTS_PER_LINE,
        "services": layout.SERVICE.itemsize,
        "servers": layout.SERVER.itemsize,
        "server_counters": COUNTERS.itemsize,
    }
    if any(map_info(found[name]).value_size != size for name, size in sizes.items()):
        raise other
    settings = MappedArray(found["settings"], layout.SETTINGS, writable=False)
    if int(settings.array["layout_version"][0]) != layout.LAYOUT_VERSION:
        raise other
