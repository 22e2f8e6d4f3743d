# SPDX-License-Identifier: Apache-2.0
"""What the two routers of an interoperation test agree on: our configuration, and the peer's in its own words."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, OldChecksum, UnicastPeer, VirtualAddress, VrrpInstance

HERE, PEER = ipaddress.IPv4Address("192.168.2.210"), ipaddress.IPv4Address("192.168.2.211")
HERE6, PEER6 = ipaddress.IPv6Address("fd02::210"), ipaddress.IPv6Address("fd02::211")
VIP, VIP6 = ipaddress.IPv4Address("192.168.2.240"), ipaddress.IPv6Address("fd02::240")
LINK_LOCAL = ipaddress.IPv6Address("fe80::53")
FAST = 0.2


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Scenario:
    """One kind of adverts. `keepalived`: the lines of the peer's instance besides priority and state."""

    name: str
    keepalived: str
    version: int = 3
    interval: float = FAST
    addresses: tuple[IPAddress, ...] = (VIP,)
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    form: str = "pseudo_header"
    """What the checksums of the peer's adverts cover."""

    @property
    def vip(self) -> IPAddress:
        """The address that is watched."""
        return self.addresses[-1]

    def skew(self, priority: int) -> float:
        """Seconds."""
        return (256 - priority) / 256 * (1 if self.version == 2 else self.interval)

    def down(self, priority: int) -> float:
        """Seconds."""
        return 3 * self.interval + self.skew(priority)

    def instance(self, priority: int) -> VrrpInstance:
        """Ours."""
        virtual = [VirtualAddress(address=address, prefix_length=address.max_prefixlen) for address in self.addresses]
        values: dict[str, Any] = {"virtual_addresses": tuple(virtual), **self.changes}
        return VrrpInstance(
            name="VI_1",
            interface="eth0",
            vrid=Vrid(51),
            priority=Priority(priority),
            advert_interval=Seconds(self.interval),
            version=self.version,
            **values,
        )


def _unicast(peer: IPAddress) -> dict[str, Any]:
    return {"unicast_peers": (UnicastPeer(address=peer),)}


_PASS = (
    "advert_int 1\n authentication {\n auth_type PASS\n auth_pass 1111\n }\n virtual_ipaddress {\n 192.168.2.240\n }"
)
_V3 = f"version 3\n advert_int {FAST}\n virtual_ipaddress {{\n 192.168.2.240\n }}"
_V6 = f"version 3\n advert_int {FAST}\n virtual_ipaddress {{\n fe80::53/128\n fd02::240/128\n }}"
_PEER = "unicast_src_ip 192.168.2.211\n unicast_peer {\n 192.168.2.210\n }\n"
_PEER6 = "unicast_src_ip fd02::211\n unicast_peer {\n fd02::210\n }\n"

V2 = Scenario(
    name="v2",
    version=2,
    interval=1.0,
    form="message",
    keepalived=_PASS,
    changes={"auth_type": AuthType.PASS, "auth_pass": b"1111"},
)
V3 = Scenario(name="v3", keepalived=_V3)
V6 = Scenario(name="v3-ipv6", keepalived=_V6, addresses=(LINK_LOCAL, VIP6))
UNICAST_V2 = dataclasses.replace(
    V2, name="v2-unicast", keepalived=_PEER + _PASS, changes={**V2.changes, **_unicast(PEER)}
)
UNICAST_V3 = dataclasses.replace(V3, name="v3-unicast", keepalived=_PEER + _V3, changes=_unicast(PEER))
UNICAST_V6 = dataclasses.replace(V6, name="v3-ipv6-unicast", keepalived=_PEER6 + _V6, changes=_unicast(PEER6))
_OVER_IPV6 = "version 2\n advert_int 1\n virtual_ipaddress {\n fe80::53/128\n fd02::240/128\n }"
V2_6 = Scenario(name="v2-ipv6", version=2, interval=1.0, keepalived=_OVER_IPV6, addresses=(LINK_LOCAL, VIP6))
UNICAST_V2_6 = dataclasses.replace(
    V2_6,
    name="v2-ipv6-unicast",
    keepalived="version 2\n" + _PEER6 + _OVER_IPV6.partition("\n")[2],
    changes=_unicast(PEER6),
)
OLD_UNICAST = dataclasses.replace(
    UNICAST_V3,
    name="v3-unicast-old-checksum",
    form="old_unicast",
    keepalived="old_unicast_checksum\n" + UNICAST_V3.keepalived,
    changes={**UNICAST_V3.changes, "old_unicast_checksum": OldChecksum.SENT},
)
OLD_OURS = dataclasses.replace(OLD_UNICAST, name="v3-unicast-ours-old", keepalived=UNICAST_V3.keepalived)
"""keepalived hears it, and goes by it from then on."""
OLD_THEIRS = dataclasses.replace(OLD_UNICAST, name="v3-unicast-theirs-old", changes=UNICAST_V3.changes)
"""So do we."""
PASS_V2_6 = dataclasses.replace(
    V2_6,
    name="v2-ipv6-pass",
    keepalived=_OVER_IPV6 + "\n authentication {\n auth_type PASS\n auth_pass 1111\n }",
    changes={"auth_type": AuthType.PASS, "auth_pass": b"1111"},
)
_AH = _PASS.replace("PASS", "AH").replace("1111", "abcd")
AH = dataclasses.replace(V2, name="v2-ah", keepalived=_AH, changes={"auth_type": AuthType.AH, "auth_pass": b"abcd"})
UNICAST_AH = dataclasses.replace(
    AH, name="v2-ah-unicast", keepalived="unicast_ttl 64\n" + _PEER + _AH, changes={**AH.changes, **_unicast(PEER)}
)
ALL = (V2, V3, V6, UNICAST_V2, UNICAST_V3, UNICAST_V6, V2_6, UNICAST_V2_6, OLD_UNICAST)
