# SPDX-License-Identifier: Apache-2.0
"""RFC 9568 (VRRP version 3, April 2024, with its errata): every demand written in capitals, in our own words."""

from __future__ import annotations

from tests.ledger.requirement import Level, Requirement, Standing, defects

MUST, MUST_NOT, SHOULD, SHOULD_NOT = Level.MUST, Level.MUST_NOT, Level.SHOULD, Level.SHOULD_NOT

_ACCEPTANCE = "vrrp/test_acceptance.py::"
_PACKET = "vrrp/test_packet.py::"
_MACHINE = "vrrp/test_machine.py::"
_LATE = "vrrp/test_machine_late.py::"
_V3 = "vrrp/test_machine_v3.py::"
_TABLE = "vrrp/test_transitions.py::"
_WIRE = "vrrp/test_fake_wire.py::"
_ROLE = "daemon/roles/test_vrrp.py::"
_INSTANCE = "daemon/roles/test_vrrp_instance.py::"
_GROUP = "daemon/roles/test_vrrp_group.py::"
_PORTS = "daemon/roles/test_vrrp_ports.py::"
_SOCKET = "linux/test_rawsocket.py::"
_ANNOUNCE = "linux/test_announce.py::"
_ASSEMBLY = "config/assemble/test_instances.py::"
_BPF = "bpf/test_packets.py::"
_SCHEDULES = "simulation/test_schedules.py::test_every_rule_holds_and_everything_occurs"
_KEEPALIVED = "interop/test_keepalived.py::"
_FRR = "interop/test_frr.py::"

_HELD = _TABLE + "test_addresses_are_on_in_master_and_nowhere_else"
_REFUSED = _PACKET + "test_bytes_that_are_no_advert_of_version_3_are_refused_with_the_reason"
_REFUSED_LESS = _ACCEPTANCE + "test_version_3_refuses_less"
_GOLDEN = _PACKET + "test_version_3_of_keepalived_and_frr_is_read_and_written_byte_for_byte"

_KERNEL_ANSWERS = (
    "the kernel answers for the addresses that are on an interface and for no others; bascule has them on "
    "as active and takes them off otherwise"
)
_NO_RA = "bascule sends no Router Advertisements; a router that needs them runs radvd beside it, as with keepalived"

REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(
        section="2.5",
        level=SHOULD,
        what="an active that hears a second one says so in its log, not too often",
        shown=(_MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",),
        against=(
            "daemon/roles/test_vrrp_refusals.py::test_the_first_is_said_and_then_one_in_a_while_that_speaks_for_all",
        ),
    ),
    Requirement(
        section="5.1.1.1",
        level=MUST,
        what="adverts over IPv4 come from the interface's own primary address",
        shown=(_PORTS + "test_adverts_come_from_the_wanted_address_if_it_is_here_and_never_from_a_virtual_one",),
        against=(_GROUP + "test_a_source_that_is_a_virtual_address_is_not_used",),
    ),
    Requirement(
        section="5.1.1.2, 5.1.2.2",
        level=MUST_NOT,
        what="what is sent to the group is never forwarded",
        standing=Standing.APART,
        why="the group's scope is the link, and the kernel keeps to it; bascule forwards to virtual services alone",
        against=(_BPF + "test_passed_untouched",),
    ),
    Requirement(
        section="5.1.1.3",
        level=MUST,
        what="adverts over IPv4 leave with TTL 255",
        shown=(
            _SOCKET + "test_what_is_sent_to_the_group_arrives_with_source_ttl_and_age_and_is_not_heard_by_the_sender",
            _KEEPALIVED + "test_we_lead_and_keepalived_follows",
        ),
        why="a constant; between unicast peers `unicast_ttl` says what leaves",
    ),
    Requirement(
        section="5.1.1.3",
        level=MUST,
        what="an advert that arrives with another TTL is discarded",
        shown=(_ACCEPTANCE + "test_a_good_packet_passes_without_remark",),
        against=(_REFUSED_LESS,),
    ),
    Requirement(
        section="5.1.2.1",
        level=MUST,
        what="adverts over IPv6 come from the interface's link-local address",
        shown=(_PORTS + "test_over_ipv6_adverts_come_from_a_link_local_address_unless_peers_are_elsewhere",),
        against=(_GROUP + "test_an_ipv6_instance_waits_for_a_source_and_goes_with_it",),
    ),
    Requirement(
        section="5.1.2.3",
        level=MUST,
        what="adverts over IPv6 leave with hop limit 255",
        shown=(_SOCKET + "test_over_ipv6_too_what_is_sent_arrives_with_source_hop_limit_and_age",),
        why="a constant; between unicast peers `unicast_ttl` says what leaves",
    ),
    Requirement(
        section="5.1.2.3",
        level=MUST,
        what="an advert that arrives with another hop limit is discarded",
        shown=(_ACCEPTANCE + "test_a_good_packet_passes_without_remark",),
        against=(_REFUSED_LESS,),
    ),
    Requirement(
        section="5.2.2",
        level=MUST,
        what="a message of an unknown type is discarded",
        shown=(_GOLDEN,),
        against=(_REFUSED,),
    ),
    Requirement(
        section="5.2.4",
        level=MUST,
        what="the owner of the addresses has priority 255",
        shown=(_ASSEMBLY + "test_one_that_begins_as_master_and_names_no_priority_is_the_owner",),
        against=("vrrp/test_priority.py::test_no_weight_makes_a_farewell_or_an_owner",),
    ),
    Requirement(
        section="5.2.4",
        level=MUST,
        what="others have a priority of 1 to 254",
        shown=("vrrp/test_priority.py::test_weights_add_up_within_bounds_and_an_owner_stays_one",),
        against=("vrrp/test_priority.py::test_no_weight_makes_a_farewell_or_an_owner",),
    ),
    Requirement(
        section="5.2.5 (erratum 8299)",
        level=MUST,
        what="an advert that names no address is ignored",
        shown=(_GOLDEN,),
        against=(_REFUSED,),
    ),
    Requirement(
        section="5.2.6",
        level=MUST,
        what="reserved bits are sent as zero and not looked at",
        shown=(_GOLDEN,),
        against=(_PACKET + "test_reserved_bits_are_not_looked_at_and_the_interval_has_twelve",),
    ),
    Requirement(
        section="5.2.9 (erratum 8300)",
        level=MUST,
        what="over IPv6 the first address is the virtual router's link-local one",
        shown=(_INSTANCE + "test_over_ipv6_the_link_local_address_is_the_first_in_the_advert",),
        against=(
            _ACCEPTANCE + "test_over_ipv6_a_link_local_address_stands_first",
            _GROUP + "test_an_ipv6_instance_without_a_link_local_address_runs_and_is_remarked",
        ),
        standing=Standing.OTHERWISE,
        why="it is put first when there is one; without one the instance runs and says so, as keepalived's users "
        "expect, and an advert of a peer that has none is heard and remarked",
    ),
    Requirement(
        section="5.2.9",
        level=MUST,
        what="the addresses are of the family of the packet that carries them",
        shown=(_PACKET + "test_what_is_written_over_ipv6_is_read_again",),
        against=(_ASSEMBLY + "test_an_address_of_the_other_family_is_skipped", _REFUSED),
    ),
    Requirement(
        section="6.1",
        level=MUST_NOT,
        what="neighbour solicitations and advertisements are dropped because packets to the addresses are not accepted",
        shown=("linux/test_nftables.py::test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered",),
        why="`no_accept` drops the rest and lets these through",
    ),
    Requirement(
        section="6.1, 6.4.2",
        level=MUST,
        what="the skew time and the down interval are parts of the active's advert interval",
        shown=(
            _V3 + "test_version_3_counts_the_skew_time_in_parts_of_the_interval",
            "simulation/test_simulator.py::test_the_rules_know_the_rfcs_times",
        ),
        against=(*defects("skew_of_version_2", "skew_reversed"),),
    ),
    Requirement(
        section="6.4.1",
        level=MUST,
        what="an owner is active at once: it sends an advert, announces each address and starts its advert timer",
        shown=(_MACHINE + "test_an_owner_is_active_at_once",),
        against=(_MACHINE + "test_it_starts_as_backup_with_the_addresses_off",),
    ),
    Requirement(
        section="6.4.1",
        level=MUST,
        what="any other starts as backup and waits for the down interval at its own advert interval",
        shown=(_MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",),
        against=(*defects("two_adverts", "four_adverts"),),
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup answers ARP or neighbour solicitations for the virtual addresses",
        shown=(_HELD, _SCHEDULES),
        against=(*defects("addresses_stay"), _KEEPALIVED + "test_keepalived_leads_and_we_follow"),
        why=_KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup sends Router Advertisements for the virtual router",
        standing=Standing.APART,
        why=_NO_RA,
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="a backup discards frames to the virtual MAC",
        standing=Standing.OTHERWISE,
        why="without a virtual MAC there are none; with `use_vmac` its interface is up while active alone. The "
        "XDP director forwards frames that come late, to the virtual services only",
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup accepts packets to the virtual addresses",
        shown=(_HELD, _SCHEDULES),
        against=(*defects("addresses_stay"),),
        why=_KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="a backup that stops cancels its timer and is in Initialize",
        shown=(_MACHINE + "test_a_backup_that_stops_sends_nothing",),
        against=(*defects("farewell_of_a_backup"),),
    ),
    Requirement(
        section="6.4.2 (erratum 7949)",
        level=MUST,
        what="when the down timer fires: an advert, a gratuitous ARP or an unsolicited neighbour advertisement (router "
        "and override set, solicited not) for each address, the advert timer; then active",
        shown=(
            _MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",
            _INSTANCE + "test_becoming_active_sends_puts_and_announces",
            _ANNOUNCE + "test_the_neighbour_advertisement_is_frrs_byte_for_byte",
        ),
        against=(
            *defects("lost_announcement", "no_addresses"),
            _LATE + "test_lateness_never_promotes_and_the_test_can_fail",
        ),
        why="a down timer that is called late is not believed at first: adverts may wait or be lost",
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="priority 0 leaves a backup the skew time",
        shown=(
            _MACHINE + "test_priority_0_leaves_only_the_skew_time",
            _V3 + "test_version_3_succeeds_one_that_stops_after_the_skew_time_of_its_interval",
        ),
        against=(*defects("farewell_ignored", "no_skew_after_farewell"),),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="an advert of at least the own priority, or of any without preemption: learn its interval, compute skew "
        "time and down interval anew, restart the down timer",
        shown=(
            _MACHINE + "test_a_backup_stays_behind_an_equal_or_higher_priority",
            _V3 + "test_version_3_backs_the_active_at_the_actives_pace_from_every_advert_anew",
            _MACHINE + "test_with_nopreempt_a_lower_priority_is_left_alone_and_succeeded_when_silent",
        ),
        against=(*defects("down_timer_not_reset", "equal_priority_ignored", "nopreempt_ignored"),),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="an advert of a lower priority is discarded by a backup that preempts",
        shown=(_MACHINE + "test_a_lower_priority_is_preempted_when_the_down_interval_is_over",),
        against=(
            *defects("any_advert_puts_off"),
            _MACHINE + "test_a_peer_that_is_heard_is_not_preempted_before_readiness",
        ),
        why="its timer goes on; it is remembered that somebody is there, for one that is not ready yet, just crashed, "
        "or has a `preempt_delay`",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers ARP for the virtual addresses and is in the solicited-node group of each",
        shown=(
            _KEEPALIVED + "test_we_lead_and_keepalived_follows",
            _ROLE + "test_it_starts_becomes_active_answers_and_stops_in_order",
        ),
        against=(*defects("no_addresses"),),
        why=_KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers neighbour solicitations with the router flag set",
        shown=(_ANNOUNCE + "test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it",),
        standing=Standing.OTHERWISE,
        why="the kernel answers, and sets the flag where forwarding is on, as on every router; bascule does not turn "
        "it on. Its own announcements have the flag",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active sends Router Advertisements for the virtual router",
        standing=Standing.OPEN,
        why=_NO_RA,
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active forwards frames to the virtual MAC",
        shown=(
            _BPF + "test_a_virtual_mac_is_ours_too",
            "interop/test_virtual_mac.py::test_frr_and_we_share_a_virtual_mac",
        ),
        against=(_BPF + "test_the_mac_of_another_interface_is_not",),
        why="with `use_vmac`; without it the interface's own MAC is announced and nobody sends to the virtual one",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active accepts packets to the addresses as their owner, or when told to accept",
        shown=(_ROLE + "test_it_starts_becomes_active_answers_and_stops_in_order",),
        against=(_GROUP + "test_an_owner_does_not_lose_the_hosts_own_address",),
    ),
    Requirement(
        section="6.4.3",
        level=MUST_NOT,
        what="an active accepts packets to the addresses when neither holds",
        shown=(
            "linux/test_nftables.py::test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered",
            _GROUP + "test_what_is_not_accepted_is_dropped_while_active_alone",
        ),
        against=("linux/test_nftables.py::test_a_refusal_is_said",),
        standing=Standing.OTHERWISE,
        why="with `no_accept`; accepting is the default, as in keepalived",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active that stops cancels its timer, sends priority 0 and is in Initialize",
        shown=(
            _MACHINE + "test_an_active_that_stops_says_so_and_then_takes_the_addresses_off",
            _KEEPALIVED + "test_we_lead_and_keepalived_follows",
        ),
        against=(*defects("no_farewell"), _TABLE + "test_an_active_that_leaves_in_order_says_so"),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="each time the advert timer fires: an advert, and the timer anew",
        shown=(_MACHINE + "test_an_active_sends_each_interval_in_step_and_announces_once_more_after_five_seconds",),
        against=(*defects("advert_timer_not_restarted", "adverts_too_seldom"),),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers priority 0 with an advert and starts its timer anew",
        shown=(_MACHINE + "test_an_active_answers_priority_0_at_once",),
        against=(*defects("farewell_unannounced"),),
        why="it announces the addresses, too: the other one had done so",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active stands back for a higher priority, and for an equal one with the higher address; it learns the "
        "interval and waits for the down interval",
        shown=(
            _MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",
            _V3 + "test_an_active_that_gives_way_in_version_3_goes_by_the_others_interval",
            _KEEPALIVED + "test_equal_priorities_are_decided_by_the_address",
        ),
        against=(
            *defects("higher_priority_ignored", "address_order_reversed", "stands_back_for_ever"),
            _WIRE + "test_a_partition_makes_two_and_its_end_leaves_the_right_one_within_an_interval",
        ),
        why="it sends one advert more, so that the other one announces after it",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers any other advert with one of its own at once",
        shown=(_V3 + "test_a_lower_priority_is_answered_at_once_in_version_3",),
        against=(
            *defects("second_active_unanswered"),
            _MACHINE + "test_a_flood_of_lower_adverts_is_not_answered_one_by_one",
        ),
        why="at most twice in an advert interval",
    ),
    Requirement(
        section="7.1", level=MUST, what="the version is 3", shown=(_GOLDEN,), against=(_REFUSED, _REFUSED_LESS)
    ),
    Requirement(section="7.1", level=MUST, what="the type is 1", shown=(_GOLDEN,), against=(_REFUSED,)),
    Requirement(
        section="7.1",
        level=MUST,
        what="the packet is complete, with all of its addresses",
        shown=(_GOLDEN,),
        against=(_REFUSED, _PACKET + "test_damaged_packets_of_version_3_raise_nothing_but_a_refusal"),
    ),
    Requirement(
        section="7.1, 5.2.8",
        level=MUST,
        what="the checksum is right",
        shown=(
            _GOLDEN,
            _PACKET + "test_a_checksum_over_the_message_alone_is_received_over_ipv4_and_told_from_the_other",
        ),
        against=(_REFUSED, _PACKET + "test_a_checksum_over_the_message_alone_is_refused_over_ipv6"),
        why="over IPv4 both forms are right, with the pseudo-header and without; what is sent is set by "
        "`v3_checksum_type`, and the pseudo-header is the default because keepalived and FRR demand it",
    ),
    Requirement(
        section="7.1 (erratum 8298)",
        level=MUST,
        what="the VRID is configured on the interface",
        shown=(_GROUP + "test_the_same_vrid_over_ipv4_and_ipv6_is_two_routers",),
        against=(_GROUP + "test_a_higher_peer_is_heard_and_strangers_are_counted_and_said_once", _REFUSED_LESS),
    ),
    Requirement(
        section="7.1 (erratum 8301)",
        level=MUST,
        what="the advert interval is not zero",
        shown=(_PACKET + "test_reserved_bits_are_not_looked_at_and_the_interval_has_twelve",),
        against=(_REFUSED,),
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="whatever fails one of these is discarded",
        shown=(_INSTANCE + "test_a_peers_advert_is_counted_and_followed",),
        against=(_INSTANCE + "test_an_advert_that_does_not_pass_is_counted_and_said_once",),
    ),
    Requirement(
        section="7.1",
        level=SHOULD,
        what="what is discarded is logged, not too often",
        shown=(_INSTANCE + "test_an_advert_that_does_not_pass_is_counted_and_said_once",),
        against=(
            "daemon/roles/test_vrrp_refusals.py::test_the_first_is_said_and_then_one_in_a_while_that_speaks_for_all",
        ),
    ),
    Requirement(
        section="7.1",
        level=SHOULD,
        what="another advert interval or another list of addresses is logged, and the advert heard",
        shown=(_ACCEPTANCE + "test_version_3_hears_adverts_of_another_mind_and_remarks_it",),
        against=(
            _INSTANCE + "test_how_adverts_differ_is_said_once",
            _ACCEPTANCE + "test_the_owner_may_list_other_addresses",
        ),
    ),
    Requirement(
        section="7.1 (erratum 8298), 8.3.2",
        level=SHOULD,
        what="an owner that hears another owner logs it, and the two are decided by election",
        shown=(_V3 + "test_two_owners_are_decided_by_their_addresses",),
        against=(_MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",),
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert says what is configured and has its checksum",
        shown=(_GOLDEN, _INSTANCE + "test_new_settings_are_in_the_next_advert"),
        against=(_INSTANCE + "test_another_source_is_in_the_checksum_of_version_3",),
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
            _SOCKET + "test_what_is_sent_to_the_group_arrives_with_source_ttl_and_age_and_is_not_heard_by_the_sender",
            _FRR + "test_we_lead_and_frr_follows",
        ),
        against=(_INSTANCE + "test_unicast_peers_hear_each_other_and_not_the_group",),
        why="unicast peers are keepalived's extension",
    ),
    Requirement(
        section="7.4",
        level=MUST_NOT,
        what="the virtual MAC goes into interface identifiers (RFC 7217, RFC 8981)",
        standing=Standing.APART,
        why="bascule makes no interface identifiers",
    ),
    Requirement(
        section="8.1.1, 8.2.1",
        level=SHOULD,
        what="a redirect comes from the address that the host had sent to",
        standing=Standing.APART,
        why="a director for virtual services sends no redirects of its own; the kernel's are set by sysctl",
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
            _ANNOUNCE + "test_the_frame_reaches_the_segment_and_its_hosts_believe_it",
            _ANNOUNCE + "test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it",
        ),
    ),
    Requirement(
        section="8.1.2, 8.2.2",
        level=MUST,
        what="nothing is announced before address and MAC are configured",
        shown=(_MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",),
        against=(_GROUP + "test_an_ipv6_instance_waits_for_a_source_and_goes_with_it",),
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
            _GROUP + "test_a_cut_cable_is_a_fault_and_its_mending_a_new_beginning",
            _MACHINE + "test_new_settings_of_an_active_are_on_the_wire_at_once",
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
        section="8.2.3",
        level=MUST,
        what="backups have the Router Advertisement options of the owner; special services are not advertised by an "
        "owner alone",
        standing=Standing.APART,
        why=_NO_RA,
    ),
    Requirement(
        section="8.2.4",
        level=SHOULD,
        what="unsolicited neighbour advertisements update the neighbour cache",
        shown=(_ANNOUNCE + "test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it",),
        why="the kernel's neighbour cache; there is no other",
    ),
    Requirement(
        section="8.3.1",
        level=SHOULD_NOT,
        what="an active that is not the owner forwards packets to the virtual address",
        shown=(_HELD,),
        against=("bpf/test_flood.py::test_directors_that_feed_each_other_run_dry",),
        why="as active it has the address; frames that come late are balanced to virtual services, with a lowered TTL",
    ),
    Requirement(
        section="8.3.2",
        level=SHOULD,
        what="one router alone has priority 255, and priorities are far enough apart",
        shown=(_MACHINE + "test_the_skew_time_is_seconds_in_version_2_and_parts_of_the_interval_in_version_3",),
        against=(_WIRE + "test_equal_priorities_leave_one_active_the_one_with_the_higher_address",),
        why="for operators; `bascule check` with the files of all directors compares them",
    ),
    Requirement(
        section="8.4.2",
        level=MUST,
        what="one that speaks version 2 and 3 at once sends both at its interval, waits at the active's, reckons "
        "seconds as hundredths, and does not listen to version 2 of one that speaks version 3",
        standing=Standing.APART,
        why="an instance speaks one version; the mode is optional, for upgrades, and not recommended for longer",
        against=(_REFUSED_LESS,),
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
