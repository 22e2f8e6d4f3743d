# SPDX-License-Identifier: Apache-2.0
"""Twin of `directory`: what is published is found, in the order in which packets may look."""

from __future__ import annotations

from ipaddress import IPv4Address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.dataplane.xdp.directory import Directory, directory_key, mix, places
from bascule.dataplane.xdp.layout import DIRECTORY_LINES, META_VALID, RAW_SLOT, SLOTS_PER_LINE
from bascule.errors import KernelRefusedError

SEED = 0x0123456789ABCDEF
VIP = IPv4Address("192.168.2.240")
WORD = st.integers(0, 2**64 - 1)


def empty() -> Directory:
    return Directory(np.zeros(DIRECTORY_LINES * SLOTS_PER_LINE, dtype=RAW_SLOT), SEED)


@given(WORD, WORD)
def test_the_hash_is_a_word(key: int, seed: int) -> None:
    assert 0 <= mix(key, seed) < 2**64


@given(WORD, WORD, st.integers(1, 20))
def test_the_two_lines_are_two(key: int, seed: int, bits: int) -> None:
    first, second = places(key, seed, 2**bits - 1)
    assert first != second
    assert max(first, second) < 2**bits


def test_what_is_published_is_listed_until_withdrawn() -> None:
    directory = empty()
    directory.publish(VIP, 80, 6, 1)
    directory.publish(VIP, 53, 17, 2)
    assert directory.entries() == {(VIP, 80, 6): 1, (VIP, 53, 17): 2}
    directory.publish(VIP, 80, 6, 9)
    assert directory.entries()[VIP, 80, 6] == 9
    directory.withdraw(VIP, 80, 6)
    assert directory.entries() == {(VIP, 53, 17): 2}


def test_the_addresss_own_entry_goes_with_its_last_service() -> None:
    slots = np.zeros(DIRECTORY_LINES * SLOTS_PER_LINE, dtype=RAW_SLOT)
    directory = Directory(slots, SEED)
    mark = directory_key(VIP, 0, 0)
    directory.publish(VIP, 80, 6, 1)
    directory.publish(VIP, 443, 6, 2)
    directory.withdraw(VIP, 80, 6)
    assert mark in slots["key"]
    directory.withdraw(VIP, 443, 6)
    assert not slots["key"].any()
    assert not slots["value"].any()


def test_thousands_of_services_fit() -> None:
    directory = empty()
    for number in range(5000):
        directory.publish(IPv4Address(int(VIP) + number // 100), 1 + number % 100, 6, number + 1)
    assert len(directory.entries()) == 5000


def test_full_lines_are_refused_and_nothing_is_overwritten() -> None:
    slots = np.zeros(DIRECTORY_LINES * SLOTS_PER_LINE, dtype=RAW_SLOT)
    slots["key"], slots["value"] = 1, META_VALID << 32 | 1
    with pytest.raises(KernelRefusedError, match="no room"):
        Directory(slots, SEED).publish(VIP, 80, 6, 1)
    assert (slots["key"] == 1).all()
