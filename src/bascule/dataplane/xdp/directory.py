# SPDX-License-Identifier: Apache-2.0
"""The service directory: from a packet's address, port and protocol to a service's index.

The same lines of four slots as the connection table, and the same hash (`mix` in `bpf/table.h`). One writer; the
packets read while it writes, so the value goes in before the key and the key goes out before the value.
"""

from __future__ import annotations

from ipaddress import IPv4Address

import numpy as np
import numpy.typing as npt

from bascule.dataplane.xdp.layout import DIRECTORY_LINES, META_VALID, SLOTS_PER_LINE
from bascule.errors import KernelRefusedError

WORD = 0xFFFFFFFFFFFFFFFF
MIX_1 = 0xFF51AFD7ED558CCD
MIX_2 = 0xC4CEB9FE1A85EC53
MIX_SHIFT = 33
MARK = 1

ServiceKey = tuple[IPv4Address, int, int]
"""Address, port (host order), protocol number."""


def mix(key: int, seed: int) -> int:
    """The hash of a key word."""
    key ^= seed
    key ^= key >> MIX_SHIFT
    key = key * MIX_1 & WORD
    key ^= key >> MIX_SHIFT
    key = key * MIX_2 & WORD
    return key ^ key >> MIX_SHIFT


def places(key: int, seed: int, mask: int) -> tuple[int, int]:
    """The two lines in which a key may stand."""
    hashed = mix(key, seed)
    first, second = hashed & mask, hashed >> 32 & mask
    return first, second ^ 1 if second == first else second


def directory_key(address: IPv4Address, port: int, protocol: int) -> int:
    """In memory: address and port in network order, protocol, a mark that makes the key no free slot's."""
    return int.from_bytes(address.packed + port.to_bytes(2, "big") + bytes((protocol, MARK)), "little")


class Directory:
    """The directory over its mmapped array (RAW_SLOT)."""

    def __init__(self, slots: npt.NDArray[np.void], seed: int) -> None:
        self._keys = slots["key"]
        self._values = slots["value"]
        self._seed = seed

    def _positions(self, key: int) -> list[int]:
        lines = places(key, self._seed, DIRECTORY_LINES - 1)
        return [line * SLOTS_PER_LINE + slot for line in lines for slot in range(SLOTS_PER_LINE)]

    def _put(self, key: int, index: int) -> None:
        positions = self._positions(key)
        there = [position for position in positions if int(self._keys[position]) == key]
        free = [position for position in positions if not self._keys[position]]
        if not there and not free:
            raise KernelRefusedError("no room for another virtual service in the directory")
        position = (there or free)[0]
        self._values[position] = META_VALID << 32 | index
        self._keys[position] = key

    def _take(self, key: int) -> None:
        for position in self._positions(key):
            if int(self._keys[position]) == key:
                self._keys[position] = 0
                self._values[position] = 0

    def publish(self, address: IPv4Address, port: int, protocol: int, index: int) -> None:
        """From now on packets for this address, port and protocol are service `index`'s."""
        self._put(directory_key(address, 0, 0), 1)
        self._put(directory_key(address, port, protocol), index)

    def withdraw(self, address: IPv4Address, port: int, protocol: int) -> None:
        """Packets for it are the stack's again."""
        self._take(directory_key(address, port, protocol))
        if all(other != address for other, _, _ in self.entries()):
            self._take(directory_key(address, 0, 0))

    def entries(self) -> dict[ServiceKey, int]:
        """What is published, with the indexes."""
        found: dict[ServiceKey, int] = {}
        for position in np.flatnonzero(self._keys).tolist():
            packed = int(self._keys[position]).to_bytes(8, "little")
            if packed[6]:
                key = (IPv4Address(packed[:4]), int.from_bytes(packed[4:6], "big"), packed[6])
                found[key] = int(self._values[position]) & 0xFFFFFFFF
        return found
