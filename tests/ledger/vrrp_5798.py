# SPDX-License-Identifier: Apache-2.0
"""RFC 5798 (VRRP version 3, March 2010): where it demands something else than RFC 9568, in our own words.

Its other demands are RFC 9568's, under the same sections: 5.1.1.2 to 5.2.9, 6.1, 6.4.1 to 6.4.3, 7.1, 7.2, 8.1 to 8.4.
"""

from __future__ import annotations

from tests.ledger import places as at
from tests.ledger.requirement import Level, Requirement, Standing

MUST, MUST_NOT, SHOULD = Level.MUST, Level.MUST_NOT, Level.SHOULD

VERSION_3_BEFORE: tuple[Requirement, ...] = (
    Requirement(
        section="5.2.5",
        level=MUST,
        what="at least one address is in an advert",
        shown=(at.GOLDEN,),
        against=(at.REFUSED,),
        why="one with none is ignored, as RFC 9568 says outright",
    ),
    Requirement(
        section="5.2.8, 7.1",
        level=MUST,
        what="the checksum covers the pseudo-header, over IPv4 too",
        shown=(
            at.GOLDEN,
            at.LISTENING + "test_the_checksum_is_sent_as_configured_and_either_is_received_and_counted",
        ),
        against=(
            at.PACKET + "test_a_checksum_with_the_pseudo_header_needs_the_source",
            at.PACKET + "test_a_unicast_advert_has_its_destination_in_the_checksum",
        ),
        why="the default, because keepalived and FRR have it so; RFC 9568's form is received, too, and sent on demand",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active discards adverts of lower priority",
        shown=(at.V3 + "test_a_lower_priority_is_answered_at_once_in_version_3",),
        against=(at.MACHINE + "test_a_flood_of_lower_adverts_is_not_answered_one_by_one",),
        standing=Standing.OTHERWISE,
        why="answered, as RFC 9568 has it",
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the local router is not the owner of the addresses",
        shown=(at.V3 + "test_two_owners_are_decided_by_their_addresses_and_both_say_so",),
        standing=Standing.OTHERWISE,
        why="as RFC 9568's erratum 8298: an owner listens and says so",
    ),
    Requirement(
        section="7.4",
        level=MUST,
        what="interface identifiers are made in the normal manner",
        standing=Standing.APART,
        why="the kernel makes them, for the interfaces that are not ours; RFC 9568 says it by RFC 7217",
    ),
    Requirement(
        section="7.4",
        level=MUST_NOT,
        what="the virtual MAC goes into modified EUI-64 identifiers",
        shown=("daemon/roles/test_virtual_mac_at_work.py::test_no_ipv6_address_is_made_of_a_virtual_mac",),
        why="the kernel is told to make no address on the interface that has it",
    ),
    Requirement(
        section="8.1.2 (without capitals)",
        level=MUST,
        what="a router is reached by an address of its own, not by a virtual one",
        standing=Standing.APART,
        why="for operators; a SHOULD in RFC 9568",
    ),
    Requirement(
        section="A.1",
        level=SHOULD,
        what="on FDDI the virtual MAC is a filter, not the device's address",
        standing=Standing.APART,
        why="Ethernet alone",
    ),
    Requirement(
        section="A.2",
        level=MUST,
        what="on token ring functional addresses are used (and unicast ones may be)",
        standing=Standing.APART,
        why="Ethernet alone",
    ),
)
