# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.bfd`."""

from __future__ import annotations

import ipaddress

from hypothesis import given

from bascule.model.base import pack, unpack
from bascule.model.bfd import BfdSession
from tests.model.strategies import values


@given(values(BfdSession))
def test_a_session_survives_the_way_to_a_role(value: BfdSession) -> None:
    assert unpack(pack(value), BfdSession) == value


def test_what_a_file_leaves_out_is_keepalived_s() -> None:
    session = BfdSession(name="a", neighbour=ipaddress.ip_address("10.0.0.1"))
    assert (session.min_rx, session.min_tx, session.idle_tx, session.multiplier) == (0.01, 0.01, 1.0, 5)
    assert (session.passive, session.ttl, session.max_hops, session.source) == (False, 255, 0, None)
