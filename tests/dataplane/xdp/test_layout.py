# SPDX-License-Identifier: Apache-2.0
"""Twin of `layout`: words and records are two views of the same bytes. The sizes are compared with BTF in tests/bpf."""

from __future__ import annotations

from ipaddress import IPv4Address

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.layout import RAW_SLOT, SLOT, State


@given(st.binary(min_size=6, max_size=6))
def test_macs_come_back(mac: bytes) -> None:
    assert layout.mac_bytes(layout.mac_word(mac)) == mac


@given(
    address=st.integers(0, 2**32 - 1),
    port=st.integers(0, 2**16 - 1),
    service=st.integers(1, layout.MAX_SERVICES - 1),
    server=st.integers(1, layout.MAX_SERVERS - 1),
    state=st.sampled_from(State),
    stamp=st.integers(0, 2**40),
    template=st.booleans(),
)
def test_a_slot_by_words_reads_by_fields(
    address: int, port: int, service: int, server: int, state: State, stamp: int, template: bool
) -> None:
    key = layout.connection_key(address, port, service)
    value = layout.connection_value(server=server, state=state, stamp=stamp, template=template)
    slot = np.array([(key, value)], dtype=RAW_SLOT).view(SLOT)[0]
    assert (int(slot["address"]), int(slot["port"]), int(slot["service"])) == (address, port, service)
    meta = int(slot["meta"])
    assert int(slot["stamp"]) == stamp % 2**32
    assert meta & layout.META_SERVER_MASK == server
    assert (meta & layout.META_STATE_MASK) >> layout.META_STATE_SHIFT == state
    assert bool(meta & layout.META_TEMPLATE) == template
    assert meta & layout.META_VALID


def test_the_key_is_in_network_order() -> None:
    key = layout.connection_key(int(IPv4Address("192.168.2.20")), 80, 1)
    assert key.to_bytes(8, "little") == bytes([192, 168, 2, 20, 0, 80, 1, 0])


def test_every_state_has_a_timeout() -> None:
    assert set(layout.TIMEOUTS) == set(State)
