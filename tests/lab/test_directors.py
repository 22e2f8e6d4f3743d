# SPDX-License-Identifier: Apache-2.0
"""A real director in a host: starts, is seen, is killed whole, and shows its evidence."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest

from bascule.lab import directors
from bascule.lab.directors import Director, program
from bascule.lab.network import Network
from bascule.lab.topologies import SEED
from bascule.lab.waiting import WaitedTooLongError, wait_for
from bascule.linux import namespaces

VIP = ipaddress.ip_address("192.168.2.240")


def test_the_program_is_beside_the_interpreter() -> None:
    assert pathlib.Path(program()).name == "bascule"


@pytest.mark.root
@pytest.mark.lab
def test_a_director_from_its_start_to_its_death(root: pathlib.Path) -> None:
    with Network(SEED) as network:
        director = Director(network.host("d1"), root / "examples" / "keepalived.conf")
        assert director.status() is None
        assert director.log() == ""
        director.launch()
        director.wait_started()
        status = director.status()
        assert status is not None
        assert {role.role.value for role in status.roles} >= {"vrrp", "plane", "checks", "notify"}
        wait_for(lambda: "192.168.2.240:80" in director.table(), 10, "the table", evidence=director.evidence)
        assert not director.holds(VIP)
        director.host.run(["ip", "address", "add", f"{VIP}/32", "dev", "eth0"])
        assert director.holds(VIP)
        assert director.templates() == ""
        assert "event=table_changed" in director.evidence()
        assert len(director.kill()) >= 5
        assert namespaces.processes(director.host.namespace) == ()
        assert director.status() is None
        # The table stays in the kernel, and the listing needs no daemon.
        assert "192.168.2.240:80" in director.table()


@pytest.mark.root
@pytest.mark.lab
def test_a_director_that_refuses_its_file_is_shown_with_its_log(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "missing.conf"
    with Network(SEED) as network:
        director = Director(network.host("d1"), file)
        director.launch()
        with pytest.raises(WaitedTooLongError, match=r"d1 ended with status 2\n(.|\n)*missing.conf"):
            director.wait_started()


@pytest.mark.root
@pytest.mark.lab
def test_a_director_that_never_answers_has_a_deadline(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\necho I say nothing more\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(directors, "program", lambda: str(silent))
    monkeypatch.setattr(directors, "START_SECONDS", 0.5)
    with Network(SEED) as network:
        director = Director(network.host("d1"), tmp_path / "any.conf")
        director.launch()
        with pytest.raises(WaitedTooLongError, match=r"waited 0.5 s for d1 to start\nI say nothing more"):
            director.wait_started()
