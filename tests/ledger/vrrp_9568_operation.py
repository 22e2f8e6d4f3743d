# SPDX-License-Identifier: Apache-2.0
"""RFC 9568 (VRRP version 3, April 2024) from its section 7 on, with its errata, as vrrp_9568.py has what is before."""

from __future__ import annotations

from tests.ledger import places as at
from tests.ledger.requirement import Level, Requirement, Standing, defects

MUST, MUST_NOT, SHOULD, SHOULD_NOT, MAY = Level.MUST, Level.MUST_NOT, Level.SHOULD, Level.SHOULD_NOT, Level.MAY


OPERATION: tuple[Requirement, ...] = (
    Requirement(
        section="7.1", level=MUST, what="the version is 3", shown=(at.GOLDEN,), against=(at.REFUSED, at.REFUSED_LESS)
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the packet is complete, with all of its addresses",
        shown=(at.GOLDEN,),
        against=(at.REFUSED, at.PACKET + "test_damaged_packets_of_version_3_raise_nothing_but_a_refusal"),
    ),
    Requirement(
        section="7.1, 5.2.8",
        level=MUST,
        what="the checksum is right",
        shown=(
            at.GOLDEN,
            at.PACKET + "test_a_checksum_over_the_message_alone_is_received_over_ipv4_and_told_from_the_other",
        ),
        against=(at.REFUSED, at.PACKET + "test_a_checksum_over_the_message_alone_is_refused_over_ipv6"),
        why="over IPv4 it is right with the pseudo-header and without it; between unicast peers also as old "
        "keepaliveds make it",
    ),
    Requirement(
        section="7.1 (erratum 8298)",
        level=MUST,
        what="the VRID is configured on the interface",
        shown=(at.HEARING + "test_the_same_vrid_over_ipv4_and_ipv6_is_two_routers",),
        against=(at.HEARING + "test_a_higher_peer_is_heard_and_strangers_are_counted_and_said_once", at.REFUSED_LESS),
    ),
    Requirement(
        section="7.1 (erratum 8301)",
        level=MUST,
        what="the advert interval is not zero",
        shown=(at.PACKET + "test_reserved_bits_are_not_looked_at_and_the_interval_has_twelve",),
        against=(at.REFUSED,),
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="whatever fails one of these is discarded",
        shown=(at.LISTENING + "test_a_peers_advert_is_counted_and_followed",),
        against=(at.LISTENING + "test_an_advert_that_does_not_pass_is_counted_and_said_once",),
    ),
    Requirement(
        section="7.1",
        level=SHOULD,
        what="what is discarded is logged, not too often",
        shown=(at.LISTENING + "test_an_advert_that_does_not_pass_is_counted_and_said_once",),
        against=(
            "daemon/roles/test_vrrp_refusals.py::test_the_first_is_said_and_then_one_in_a_while_that_speaks_for_all",
        ),
    ),
    Requirement(
        section="7.1",
        level=MAY,
        what="what is discarded is told to those who manage the network",
        shown=("daemon/roles/test_vrrp_alarm.py::test_two_actives_that_do_not_understand_each_other_both_say_why",),
        why="counters by reason in `status` and its JSON, alarms and events with the likely cause; no SNMP",
    ),
    Requirement(
        section="7.1",
        level=SHOULD,
        what="another advert interval than configured is logged, not too often, and the advert heard",
        shown=(
            at.ACCEPTANCE + "test_version_3_hears_adverts_of_another_mind_and_remarks_it",
            at.LISTENING + "test_how_adverts_differ_is_said_once",
        ),
        against=(at.ACCEPTANCE + "test_a_good_packet_passes_without_remark",),
    ),
    Requirement(
        section="7.1",
        level=MAY,
        what="another list of addresses is noticed, and if it is, it should be logged",
        shown=(at.ACCEPTANCE + "test_version_3_hears_adverts_of_another_mind_and_remarks_it",),
        against=(
            at.ACCEPTANCE + "test_the_owner_may_list_other_addresses",
            at.ACCEPTANCE + "test_the_order_of_the_addresses_does_not_matter",
        ),
    ),
    Requirement(
        section="7.1 (erratum 8298), 8.3.2",
        level=SHOULD,
        what="an owner that hears another owner logs it, and the two are decided by election",
        shown=(at.V3 + "test_two_owners_are_decided_by_their_addresses_and_both_say_so",),
        against=(at.MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",),
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert says what is configured and has its checksum",
        shown=(at.GOLDEN, at.INSTANCE + "test_new_settings_are_in_the_next_advert"),
        against=(at.SPEAKING + "test_another_source_is_in_the_checksum_of_version_3",),
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert's source MAC is the virtual router's",
        shown=(
            "interop/test_virtual_mac.py::test_keepalived_and_we_share_a_virtual_mac",
            "daemon/roles/test_virtual_mac_at_work.py::test_the_last_will_speaks_from_the_virtual_mac",
        ),
        standing=Standing.OTHERWISE,
        why="with `use_vmac`; without it the interface's own, as in keepalived. Receivers do not look at it",
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert goes as protocol 112 to the group",
        shown=(
            at.SOCKET + "test_what_is_sent_to_the_group_arrives_with_source_ttl_and_age_and_is_not_heard_by_the_sender",
            at.FRR + "test_we_lead_and_frr_follows",
        ),
        against=(at.LISTENING + "test_unicast_peers_hear_each_other_and_not_the_group",),
        why="unicast peers are keepalived's extension",
    ),
    Requirement(
        section="7.3",
        level=MUST,
        what="the virtual MAC is 00-00-5E-00-01 and the VRID, over IPv6 00-00-5E-00-02 and the VRID",
        shown=(
            "model/test_virtual_mac.py::test_the_address_that_the_rfc_gives",
            "interop/test_virtual_mac.py::test_frr_and_we_share_a_virtual_mac",
        ),
        against=("daemon/roles/test_vrrp_virtual_mac.py::test_names_are_made_as_keepalived_makes_them",),
        why="with `use_vmac`",
    ),
    Requirement(
        section="7.4",
        level=MUST_NOT,
        what="the virtual MAC goes into interface identifiers (RFC 7217, RFC 8981)",
        shown=(
            "daemon/roles/test_virtual_mac_at_work.py::test_no_ipv6_address_is_made_of_a_virtual_mac",
            "linux/test_macvlan.py::test_settings_are_written_where_they_differ",
        ),
        why="the kernel is told to make no address on the interface that has it",
    ),
    Requirement(
        section="8.2.1 (8.1.1 without capitals)",
        level=SHOULD,
        what="a redirect comes from the address that the host had sent to",
        standing=Standing.APART,
        why="a director for virtual services sends no redirects of its own; the kernel's are set by sysctl",
    ),
    Requirement(
        section="8.1.2, 8.2.2",
        level=MUST,
        what="an active answers ARP requests and neighbour solicitations with the virtual MAC",
        standing=Standing.OTHERWISE,
        why="with `use_vmac`; by default with the interface's own, as keepalived",
        shown=(
            "interop/test_virtual_mac.py::test_keepalived_and_we_share_a_virtual_mac",
            "interop/test_virtual_mac.py::test_frr_and_we_share_a_virtual_mac",
        ),
    ),
    Requirement(
        section="8.1.2, 8.2.2",
        level=MUST_NOT,
        what="an active answers for a virtual address with the interface's own MAC",
        standing=Standing.OTHERWISE,
        why="with `use_vmac` it answers with the virtual one; without it gratuitous ARP and unsolicited neighbour "
        "advertisements move the address to another MAC, as in keepalived's default",
        shown=(
            "interop/test_virtual_mac.py::test_keepalived_and_we_share_a_virtual_mac",
            at.ANNOUNCE + "test_the_frame_reaches_the_segment_and_its_hosts_believe_it",
            at.ANNOUNCE + "test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it",
        ),
    ),
    Requirement(
        section="8.1.2, 8.2.2",
        level=MUST,
        what="nothing is announced before address and MAC are configured",
        shown=(at.MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",),
        against=(at.FOOTING + "test_an_ipv6_instance_waits_for_a_source_and_goes_with_it",),
    ),
    Requirement(
        section="8.1.2, 8.2.2",
        level=SHOULD_NOT,
        what="an owner that boots announces its addresses with the interface's own MAC",
        standing=Standing.OTHERWISE,
        why="the same: only with `use_vmac`",
    ),
    Requirement(
        section="8.1.2, 8.2.2",
        level=SHOULD,
        what="an active announces every address of a newly configured interface",
        shown=(
            at.NEWS + "test_a_cut_cable_is_a_fault_and_its_mending_a_new_beginning",
            at.MACHINE + "test_new_settings_of_an_active_are_on_the_wire_at_once",
        ),
        against=(*defects("old_addresses_after_reload", "unannounced_adoption"),),
    ),
    Requirement(
        section="8.1.2",
        level=SHOULD,
        what="a director is reached by an address of its own, not by a virtual one",
        standing=Standing.APART,
        why="for operators",
    ),
    Requirement(
        section="8.1.3",
        level=MUST,
        what="proxy ARP answers with the virtual MAC",
        standing=Standing.APART,
        why="bascule does no proxy ARP",
    ),
    Requirement(
        section="8.2.2",
        level=MUST,
        what="an active's own neighbour solicitations carry the virtual MAC, and not the interface's own",
        standing=Standing.APART,
        why="bascule sends none; the kernel's come from the interface that they leave by",
    ),
    Requirement(
        section="8.2.2",
        level=MAY,
        what="an active answers the duplicate address detection of an owner that starts anew",
        shown=("linux/test_nftables.py::test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered",),
        why="its kernel does; virtual addresses are put on without duplicate address detection, unless `-nodad` asks "
        "for it, and an owner's own is not touched",
    ),
    Requirement(
        section="8.2.3",
        level=MUST,
        what="backups send the Router Advertisement options of the owner",
        standing=Standing.APART,
        why=at.NO_RA,
    ),
    Requirement(
        section="8.2.3",
        level=SHOULD_NOT,
        what="an owner advertises special services that its backups cannot take over",
        standing=Standing.APART,
        why=at.NO_RA,
    ),
    Requirement(
        section="8.2.4",
        level=SHOULD,
        what="unsolicited neighbour advertisements update the neighbour cache",
        shown=(at.ANNOUNCE + "test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it",),
        why="the kernel's neighbour cache; there is no other",
    ),
    Requirement(
        section="8.3.1",
        level=SHOULD_NOT,
        what="an active that is not the owner forwards packets to the virtual address",
        shown=(at.HELD,),
        against=("bpf/test_flood.py::test_directors_that_feed_each_other_run_dry",),
        why="as active it has the address; frames that come late are balanced to virtual services, with a lowered TTL",
    ),
    Requirement(
        section="8.3.2",
        level=SHOULD,
        what="one router alone has priority 255, and all priorities differ enough",
        shown=("config/test_router_pairs.py::test_equal_priorities_are_said_once_for_each_later_director",),
        against=(at.WIRE + "test_equal_priorities_leave_one_active_the_one_with_the_higher_address",),
        why="for operators; `bascule check` with the files of all directors says equal ones. How far apart they must "
        "be depends on the network and is not judged",
    ),
    Requirement(
        section="8.3.2",
        level=MAY,
        what="several routers of the same priority are logged",
        shown=(at.MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",),
        why="when both are active; backups say nothing on the wire",
    ),
    Requirement(
        section="8.4.2",
        level=MAY,
        what="an instance can be told to speak version 2 and 3 at once, and to say when an active sends no version 2",
        standing=Standing.APART,
        why="an instance speaks one version; the mode is optional, for upgrades, and not recommended for longer",
        against=(at.REFUSED_LESS,),
    ),
    Requirement(
        section="8.4.2",
        level=MUST,
        what="such a one sends both at its interval, waits at the active's, and reckons seconds as hundredths",
        standing=Standing.APART,
        why="there is no such mode",
    ),
    Requirement(
        section="8.4.2",
        level=SHOULD,
        what="such a one does not listen to version 2 of an active that it hears in version 3",
        standing=Standing.APART,
        why="there is no such mode",
    ),
    Requirement(
        section="8.4.2.1.1",
        level=SHOULD_NOT,
        what="version 2 has the higher priority beside adverts of less than a second",
        standing=Standing.APART,
        why="for operators; it belongs to the mode above",
    ),
    Requirement(
        section="9",
        level=SHOULD,
        what="links are secured as RFC 9099, 2.3 has it",
        standing=Standing.APART,
        why="for operators",
    ),
)
