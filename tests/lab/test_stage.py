# SPDX-License-Identifier: Apache-2.0
"""The stage stands before the first act: plans read from the example files, real servers that can be prepared."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest

from bascule.errors import ConfigurationError, UsageError
from bascule.lab.records import Request
from bascule.lab.stage import STEADY_CLIENTS, Plan, Stage
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Seconds


def test_a_plan_is_what_the_file_says(root: pathlib.Path) -> None:
    plan = Plan.read(root / "examples" / "keepalived.backup.conf")
    assert (plan.instance.name, plan.instance.priority) == ("VI_1", Priority(99))
    assert plan.instance.advert_interval == Seconds(5)
    assert str(plan.service.id) == "[192.168.2.240]:tcp:80"
    assert [str(server.address) for server in plan.service.real_servers] == ["192.168.2.212", "192.168.2.213"]


def test_a_file_that_cannot_be_run_is_shown_with_its_place(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "broken.conf"
    file.write_text("vrrp_instance VI_1 {\n")
    with pytest.raises(ConfigurationError, match=r"needs one instance and one service\n(.|\n)*broken.conf:1:\d+"):
        Plan.read(file)


@pytest.mark.root
@pytest.mark.lab
def test_the_stage_stands_and_goes() -> None:
    with Stage(fast=True) as stage:
        assert str(stage.virtual) == "192.168.2.240"
        assert stage.port == 80
        assert stage.plans["d1"].instance.advert_interval == Seconds(1)
        assert stage.plans["d1"].file.parent == stage.network.folder
        names = [stage.host_of(server).name for server in stage.service.real_servers]
        assert names == ["rs1", "rs2"]
        host = stage.host_of(stage.service.real_servers[0])
        assert stage.realserver(host, "status")[0] == 1
        assert stage.realserver(host, "start")[0] == 0
        assert stage.realserver(host, "status")[0] == 0
        assert stage.requests() == ()
        assert stage.mails() == ()
        assert stage.last_advert("d1", stage.now()) is None
        assert stage.announced("d1", 0.0) is None
        assert "d2" in stage.evidence()
        visitors = {stage.visitor() for _ in range(32)}
        assert len(visitors) == 32
        with pytest.raises(UsageError, match="every client address"):
            stage.visitor()
        stage.start_traffic()

        def askers() -> set[object]:
            return {request.client for request in stage.requests()}

        # Nobody owns the VIP: every request is lost, and says why.
        wait_for(lambda: len(askers()) == STEADY_CLIENTS, 10, "all clients to have asked")
        lost: Request = stage.visit(ipaddress.ip_address("192.168.2.59"))
        assert lost.server is None
        assert lost.error
        folder = stage.network.folder
    assert not folder.exists()
