# SPDX-License-Identifier: Apache-2.0
"""Differences in words: each once, under the file's own keywords, and none between equals."""

from __future__ import annotations

import ipaddress
from typing import Any

import hypothesis
import msgspec
import pytest

from bascule.config.changes import changes, in_words, summary
from bascule.model.base import Model, Priority, Seconds, Vrid, Weight
from bascule.model.change import Change, ChangeKind
from bascule.model.configuration import (
    AuthType,
    BasculeOptions,
    Configuration,
    GlobalDefinitions,
    MailSettings,
    RealServerConfig,
    TcpCheck,
    VirtualAddress,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
)
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServerId, ServiceId
from tests.config.models_with_text import configurations

RS1, RS2, RS3 = (
    RealServerConfig(address=ipaddress.ip_address(f"10.0.0.{host}"), port=80, checks=(TcpCheck(),))
    for host in (1, 2, 3)
)
VIP1, VIP2 = (VirtualAddress(address=ipaddress.ip_address(f"192.168.2.{host}"), prefix_length=32) for host in (1, 2))
VI = VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51), virtual_addresses=(VIP1, VIP2))
WEB = VirtualServerConfig(
    id=ServiceId(protocol=Protocol.TCP, address=VIP1.address, port=80),
    forwarding=ForwardingMethod.DR,
    real_servers=(RS1, RS2),
)
BASE = Configuration(files=("a.conf",), instances=(VI,), virtual_servers=(WEB,))


def instance(**fields: Any) -> Configuration:
    """The base with another instance."""
    return msgspec.structs.replace(BASE, instances=(msgspec.structs.replace(VI, **fields),))


def service(**fields: Any) -> Configuration:
    """The base with another service."""
    return msgspec.structs.replace(BASE, virtual_servers=(msgspec.structs.replace(WEB, **fields),))


def server(**fields: Any) -> Configuration:
    """The base with another first real server."""
    return service(real_servers=(msgspec.structs.replace(RS1, **fields), RS2))


def globals_(**fields: Any) -> Configuration:
    """The base with other mail settings."""
    return msgspec.structs.replace(BASE, globals=GlobalDefinitions(mail=MailSettings(**fields)))


SERVICE = "virtual_server [192.168.2.1]:tcp:80"


@pytest.mark.parametrize(
    ("after", "lines"),
    [
        (BASE, []),
        (msgspec.structs.replace(BASE, files=("b.conf",)), []),
        (instance(priority=Priority(99)), ["vrrp_instance VI_1: priority 100 -> 99"]),
        (
            instance(initial_state=VrrpState.MASTER, advert_interval=Seconds(0.5)),
            ["vrrp_instance VI_1: state BACKUP -> MASTER", "vrrp_instance VI_1: advert_int 1 s -> 0.5 s"],
        ),
        (instance(nopreempt=True), ["vrrp_instance VI_1: nopreempt off -> on"]),
        (
            instance(multicast_source=RS1.address),
            ["vrrp_instance VI_1: mcast_src_ip (none) -> 10.0.0.1"],
        ),
        (
            instance(auth_type=AuthType.PASS, auth_pass=b"secret"),
            ["vrrp_instance VI_1: auth_type NONE -> PASS", "vrrp_instance VI_1: auth_pass changed (it is not shown)"],
        ),
        (instance(virtual_addresses=(VIP1,)), ["vrrp_instance VI_1: virtual_ipaddress 192.168.2.2 removed"]),
        (
            instance(virtual_addresses=(VIP2, VIP1)),
            ["vrrp_instance VI_1: virtual_ipaddress in another order"],
        ),
        (
            instance(virtual_addresses=(msgspec.structs.replace(VIP1, device="eth1"), VIP2)),
            ["vrrp_instance VI_1, virtual_ipaddress 192.168.2.1: dev (none) -> eth1"],
        ),
        (
            instance(name="VI_2"),
            [
                "vrrp_instance VI_1 removed",
                "vrrp_instance VI_2 added: interface eth0, virtual_router_id 51, "
                "virtual_ipaddress 192.168.2.1, virtual_ipaddress 192.168.2.2",
            ],
        ),
        (service(scheduler=Scheduler.RR), [f"{SERVICE}: lb_algo wlc -> rr"]),
        (service(persistence_timeout=Seconds(60.0)), [f"{SERVICE}: persistence_timeout (none) -> 60 s"]),
        (
            service(sorry_server=ServerId(address=RS3.address, port=81)),
            [f"{SERVICE}: sorry_server (none) -> 10.0.0.3 81"],
        ),
        (
            service(real_servers=(RS2, msgspec.structs.replace(RS3, weight=Weight(3)))),
            [
                f"{SERVICE}: real_server 10.0.0.1 80 removed",
                f"{SERVICE}: real_server 10.0.0.3 80 added: weight 3, TCP_CHECK",
            ],
        ),
        (service(real_servers=(RS2, RS1)), [f"{SERVICE}: real_servers in another order"]),
        (server(weight=Weight(0)), [f"{SERVICE}, real_server 10.0.0.1 80: weight 1 -> 0"]),
        (
            server(checks=(TcpCheck(connect_timeout=Seconds(2.0)),)),
            [f"{SERVICE}, real_server 10.0.0.1 80, TCP_CHECK: connect_timeout 5 s -> 2 s"],
        ),
        (
            server(checks=(TcpCheck(), TcpCheck(retry=3))),
            [f"{SERVICE}, real_server 10.0.0.1 80: TCP_CHECK (2) added: retry 3"],
        ),
        (server(checks=()), [f"{SERVICE}, real_server 10.0.0.1 80: TCP_CHECK removed"]),
        (
            msgspec.structs.replace(BASE, virtual_servers=()),
            [f"{SERVICE} removed"],
        ),
        (
            globals_(to=("a@b", "c@d"), server="relay"),
            [
                "global_defs: notification_email a@b added",
                "global_defs: notification_email c@d added",
                "global_defs: smtp_server (none) -> relay",
            ],
        ),
        (
            msgspec.structs.replace(BASE, options=BasculeOptions(xdp_interfaces=("eth0",))),
            ["bascule: xdp_interface eth0 added"],
        ),
        (
            msgspec.structs.replace(BASE, options=BasculeOptions(handover_key="secret")),
            ["bascule: handover_key changed (it is not shown)"],
        ),
        (
            msgspec.structs.replace(
                BASE,
                options=BasculeOptions(witnesses=(ipaddress.ip_address("10.0.0.1"),), witness_timeout=Seconds(2.0)),
            ),
            ["bascule: witness 10.0.0.1 added", "bascule: witness_timeout (none) -> 2 s"],
        ),
    ],
)
def test_each_change_is_one_line(after: Configuration, lines: list[str]) -> None:
    assert [change.text for change in changes(BASE, after)] == lines


def test_a_change_has_its_parts() -> None:
    assert changes(BASE, server(weight=Weight(3))) == (
        Change(
            kind=ChangeKind.CHANGED,
            where=f"{SERVICE}, real_server 10.0.0.1 80",
            what="weight",
            before="1",
            after="3",
            text=f"{SERVICE}, real_server 10.0.0.1 80: weight 1 -> 3",
        ),
    )


def test_members_of_a_list_go_and_change_places() -> None:
    before, after = globals_(to=("a@b", "c@d", "e@f")), globals_(to=("c@d", "a@b"))
    assert [change.text for change in changes(before, after)] == [
        "global_defs: notification_email e@f removed",
        "global_defs: notification_email in another order",
    ]


def test_a_member_that_stands_twice_counts_twice() -> None:
    before, after = globals_(to=("a@b",)), globals_(to=("a@b", "a@b"))
    assert [change.text for change in changes(before, after)] == ["global_defs: notification_email a@b added"]


def test_the_order_of_services_and_instances_does_not_count() -> None:
    other = msgspec.structs.replace(WEB, id=msgspec.structs.replace(WEB.id, port=443))
    forth = msgspec.structs.replace(BASE, virtual_servers=(WEB, other))
    back = msgspec.structs.replace(BASE, virtual_servers=(other, WEB))
    assert changes(forth, back) == ()


@hypothesis.given(configurations(), configurations())
def test_there_is_a_change_exactly_where_two_differ(before: Configuration, after: Configuration) -> None:
    found = changes(before, after)
    in_order = (sorted(each.instances, key=lambda one: one.name) for each in (before, after))
    same_instances = next(in_order) == next(in_order)
    services = (sorted(each.virtual_servers, key=lambda one: str(one.id)) for each in (before, after))
    same_services = next(services) == next(services)
    rest = (msgspec.structs.replace(each, instances=(), virtual_servers=()) for each in (before, after))
    same_rest = next(rest) == next(rest)
    assert (found == ()) == (same_instances and same_services and same_rest)
    assert changes(before, before) == ()
    assert not any("\n" in change.text for change in found)


@hypothesis.given(configurations(), configurations())
def test_the_way_back_undoes_each_change(before: Configuration, after: Configuration) -> None:
    forth, back = changes(before, after), changes(after, before)
    opposite = {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED}

    def facts(found: tuple[Change, ...]) -> list[tuple[ChangeKind, str, str]]:
        return sorted(((each.kind, each.where, each.what) for each in found), key=str)

    assert facts(tuple(msgspec.structs.replace(each, kind=opposite.get(each.kind, each.kind)) for each in back)) == (
        facts(forth)
    )


class Novel(Model, frozen=True, kw_only=True):
    """A block that no table here knows."""

    name: str
    limits: tuple[int, ...] = ()
    servers: tuple[RealServerConfig, ...] = ()


def test_a_block_of_a_new_kind_is_told_under_its_own_names() -> None:
    assert summary(Novel(name="x", limits=(1, 2), servers=(RS1,))) == "limits 1 2, real_server 10.0.0.1 80"


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "(none)"), (True, "on"), (5.25, "5.25 s"), (Scheduler.RR, "rr"), ((1, "a"), "1 a"), (7, "7")],
)
def test_values_are_told_as_users_write_them(value: object, words: str) -> None:
    assert in_words(value) == words
