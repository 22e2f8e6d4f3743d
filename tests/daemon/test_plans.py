# SPDX-License-Identifier: Apache-2.0
"""A plan holds the memfd that roles read from."""

from __future__ import annotations

import os

import pytest

from bascule.daemon import memfd
from bascule.daemon.plans import Plan
from bascule.model.base import Vrid, pack, unpack
from bascule.model.configuration import Configuration, VrrpInstance
from bascule.model.messages import Role


def test_a_plan_offers_what_roles_read() -> None:
    configuration = Configuration(instances=(VrrpInstance(name="A", interface="lo", vrid=Vrid(1)),))
    plan = Plan.of(pack(configuration), 7)
    assert plan.configuration == configuration
    assert plan.needed == (Role.VRRP,)
    assert unpack(memfd.read_all(plan.config_fd), Configuration) == configuration
    plan.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(plan.config_fd)
