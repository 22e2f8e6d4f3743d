# SPDX-License-Identifier: Apache-2.0
"""The records survive their JSON, and a failover knows how long it took."""

from __future__ import annotations

import ipaddress

from bascule.lab.records import Failover, Request
from bascule.model.base import from_json, to_json


def test_a_request_survives_json() -> None:
    request = Request(client=ipaddress.ip_address("192.168.2.20"), begin=1.5, end=2.4, server=None, error="refused")
    assert from_json(to_json(request), Request) == request


def test_how_long_a_failover_took() -> None:
    def failover(last_advert: float | None, announced: float | None) -> Failover:
        return Failover(name="x", taken_by="d2", last_advert=last_advert, announced=announced, allowed=4)

    assert failover(1.0, 4.5).took == 3.5
    assert failover(None, 4.5).took is None
    assert failover(1.0, None).took is None
