# SPDX-License-Identifier: Apache-2.0
"""Where the tests are that a ledger names: files, and single tests that stand for many demands."""

from __future__ import annotations

ACCEPTANCE = "vrrp/test_acceptance.py::"
PACKET = "vrrp/test_packet.py::"
MACHINE = "vrrp/test_machine.py::"
INTERVALS = "vrrp/test_intervals.py::"
LATE = "vrrp/test_machine_late.py::"
V3 = "vrrp/test_machine_v3.py::"
TABLE = "vrrp/test_transitions.py::"
WIRE = "vrrp/test_fake_wire.py::"
ROLE = "daemon/roles/test_vrrp.py::"
INSTANCE = "daemon/roles/test_vrrp_instance.py::"
LISTENING = "daemon/roles/test_vrrp_listening.py::"
SPEAKING = "daemon/roles/test_vrrp_speaking.py::"
ADMISSION = "daemon/roles/test_vrrp_admission.py::"
FOOTING = "daemon/roles/test_vrrp_footing.py::"
HANDS = "daemon/roles/test_vrrp_hands.py::"
HEARING = "daemon/roles/test_vrrp_hearing.py::"
NEWS = "daemon/roles/test_vrrp_news.py::"
PORTS = "daemon/roles/test_vrrp_ports.py::"
SOCKET = "linux/test_rawsocket.py::"
ANNOUNCE = "linux/test_announce.py::"
ASSEMBLY = "config/assemble/test_instances.py::"
WORK = "daemon/roles/test_virtual_mac_at_work.py::"
BPF = "bpf/test_packets.py::"
SCHEDULES = "simulation/test_schedules.py::test_every_rule_holds_and_everything_occurs"
KEEPALIVED = "interop/test_keepalived.py::"
FRR = "interop/test_frr.py::"

HELD = TABLE + "test_addresses_are_on_in_master_and_nowhere_else"
REFUSED = PACKET + "test_bytes_that_are_no_advert_of_version_3_are_refused_with_the_reason"
REFUSED_LESS = ACCEPTANCE + "test_version_3_refuses_less"
GOLDEN = PACKET + "test_version_3_of_keepalived_and_frr_is_read_and_written_byte_for_byte"


KERNEL_ANSWERS = (
    "the kernel answers for the addresses that are on an interface and for no others; bascule has them on "
    "as active and takes them off otherwise"
)
NO_RA = "bascule sends no Router Advertisements; a router that needs them runs radvd beside it, as with keepalived"
