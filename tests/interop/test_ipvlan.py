# SPDX-License-Identifier: Apache-2.0
"""Ipvlans with real keepalived, in a guest whose kernel has them: guest_ipvlan.py holds the tests."""

from __future__ import annotations

import pathlib

import pytest

from tests.interop.guest import Guest

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.timeout(660)]

SECONDS = 600.0


def test_in_a_guest_with_ipvlans(tmp_path: pathlib.Path) -> None:
    tests = pathlib.Path(__file__).with_name("guest_ipvlan.py")
    guest = Guest(tmp_path, ("ipv6", "veth", "bridge", "macvlan", "ipvlan", "nf_tables"))
    status, output = guest.run(tests, SECONDS)
    assert status == 0, output
    assert " passed" in output
