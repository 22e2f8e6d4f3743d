# SPDX-License-Identifier: Apache-2.0
"""`vrrp_instance`: keepalived 2.2.7's defaults, and what is said of instances that cannot run or would not work."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.assemble.instances import instances
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.base import Seconds, Vrid
from bascule.model.configuration import (
    AuthType,
    ChecksumForm,
    OldChecksum,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.model.diagnostic import Severity

Read = Callable[[str], tuple[Section, Findings]]

BASE = "interface eth0\nvirtual_router_id 51\n"


class Built:
    """The instances of a text, and what building them found."""

    def __init__(self, read_text: Read, text: str) -> None:
        top, self.reading = read_text(text)
        self.findings = Findings()
        self.instances = instances(top, merged(top, "global_defs"), self.findings)

    @property
    def codes(self) -> list[tuple[int | None, str]]:
        return [(found.line, found.code) for found in self.findings.sorted()]


def one(read_text: Read, body: str, before: str = "") -> Built:
    """One instance with an interface and an id, and more lines."""
    return Built(read_text, f"{before}vrrp_instance A {{\n{BASE}{body}\n}}\n")


def test_defaults(read_text: Read) -> None:
    built = one(read_text, "")
    assert built.instances == (VrrpInstance(name="A", interface="eth0", vrid=Vrid(51)),)
    instance = built.instances[0]
    assert (instance.priority, instance.advert_interval, instance.initial_state) == (100, 1.0, VrrpState.BACKUP)
    assert (instance.garp_master_delay, instance.garp_master_repeat, instance.smtp_alert) == (5.0, 5, False)
    assert built.codes == []


def test_priority_255_starts_as_master_unless_it_says_otherwise(read_text: Read) -> None:
    assert one(read_text, "priority 255").instances[0].initial_state is VrrpState.MASTER
    assert one(read_text, "priority 255\nstate BACKUP").instances[0].initial_state is VrrpState.BACKUP


def test_one_that_begins_as_master_and_names_no_priority_is_the_owner(read_text: Read) -> None:
    assert one(read_text, "state MASTER").instances[0].priority == 255
    assert one(read_text, "state BACKUP").instances[0].priority == 100
    assert one(read_text, "state MASTER\npriority 100").instances[0].priority == 100


def test_addresses_with_their_options(read_text: Read) -> None:
    built = one(read_text, "virtual_ipaddress {\n10.0.0.1/24 dev eth1 label eth1:1 scope link\n10.0.0.2\n10.0.0.2\n}")
    assert built.instances[0].virtual_addresses == (
        VirtualAddress(
            address=ipaddress.ip_address("10.0.0.1"), prefix_length=24, device="eth1", label="eth1:1", scope=253
        ),
        VirtualAddress(address=ipaddress.ip_address("10.0.0.2"), prefix_length=32),
    )


def test_an_address_of_the_other_family_is_skipped(read_text: Read) -> None:
    built = one(read_text, "virtual_ipaddress {\n10.0.0.1\n2400:A480::2/64\n}\nvirtual_ipaddress {\nfd00::1\n}")
    assert len(built.instances[0].virtual_addresses) == 1
    assert built.codes == [(6, "bad-address"), (9, "bad-address")]


def test_global_values_are_defaults(read_text: Read) -> None:
    before = "global_defs {\nsmtp_alert_vrrp\nvrrp_garp_master_delay 2\nvrrp_garp_master_repeat 3\n}\n"
    instance = one(read_text, "", before).instances[0]
    assert (instance.smtp_alert, instance.garp_master_delay, instance.garp_master_repeat) == (True, 2.0, 3)
    instance = one(read_text, "smtp_alert off\ngarp_master_delay 0\ngarp_master_repeat 1", before).instances[0]
    assert (instance.smtp_alert, instance.garp_master_delay, instance.garp_master_repeat) == (False, 0.0, 1)
    assert one(read_text, "", "global_defs {\nsmtp_alert\n}\n").instances[0].smtp_alert


def test_a_password_is_cut_to_what_is_sent(read_text: Read) -> None:
    built = one(read_text, "authentication {\nauth_type PASS\nauth_pass 123456789\n}")
    assert built.instances[0].auth_type is AuthType.PASS
    assert built.instances[0].auth_pass == b"12345678"
    assert built.codes == [(6, "meaning/auth-pass-long")]


def test_a_password_is_counted_in_bytes(read_text: Read) -> None:
    built = one(read_text, "authentication {\nauth_type PASS\nauth_pass éééé\n}")
    assert built.instances[0].auth_pass == "éééé".encode()
    assert built.codes == []


def test_a_type_without_a_password_is_no_authentication(read_text: Read) -> None:
    built = one(read_text, "authentication {\nauth_type PASS\n}")
    assert built.instances[0].auth_type is AuthType.NONE
    assert built.codes == [(5, "meaning/auth-pass-missing")]


def test_a_source_that_is_a_virtual_address_is_not_used(read_text: Read) -> None:
    built = one(read_text, "mcast_src_ip 10.0.0.1\nvirtual_ipaddress {\n10.0.0.1\n}")
    assert built.instances[0].multicast_source is None
    assert built.codes == [(4, "meaning/source-is-vip")]
    assert built.findings.sorted()[0].severity is Severity.WARNING
    built = one(read_text, "mcast_src_ip 10.0.0.9\nvirtual_ipaddress {\n10.0.0.1\n}")
    assert built.instances[0].multicast_source == ipaddress.ip_address("10.0.0.9")
    assert built.codes == []


@pytest.mark.parametrize(("said", "sent"), [("1.5", 2.0), ("0.3", 1.0), ("2.4", 2.0)])
def test_version_2_sends_whole_seconds(read_text: Read, said: str, sent: float) -> None:
    built = one(read_text, f"advert_int {said}")
    assert built.instances[0].advert_interval == sent
    assert built.codes == [(4, "meaning/advert-fraction")]


def test_nopreempt_needs_state_backup(read_text: Read) -> None:
    built = one(read_text, "state MASTER\nnopreempt")
    assert not built.instances[0].nopreempt
    assert built.codes == [(5, "meaning/nopreempt-master")]
    assert one(read_text, "nopreempt").instances[0].nopreempt


def test_an_owner_preempts_whatever_is_written(read_text: Read) -> None:
    built = one(read_text, "state BACKUP\npriority 255\nnopreempt")
    assert not built.instances[0].nopreempt
    assert built.codes == [(6, "meaning/nopreempt-master")]
    assert one(read_text, "state BACKUP\npriority 254\nnopreempt").instances[0].nopreempt


def test_the_sync_daemon_s_interface_is_kept(read_text: Read) -> None:
    assert one(read_text, "lvs_sync_daemon_inteface eth1").instances[0].sync_daemon_interface == "eth1"


def test_version_3_for_all_of_ipv4(read_text: Read) -> None:
    before = "global_defs {\nvrrp_version 3\n}\n"
    assert one(read_text, "", before).instances[0].version == 3
    assert one(read_text, "version 2", before).instances[0].version == 2


def test_ipv6_is_version_3_unless_the_block_says_otherwise(read_text: Read) -> None:
    before = "global_defs {\nvrrp_version 2\n}\n"
    for body in ("virtual_ipaddress {\nfe80::1\nfd00::1\n}", "native_ipv6"):
        instance = one(read_text, body, before).instances[0]
        assert (instance.version, instance.family) == (3, 6)


def test_the_same_id_over_ipv4_and_ipv6_is_two_routers(read_text: Read) -> None:
    texts = [
        f"vrrp_instance {name} {{\n{BASE}version 3\n{body}\n}}\n" for name, body in (("A", ""), ("B", "native_ipv6"))
    ]
    built = Built(read_text, "".join(texts))
    assert [entry.family for entry in built.instances] == [4, 6]
    assert built.codes == []
    built = Built(read_text, "".join((*texts, texts[1].replace("B", "C"))))
    assert [code for _, code in built.codes] == ["meaning/duplicate-router"]


def test_an_authentication_header_needs_its_password_only(read_text: Read) -> None:
    built = one(read_text, "authentication {\nauth_type AH\nauth_pass abcd\n}")
    assert (built.instances[0].auth_type, built.instances[0].auth_pass) == (AuthType.AH, b"abcd")
    assert built.codes == []


def test_version_3_has_no_authentication(read_text: Read) -> None:
    for kind in ("PASS", "AH"):
        built = one(read_text, f"version 3\nauthentication {{\nauth_type {kind}\nauth_pass 123456789\n}}")
        assert (built.instances[0].auth_type, built.instances[0].auth_pass) == (AuthType.NONE, b"")
        assert built.codes == []


@pytest.mark.parametrize(
    ("said", "sent", "codes"),
    [
        ("0.01", 0.01, []),
        ("0.3", 0.3, []),
        ("40.95", 40.95, []),
        ("0.333", 0.33, [(5, "rounded")]),
        ("0.0151", 0.02, [(5, "rounded")]),
        ("50", 40.95, []),
    ],
)
def test_version_3_sends_hundredths_of_a_second(
    read_text: Read, said: str, sent: float, codes: list[tuple[int, str]]
) -> None:
    built = one(read_text, f"version 3\nadvert_int {said}")
    assert built.instances[0].advert_interval == sent
    assert built.codes == codes


def test_a_checksum_over_the_message_alone_is_sent_on_demand(read_text: Read) -> None:
    before = "global_defs {\nv3_checksum_as_v2\n}\n"
    assert one(read_text, "").instances[0].checksum_form is ChecksumForm.PSEUDO_HEADER
    assert one(read_text, "v3_checksum_as_v2").instances[0].checksum_form is ChecksumForm.MESSAGE
    assert one(read_text, "", before).instances[0].checksum_form is ChecksumForm.MESSAGE
    assert one(read_text, "v3_checksum_as_v2 off", before).instances[0].checksum_form is ChecksumForm.PSEUDO_HEADER


def test_the_old_unicast_checksum(read_text: Read) -> None:
    for body, meant in (
        ("", OldChecksum.AUTO),
        ("old_unicast_checksum", OldChecksum.SENT),
        ("old_unicast_checksum never", OldChecksum.NEVER),
    ):
        assert one(read_text, body).instances[0].old_unicast_checksum is meant


def test_over_ipv6_there_is_no_authentication_header_and_pass_has_no_password(read_text: Read) -> None:
    virtual = "virtual_ipaddress {\nfd00::1\n}"
    for kind, meant in (("PASS", AuthType.PASS), ("AH", AuthType.NONE)):
        built = one(read_text, f"version 2\n{virtual}\nauthentication {{\nauth_type {kind}\nauth_pass abcd\n}}")
        assert (built.instances[0].version, built.instances[0].auth_type) == (2, meant)


def test_a_group_is_for_multicast(read_text: Read) -> None:
    before = "global_defs {\nvrrp_mcast_group4 224.0.0.77\n}\n"
    built = one(read_text, "mcast_dst_ip 224.0.0.78", before)
    assert str(built.instances[0].multicast_group) == "224.0.0.78"
    built = one(read_text, "mcast_dst_ip 224.0.0.78\nunicast_peer {\n10.0.0.2\n}", before)
    assert str(built.instances[0].multicast_group) == "224.0.0.77"
    assert built.codes == [(7, "bad-word")]


def test_waits_of_a_backup(read_text: Read) -> None:
    built = one(read_text, "preempt_delay 4.5\ndown_timer_adverts 5").instances[0]
    assert (built.preempt_delay, built.down_timer_adverts) == (4.5, 5)
    assert one(read_text, "", "global_defs {\nvrrp_down_timer_adverts 2\n}\n").instances[0].down_timer_adverts == 2
    for without in ("nopreempt", "state MASTER"):
        assert one(read_text, f"{without}\npreempt_delay 5").instances[0].preempt_delay == Seconds(0.0)


def test_unicast(read_text: Read) -> None:
    peers = "unicast_peer {\n10.0.0.2\n10.0.0.3 min_ttl 250\n}\n"
    instance = one(read_text, f"unicast_src_ip 10.0.0.1\nunicast_ttl 64\ncheck_unicast_src\n{peers}").instances[0]
    assert str(instance.unicast_source) == "10.0.0.1"
    assert (instance.unicast_ttl, instance.check_unicast_source) == (64, True)
    assert [(str(peer.address), peer.min_ttl) for peer in instance.unicast_peers] == [
        ("10.0.0.2", None),
        ("10.0.0.3", 250),
    ]
    before = "global_defs {\nvrrp_check_unicast_src\n}\n"
    assert one(read_text, peers, before).instances[0].check_unicast_source
    assert not one(read_text, peers).instances[0].check_unicast_source


def test_an_ipvlan_of_ipv4_without_an_address_leaves_the_instance_out(read_text: Read) -> None:
    built = one(read_text, "use_ipvlan ip51")
    assert built.instances == ()
    assert [code for _, code in built.codes] == ["meaning/ipvlan"]
    assert one(read_text, "use_ipvlan ip51 10.0.0.3").codes == []


def test_a_name_counts_once(read_text: Read) -> None:
    block = f"vrrp_instance A {{\n{BASE}}}\n"
    built = Built(read_text, block + block.replace("51", "52"))
    assert [(entry.name, entry.vrid) for entry in built.instances] == [("A", 51)]
    assert [code for _, code in built.codes] == ["duplicate"]
