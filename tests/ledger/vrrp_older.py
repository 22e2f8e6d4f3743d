# SPDX-License-Identifier: Apache-2.0
"""Where RFC 3768 (VRRP version 2) and RFC 5798 (version 3, before RFC 9568) demand something else than RFC 9568."""

from __future__ import annotations

from tests.ledger.requirement import Level, Requirement, Standing, defects

MUST, MUST_NOT, SHOULD = Level.MUST, Level.MUST_NOT, Level.SHOULD

_ACCEPTANCE = "vrrp/test_acceptance.py::"
_PACKET = "vrrp/test_packet.py::"
_MACHINE = "vrrp/test_machine.py::"
_V3 = "vrrp/test_machine_v3.py::"

_REFUSED = _PACKET + "test_bytes_that_are_no_advert_are_refused_with_the_reason"
_OF_ANOTHER_MIND = _ACCEPTANCE + "test_an_advert_of_another_mind_is_refused_with_the_reason"
_GOLDEN = _PACKET + "test_keepaliveds_packets_are_read_and_written_byte_for_byte"

VERSION_2: tuple[Requirement, ...] = (
    Requirement(
        section="5.3.6, 7.1",
        level=MUST,
        what="an advert of an unknown kind of authentication, or of another than configured, is discarded",
        shown=(_GOLDEN, "vrrp/test_ah.py::test_keepalived_is_understood"),
        against=(_REFUSED, _OF_ANOTHER_MIND),
        why="PASS and AH are those of RFC 2338, which keepalived still has",
    ),
    Requirement(
        section="5.3.10",
        level=SHOULD,
        what="without authentication its data are sent as zeros and not looked at",
        shown=(_PACKET + "test_frrs_version_2_is_read_and_written_byte_for_byte",),
        against=(_OF_ANOTHER_MIND,),
    ),
    Requirement(
        section="6.1",
        level=MUST,
        what="the skew time is a part of a second, whatever the advert interval is",
        shown=(
            _MACHINE + "test_the_skew_time_is_seconds_in_version_2_and_parts_of_the_interval_in_version_3",
            "simulation/test_simulator.py::test_the_rules_know_the_rfcs_times",
        ),
        against=defects("skew_reversed"),
    ),
    Requirement(
        section="5.3.7",
        level=MUST,
        what="the advert interval is a whole number of seconds",
        shown=("config/assemble/test_instances.py::test_version_2_sends_whole_seconds",),
        against=(_REFUSED,),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active discards adverts of lower priority",
        shown=("vrrp/test_fake_wire.py::test_equal_priorities_leave_one_active_the_one_with_the_higher_address",),
        against=(_MACHINE + "test_a_flood_of_lower_adverts_is_not_answered_one_by_one",),
        standing=Standing.OTHERWISE,
        why="it stays active and answers at once, as RFC 9568 and keepalived do: that heals bridges and second actives",
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the packet is complete, authentication data included",
        shown=(_GOLDEN,),
        against=(_REFUSED, _PACKET + "test_damaged_packets_raise_nothing_but_a_refusal"),
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the local router is not the owner of the addresses",
        shown=(_MACHINE + "test_an_owner_is_active_at_once",),
        against=(_V3 + "test_two_owners_are_decided_by_their_addresses",),
        standing=Standing.OTHERWISE,
        why="an owner listens: of two owners one must stand back (RFC 9568, erratum 8298)",
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="an advert with another interval is discarded",
        shown=(_ACCEPTANCE + "test_a_good_packet_passes_without_remark",),
        against=(_OF_ANOTHER_MIND,),
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="an advert with another list of addresses is dropped, unless the owner sent it",
        shown=(
            _ACCEPTANCE + "test_the_owner_may_list_other_addresses",
            _ACCEPTANCE + "test_the_order_of_the_addresses_does_not_matter",
        ),
        against=(_OF_ANOTHER_MIND,),
    ),
    Requirement(
        section="5.3.8",
        level=MUST,
        what="the checksum is over the message alone",
        shown=(_GOLDEN, _PACKET + "test_the_checksum_of_an_odd_length_counts_a_zero_behind"),
        against=(_REFUSED,),
    ),
    Requirement(
        section="9.1, 9.2",
        level=MUST,
        what="functional addresses on token ring, filters on FDDI",
        standing=Standing.APART,
        why="Ethernet alone",
    ),
)

VERSION_3_BEFORE: tuple[Requirement, ...] = (
    Requirement(
        section="5.2.8",
        level=MUST,
        what="the checksum covers the pseudo-header, over IPv4 too",
        shown=(
            _PACKET + "test_version_3_of_keepalived_and_frr_is_read_and_written_byte_for_byte",
            "daemon/roles/test_vrrp_instance.py::test_the_checksum_is_sent_as_configured_and_either_is_received_and_counted",
        ),
        against=(_PACKET + "test_a_checksum_with_the_pseudo_header_needs_the_source",),
        why="the default, because keepalived and FRR have it so; RFC 9568's form is received, too, and sent on demand",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active discards adverts of lower priority",
        shown=(_V3 + "test_a_lower_priority_is_answered_at_once_in_version_3",),
        against=(_MACHINE + "test_a_flood_of_lower_adverts_is_not_answered_one_by_one",),
        standing=Standing.OTHERWISE,
        why="answered, as RFC 9568 has it",
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the local router is not the owner of the addresses",
        shown=(_V3 + "test_two_owners_are_decided_by_their_addresses",),
        standing=Standing.OTHERWISE,
        why="as RFC 9568's erratum 8298: an owner listens and says so",
    ),
)
