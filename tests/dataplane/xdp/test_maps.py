# SPDX-License-Identifier: Apache-2.0
"""Twin of `maps`: memory shared with the kernel, sums over CPUs, hash maps whole."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import numpy as np
import pytest

from bascule.dataplane.xdp.layout import COUNTERS, RAW_SLOT, RELAY, State, connection_key, connection_value
from bascule.dataplane.xdp.libbpf import BpfError, check, library, possible_cpus
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.maps import (
    MappedArray,
    clear_per_cpu,
    close_all,
    empty,
    hash_values,
    per_cpu_counters,
    put_element,
)

pytestmark = pytest.mark.root


@pytest.fixture
def director() -> Iterator[Director]:
    found = Director.open(None, lines=4)
    yield found
    found.close()


def test_two_mappings_are_one_memory(director: Director) -> None:
    one = MappedArray(director.map("servers"), "<u8", writable=True)
    other = MappedArray(director.map("servers"), "<u8", writable=False)
    one.array[11] = 99
    assert int(other.array[11]) == 99
    with pytest.raises(ValueError, match="read-only"):
        other.array[11] = 1


def test_counters_of_no_element(director: Director) -> None:
    assert per_cpu_counters(director.map("server_counters"), COUNTERS, 0).shape == (0,)


def test_clearing_leaves_the_neighbours(director: Director) -> None:
    for index in (3, 4):
        values = np.full((possible_cpus(), 3), index, dtype="<u8")
        key = index.to_bytes(4, "little")
        data = values.ctypes.data_as(ctypes.c_void_p)
        check(library().bpf_map_update_elem(director.map("server_counters"), key, data, 0), "cannot write")
    clear_per_cpu(director.map("server_counters"), 3, COUNTERS.itemsize)
    found = per_cpu_counters(director.map("server_counters"), COUNTERS, 5)
    assert found[3].tolist() == (0, 0, 0)
    assert found[4].tolist() == (4 * possible_cpus(),) * 3


def test_a_hash_map_takes_an_element_replaces_it_and_is_emptied(director: Director) -> None:
    relays = director.map("relays")
    for key, until in ((b"A", 1), (b"B", 2), (b"A", 3)):
        put_element(relays, key * 8, np.array((1, 2, until), dtype=RELAY).tobytes())
    assert sorted(hash_values(relays, RELAY, 8)["until"].tolist()) == [2, 3]
    empty(relays, 8)
    assert len(hash_values(relays, RELAY, 8)) == 0
    empty(relays, 8)


def test_a_hash_map_whole(director: Director) -> None:
    count = 500
    keys = np.array([connection_key(i, 1, 1) for i in range(count)], dtype=np.uint64)
    values = np.full(count, connection_value(server=1, state=State.UDP, stamp=1), dtype=np.uint64)
    assert director.restore(keys, values) == count
    in_table = int(np.count_nonzero(director.table["value"]))
    spilt = hash_values(director.map("overflow"), RAW_SLOT, 16384)
    assert in_table == 16
    assert len(spilt) == count - in_table
    assert set(spilt["key"].tolist()) | set(director.table["key"].tolist()) == set(keys.tolist())


def test_an_empty_hash_map(director: Director) -> None:
    assert len(hash_values(director.map("overflow"), RAW_SLOT, 16)) == 0


def test_what_is_no_map_is_an_error() -> None:
    with pytest.raises(BpfError, match="cannot read a map"):
        hash_values(0, RAW_SLOT, 16)


def test_closing() -> None:
    pair = list(os.pipe())
    held = pair[:]
    close_all(pair)
    assert pair == []
    for descriptor in held:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
