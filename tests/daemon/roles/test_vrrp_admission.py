# SPDX-License-Identifier: Apache-2.0
"""Which instances of a configuration run, and what is said of the others."""

from __future__ import annotations

import errno
import ipaddress
import math

import msgspec
import pytest

from bascule.daemon.roles import vrrp_ports
from bascule.errors import ConfigurationError
from bascule.linux import rawsocket
from bascule.linux.netlink import NetlinkError
from bascule.model.base import IPAddress, Seconds, Vrid
from bascule.model.configuration import AuthHmac, HmacKey, VirtualAddress
from tests.daemon.roles.group_bench import VIP, VIP6, Bench, instance, instance6

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_a_missing_interface_is_named_with_its_instance_and_nothing_changes(group_bench: Bench) -> None:
    group_bench.run(instance())
    with pytest.raises(ConfigurationError, match="vrrp_instance VI_2: there is no interface eth7"):
        group_bench.run(instance("VI_2", interface="eth7"))
    assert group_bench.virtual() == {VIP}
    assert list(group_bench.group.instances) == ["VI_1"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": 3, "advert_interval": Seconds(50.0)}, "does not fit version 3"),
        ({"unicast_source": ipaddress.ip_address("fd02::1")}, "IPv4"),
    ],
)
def test_what_is_not_there_yet_is_said_while_the_others_run(
    group_bench: Bench, capfd: pytest.CaptureFixture[str], changes: dict[str, object], why: str
) -> None:
    group_bench.run(instance("VI_3", vrid=Vrid(53), **changes), instance())
    assert list(group_bench.group.instances) == ["VI_1"]
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "instance_not_run" in line]
    assert why in line
    (note,) = group_bench.group.notes
    assert note.startswith("vrrp_instance VI_3 does not run: ")
    assert why in note


def test_an_instance_whose_keys_cannot_be_read_does_not_run(group_bench: Bench) -> None:
    nowhere = AuthHmac(keys=(HmacKey(number=1, file="/nowhere/key"),), active_key=1, window=Seconds(5.0))
    signing = AuthHmac(keys=(HmacKey(number=1, secret=bytes(32)),), active_key=1, window=Seconds(5.0))
    group_bench.run(
        instance("VI_2", vrid=Vrid(52), auth_hmac=nowhere, virtual_addresses=()),
        instance(auth_hmac=signing),
    )
    assert list(group_bench.group.instances) == ["VI_1"]
    assert group_bench.group.notes[0].startswith("vrrp_instance VI_2 does not run: key 1 of auth_hmac: /nowhere/key:")
    assert group_bench.group.farewell_each == 1.0
    group_bench.run(instance(auth_hmac=msgspec.structs.replace(signing, window=Seconds(1.0))))
    assert group_bench.group.farewell_each == 0.4
    group_bench.run(instance())
    assert group_bench.group.farewell_each == math.inf


def test_an_instance_that_the_kernel_cannot_carry_leaves_the_others_alone(
    group_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_ipv6(interface: str, family: int, group: IPAddress) -> rawsocket.RawSocket:
        if family == 6:
            raise NetlinkError(errno.EAFNOSUPPORT, "open a raw socket")
        return rawsocket.open_socket(interface, family, group)

    monkeypatch.setattr(vrrp_ports, "open_socket", without_ipv6)
    v6 = VirtualAddress(address=ipaddress.IPv6Address("fe80::52"), prefix_length=64)
    group_bench.run(instance(), instance("VI_6", vrid=Vrid(52), version=3, virtual_addresses=(v6,)))
    assert list(group_bench.group.instances) == ["VI_1"]
    assert group_bench.group.notes[0].startswith(
        "vrrp_instance VI_6 does not run: the kernel does not carry its adverts"
    )


def test_an_ipv6_instance_without_a_link_local_address_runs_and_is_remarked(group_bench: Bench) -> None:
    group_bench.run(instance6(virtual_addresses=(VirtualAddress(address=VIP6, prefix_length=128),)))
    assert group_bench.group.notes == (
        "vrrp_instance VI_6 has no link-local virtual address, which RFC 9568 5.2.9 wants as the first",
    )
