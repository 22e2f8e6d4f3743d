# SPDX-License-Identifier: Apache-2.0
"""Addresses that come and go are seen."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ipaddress, select, subprocess
from bascule.daemon.roles.plane_presence import Presence
presence = Presence()
vip = ipaddress.ip_address("192.0.2.240")
def change(verb):
    subprocess.run(["ip", "address", verb, "192.0.2.240/32", "dev", "lo"], check=True)
    assert select.select([presence], [], [], 5)[0] == [presence]
    return presence.refresh()
print(vip in presence.held, select.select([presence], [], [], 0)[0])
print(change("add"), vip in presence.held, presence.refresh())
print(change("del"), vip in presence.held)
presence.close()
"""


@pytest.mark.root
def test_an_address_comes_and_goes() -> None:
    command = ["unshare", "--net", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines() == ["False []", "True True False", "True False"], done.stderr
