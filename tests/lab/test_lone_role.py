# SPDX-License-Identifier: Apache-2.0
"""A role run alone: its words arrive, its end is seen, and waiting for what does not come ends with its log."""

from __future__ import annotations

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import WaitedTooLongError
from bascule.model.base import from_json
from bascule.model.configuration import Configuration
from bascule.model.messages import Role, Started
from bascule.model.status import VrrpStatus

pytestmark = [pytest.mark.root, pytest.mark.lab]

ONE = Topology(
    name="one",
    about="One host on a segment.",
    segments=(Segment(name="lan"),),
    hosts=(Host(name="h", role=HostRole.ROUTER, links=(Link(segment="lan", addresses=("192.168.2.210/24",)),)),),
)


def test_a_role_says_that_it_started_answers_reloads_and_ends() -> None:
    with Network(ONE) as network, LoneRole(network.host("h"), Role.VRRP, Configuration()) as role:
        assert Started(role=Role.VRRP, generation=1) in role.messages
        assert from_json(role.status(), VrrpStatus).instances == ()
        role.configure(Configuration())
        role.until(lambda: Started(role=Role.VRRP, generation=2) in role.messages, 5, "the reload")
        with pytest.raises(WaitedTooLongError, match=r"waited 0\.1 s for the moon"):
            role.until(lambda: False, 0.1, "the moon")
        assert role.stop() == 0
        assert not role.pump(1)


def test_a_role_that_is_killed_or_hung_up_on_is_gone() -> None:
    with Network(ONE) as network:
        with LoneRole(network.host("h"), Role.VRRP, Configuration()) as role:
            role.kill()
            assert role.process.returncode == -9
        with LoneRole(network.host("h"), Role.VRRP, Configuration()) as role:
            role.hang_up()
            assert role.process.wait(5) == 0
