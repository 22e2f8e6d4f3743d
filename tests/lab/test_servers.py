# SPDX-License-Identifier: Apache-2.0
"""A real nginx: answers with its host's name, is gone when stopped, comes back."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest

from bascule.errors import KernelRefusedError
from bascule.lab import servers
from bascule.lab.network import Network
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.traffic import ask

pytestmark = [pytest.mark.root, pytest.mark.lab]

CLIENT = ipaddress.ip_address("192.168.2.20")
SERVER = ipaddress.ip_address("192.168.2.212")


def test_it_answers_stops_and_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    with Network(SEED) as network:
        nginx = Nginx(network.host("rs1"))
        assert not nginx.listens()
        assert nginx.answered() == 0
        nginx.start()
        with network.host("clients").entered():
            first = ask(CLIENT, SERVER, 80)
            nginx.stop()
            second = ask(CLIENT, SERVER, 80)
            nginx.start()
            third = ask(CLIENT, SERVER, 80)
        assert [first.server, second.server, third.server] == ["rs1", None, "rs1"]
        assert second.error == "refused"
        assert nginx.answered() == 2
        monkeypatch.setattr(servers, "NGINX", "nginx-that-is-not-there")
        with pytest.raises(KernelRefusedError, match="install nginx"):
            nginx.start()


def test_a_configuration_that_it_refuses_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(servers, "CONFIGURATION", "nonsense {port} {name} {folder};")
    with Network(SEED) as network, pytest.raises(Exception, match='unknown directive "nonsense"'):
        Nginx(network.host("rs1")).start()
    assert pathlib.Path("/proc/self").exists()
