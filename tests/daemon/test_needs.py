# SPDX-License-Identifier: Apache-2.0
"""Only the roles that a file needs."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.daemon.needs import roles_needed
from bascule.model.base import Vrid
from bascule.model.configuration import (
    Configuration,
    GlobalDefinitions,
    MailSettings,
    RealServerConfig,
    TcpCheck,
    VirtualServerConfig,
    VrrpInstance,
)
from bascule.model.messages import Role
from bascule.model.scripts import Fifo, Notifies, Script, ScriptSettings
from bascule.model.service import Protocol, ServiceId
from bascule.model.tracking import SyncGroup, TrackScript

ADDRESS = ipaddress.ip_address("192.0.2.1")
CHECKED = RealServerConfig(address=ADDRESS, port=80, checks=(TcpCheck(),))
UNCHECKED = RealServerConfig(address=ADDRESS, port=81)
SCRIPT = Script(command=("/bin/true",))
INSTANCE = VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51))


def service(*servers: RealServerConfig) -> VirtualServerConfig:
    return VirtualServerConfig(id=ServiceId(protocol=Protocol.TCP, address=ADDRESS, port=80), real_servers=servers)


def mail(**settings: object) -> GlobalDefinitions:
    return GlobalDefinitions(mail=MailSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("configuration", "roles"),
    [
        (Configuration(), ()),
        (Configuration(instances=(INSTANCE,)), (Role.VRRP,)),
        (Configuration(virtual_servers=(service(UNCHECKED),)), (Role.PLANE,)),
        (Configuration(virtual_servers=(service(UNCHECKED, CHECKED),)), (Role.PLANE, Role.CHECKS)),
        (Configuration(globals=mail(to=("a@example.com",))), ()),
        (Configuration(globals=mail(server="127.0.0.1")), ()),
        (Configuration(globals=mail(to=("a@example.com",), server="127.0.0.1")), (Role.NOTIFY,)),
        (Configuration(globals=GlobalDefinitions(scripts=ScriptSettings(user="root"))), ()),
        (Configuration(globals=GlobalDefinitions(scripts=ScriptSettings(fifo=Fifo(path="/f")))), (Role.NOTIFY,)),
        (Configuration(track_scripts=(TrackScript(name="chk", run=SCRIPT),)), (Role.NOTIFY,)),
        (Configuration(sync_groups=(SyncGroup(name="G", members=(), notify=Notifies(any=SCRIPT)),)), (Role.NOTIFY,)),
    ],
)
def test_needs(configuration: Configuration, roles: tuple[Role, ...]) -> None:
    assert roles_needed(configuration) == roles
