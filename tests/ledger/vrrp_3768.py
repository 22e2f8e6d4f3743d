# SPDX-License-Identifier: Apache-2.0
"""RFC 3768 (VRRP version 2, April 2004): every demand that is written in capitals and every step of the state machine,
in our own words and in the RFC's order. The tests named are of version 2, as the machine's are unless they say else.
"""

from __future__ import annotations

from tests.ledger import places as at
from tests.ledger.requirement import Level, Requirement, Standing, defects

MUST, MUST_NOT, SHOULD, SHOULD_NOT, MAY = Level.MUST, Level.MUST_NOT, Level.SHOULD, Level.SHOULD_NOT, Level.MAY

_REFUSED = at.PACKET + "test_bytes_that_are_no_advert_are_refused_with_the_reason"
_OF_ANOTHER_MIND = at.ACCEPTANCE + "test_an_advert_of_another_mind_is_refused_with_the_reason"
_GOLDEN = at.PACKET + "test_keepaliveds_packets_are_read_and_written_byte_for_byte"
_PASSES = at.ACCEPTANCE + "test_a_good_packet_passes_without_remark"
_LEAVES = at.SOCKET + "test_what_is_sent_to_the_group_arrives_with_source_ttl_and_age_and_is_not_heard_by_the_sender"

VERSION_2: tuple[Requirement, ...] = (
    Requirement(
        section="5.2.1, 7.2",
        level=MUST,
        what="adverts come from the interface's own primary address",
        shown=(at.PORTS + "test_adverts_come_from_the_wanted_address_if_it_is_here_and_never_from_a_virtual_one",),
        against=(at.FOOTING + "test_a_source_that_is_a_virtual_address_is_not_used",),
    ),
    Requirement(
        section="5.2.2",
        level=MUST_NOT,
        what="what is sent to the group is never forwarded",
        standing=Standing.APART,
        why="the group's scope is the link, and the kernel keeps to it",
        against=(at.BPF + "test_passed_untouched",),
    ),
    Requirement(
        section="5.2.3",
        level=MUST,
        what="adverts leave with TTL 255",
        shown=(_LEAVES, at.KEEPALIVED + "test_we_lead_and_keepalived_follows"),
        why="a constant; between unicast peers `unicast_ttl` says what leaves",
    ),
    Requirement(
        section="5.2.3, 7.1",
        level=MUST,
        what="an advert that arrives with another TTL is discarded",
        shown=(_PASSES,),
        against=(_OF_ANOTHER_MIND,),
    ),
    Requirement(
        section="5.3.2",
        level=MUST,
        what="a message of an unknown type is discarded",
        shown=(_GOLDEN,),
        against=(_REFUSED,),
    ),
    Requirement(
        section="5.3.4",
        level=MUST,
        what="the owner of the addresses has priority 255",
        shown=(at.ASSEMBLY + "test_one_that_begins_as_master_and_names_no_priority_is_the_owner",),
        against=("vrrp/test_priority.py::test_no_weight_makes_a_farewell_or_an_owner",),
    ),
    Requirement(
        section="5.3.4",
        level=MUST,
        what="others have a priority of 1 to 254",
        shown=("vrrp/test_priority.py::test_weights_add_up_within_bounds_and_an_owner_stays_one",),
        against=("vrrp/test_priority.py::test_no_weight_makes_a_farewell_or_an_owner",),
    ),
    Requirement(
        section="5.3.6, 7.1",
        level=MUST,
        what="an advert of an unknown kind of authentication, or of another than configured, is discarded; what is "
        "configured is carried out",
        shown=(_GOLDEN, "vrrp/test_ah.py::test_keepalived_is_understood"),
        against=(_REFUSED, _OF_ANOTHER_MIND, "vrrp/test_ah.py::test_no_byte_that_is_covered_may_change"),
        why="PASS and AH are those of RFC 2338, which keepalived still has",
    ),
    Requirement(
        section="5.3.7 (without capitals)",
        level=MUST,
        what="the advert interval is a whole number of seconds",
        shown=(at.ASSEMBLY + "test_version_2_sends_whole_seconds",),
        against=(_REFUSED,),
    ),
    Requirement(
        section="5.3.8, 7.1",
        level=MUST,
        what="the checksum is over the message alone, and right",
        shown=(_GOLDEN, at.PACKET + "test_the_checksum_of_an_odd_length_counts_a_zero_behind"),
        against=(_REFUSED,),
        why="version 2 over IPv6, which the RFC does not know, is as keepalived has it: with the pseudo-header",
    ),
    Requirement(
        section="5.3.10",
        level=SHOULD,
        what="without authentication its data are sent as zeros and not looked at",
        shown=(
            at.PACKET + "test_frrs_version_2_is_read_and_written_byte_for_byte",
            at.ACCEPTANCE + "test_without_authentication_its_data_are_not_looked_at",
        ),
        against=(_OF_ANOTHER_MIND,),
    ),
    Requirement(
        section="6.1 (without capitals)",
        level=MUST,
        what="the skew time is a part of a second, whatever the advert interval is; the down interval is three "
        "intervals and the skew time",
        shown=(
            at.INTERVALS + "test_the_skew_time_is_seconds_in_version_2_and_parts_of_the_interval_in_version_3",
            "simulation/test_simulator.py::test_the_rules_know_the_rfcs_times",
        ),
        against=defects("skew_reversed", "two_adverts", "four_adverts"),
    ),
    Requirement(
        section="6.1 (without capitals)",
        level=MUST,
        what="an owner preempts, whatever the preemption mode",
        shown=(at.ASSEMBLY + "test_an_owner_preempts_whatever_is_written",),
        against=(at.MACHINE + "test_with_nopreempt_a_lower_priority_is_left_alone_and_succeeded_when_silent",),
    ),
    Requirement(
        section="6.4.1",
        level=MUST,
        what="an owner is active at once: advert, gratuitous ARP for each address, advert timer",
        shown=(at.MACHINE + "test_an_owner_is_active_at_once",),
        against=(at.MACHINE + "test_it_starts_as_backup_with_the_addresses_off",),
    ),
    Requirement(
        section="6.4.1",
        level=MUST,
        what="any other starts as backup and waits for the down interval",
        shown=(at.MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",),
        against=defects("two_adverts", "four_adverts"),
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup answers ARP requests for the virtual addresses, or accepts packets to them",
        shown=(at.HELD, at.KEEPALIVED + "test_keepalived_leads_and_we_follow"),
        against=defects("addresses_stay"),
        why=at.KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="a backup discards frames to the virtual MAC",
        shown=(
            at.WORK + "test_a_backup_does_not_route_frames_to_the_virtual_mac_and_an_active_does",
            at.BPF + "test_a_virtual_mac_that_is_given_up_is_another_directors",
        ),
        against=(
            "daemon/roles/test_vrrp_forwarding.py::"
            "test_it_forwards_while_an_instance_on_it_is_active_and_the_interface_beneath_does",
        ),
        why="with `use_vmac`; without it there are none",
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="a backup that stops cancels its timer and is in Initialize",
        shown=(at.MACHINE + "test_a_backup_that_stops_sends_nothing",),
        against=defects("farewell_of_a_backup"),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="when the down timer fires: an advert, a gratuitous ARP for each address, the advert timer; then Master",
        shown=(
            at.MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",
            at.INSTANCE + "test_becoming_active_sends_puts_and_announces",
        ),
        against=(
            *defects("lost_announcement", "no_addresses"),
            at.LATE + "test_lateness_never_promotes_and_the_test_can_fail",
        ),
        why="the announcement has the virtual MAC with `use_vmac`, else the interface's own",
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="priority 0 leaves a backup the skew time",
        shown=(at.MACHINE + "test_priority_0_leaves_only_the_skew_time",),
        against=defects("farewell_ignored", "no_skew_after_farewell"),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="an advert of at least the own priority, or of any without preemption, restarts the down timer",
        shown=(
            at.MACHINE + "test_a_backup_stays_behind_an_equal_or_higher_priority",
            at.V3 + "test_version_2_learns_nothing",
        ),
        against=defects("down_timer_not_reset", "equal_priority_ignored", "nopreempt_ignored"),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="an advert of a lower priority is discarded by a backup that preempts",
        shown=(at.MACHINE + "test_a_lower_priority_is_preempted_when_the_down_interval_is_over",),
        against=defects("any_advert_puts_off"),
    ),
    Requirement(
        section="6.4.3, 8.2",
        level=MUST,
        what="an active answers ARP requests for the virtual addresses",
        shown=(at.ROLE + "test_it_starts_becomes_active_answers_and_stops_in_order",),
        against=defects("no_addresses"),
        why=at.KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active forwards frames to the virtual MAC",
        shown=(at.BPF + "test_a_virtual_mac_is_ours_too",),
        against=(at.BPF + "test_the_mac_of_another_interface_is_not",),
        why="with `use_vmac`",
    ),
    Requirement(
        section="6.4.3",
        level=MUST_NOT,
        what="an active that is not the owner accepts packets to the addresses",
        shown=(
            at.HANDS + "test_what_is_not_accepted_is_dropped_while_active_alone",
            "config/assemble/test_strict.py::test_what_is_not_allowed_is_said_where_it_stands",
        ),
        against=(
            "linux/test_nftables.py::test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered",
        ),
        standing=Standing.OTHERWISE,
        why="with `no_accept`, and with `vrrp_strict`, where version 2 has no other way; accepting is the default, as "
        "in keepalived: directors serve at these addresses",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an owner that is active accepts packets to the addresses",
        shown=(at.HANDS + "test_what_is_not_accepted_is_dropped_while_active_alone",),
        against=(at.FOOTING + "test_an_owner_does_not_lose_the_hosts_own_address",),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active that stops cancels its timer, sends priority 0 and is in Initialize",
        shown=(
            at.MACHINE + "test_an_active_that_stops_says_so_and_then_takes_the_addresses_off",
            at.KEEPALIVED + "test_we_lead_and_keepalived_follows",
        ),
        against=(*defects("no_farewell"), at.TABLE + "test_an_active_that_leaves_in_order_says_so"),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="each time the advert timer fires: an advert, and the timer anew",
        shown=(at.MACHINE + "test_an_active_sends_each_interval_in_step_and_announces_once_more_after_five_seconds",),
        against=defects("advert_timer_not_restarted", "adverts_too_seldom"),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers priority 0 with an advert and starts its timer anew",
        shown=(at.MACHINE + "test_an_active_answers_priority_0_at_once",),
        against=defects("farewell_unannounced"),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active stands back for a higher priority, and for an equal one with the higher address",
        shown=(
            at.MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",
            at.KEEPALIVED + "test_equal_priorities_are_decided_by_the_address",
        ),
        against=defects("higher_priority_ignored", "address_order_reversed", "stands_back_for_ever"),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active discards any other advert",
        shown=(at.MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",),
        against=(at.MACHINE + "test_a_flood_of_lower_adverts_is_not_answered_one_by_one",),
        standing=Standing.OTHERWISE,
        why="it stays active and answers at once, as RFC 9568 and keepalived do: that heals bridges, second actives. "
        "`lower_prio_no_advert`, and `vrrp_strict` by itself, have it the RFC's way",
    ),
    Requirement(
        section="7.1", level=MUST, what="the version is 2", shown=(_GOLDEN,), against=(_REFUSED, _OF_ANOTHER_MIND)
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the packet is complete, authentication data included",
        shown=(_GOLDEN,),
        against=(_REFUSED, at.PACKET + "test_damaged_packets_raise_nothing_but_a_refusal"),
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the VRID is configured on the interface",
        shown=(at.HEARING + "test_a_higher_peer_is_heard_and_strangers_are_counted_and_said_once",),
        against=(_OF_ANOTHER_MIND, at.HEARING + "test_a_higher_peer_is_heard_and_strangers_are_counted_and_said_once"),
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="the local router is not the owner of the addresses",
        shown=(at.V3 + "test_two_owners_are_decided_by_their_addresses_and_both_say_so",),
        standing=Standing.OTHERWISE,
        why="an owner listens: of two owners one must stand back (RFC 9568, erratum 8298)",
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
        what="what is discarded is logged",
        shown=(at.LISTENING + "test_an_advert_that_does_not_pass_is_counted_and_said_once",),
        against=(
            "daemon/roles/test_vrrp_refusals.py::test_the_first_is_said_and_then_one_in_a_while_that_speaks_for_all",
        ),
        why="not too often; those who manage the network see counters and alarms in `status`",
    ),
    Requirement(
        section="7.1",
        level=MAY,
        what="the list of addresses is compared",
        shown=(at.ACCEPTANCE + "test_the_order_of_the_addresses_does_not_matter",),
        against=(
            _OF_ANOTHER_MIND,
            at.ACCEPTANCE + "test_the_addresses_of_a_familiar_sender_are_not_compared_again",
        ),
        why="as keepalived; `skip_check_adv_addr` compares a sender's first advert only",
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="an advert with another list is dropped, unless the owner sent it",
        shown=(at.ACCEPTANCE + "test_the_owner_may_list_other_addresses",),
        against=(_OF_ANOTHER_MIND,),
        why="keepalived 2.2.7 drops an owner's, too",
    ),
    Requirement(
        section="7.1",
        level=MUST,
        what="an advert with another interval is discarded",
        shown=(_PASSES,),
        against=(_OF_ANOTHER_MIND,),
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert says what is configured and has its checksum",
        shown=(_GOLDEN, at.INSTANCE + "test_new_settings_are_in_the_next_advert"),
        against=(_REFUSED,),
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert's source MAC is the virtual router's",
        shown=(
            "interop/test_virtual_mac.py::test_keepalived_and_we_share_a_virtual_mac",
            "interop/test_virtual_mac.py::test_frr_and_we_share_a_virtual_mac",
        ),
        standing=Standing.OTHERWISE,
        why="with `use_vmac`; without it the interface's own, as in keepalived",
    ),
    Requirement(
        section="7.2",
        level=MUST,
        what="an advert goes as protocol 112 to the group",
        shown=(_LEAVES,),
        against=(at.LISTENING + "test_unicast_peers_hear_each_other_and_not_the_group",),
        why="unicast peers are keepalived's extension",
    ),
    Requirement(
        section="8.1, 8.3 (without capitals)",
        level=MUST,
        what="redirects come from the virtual router that was asked; proxy ARP answers with the virtual MAC",
        standing=Standing.APART,
        why="bascule sends no redirects and does no proxy ARP",
    ),
    Requirement(
        section="8.2",
        level=MUST,
        what="an active answers ARP requests with the virtual MAC, never with its own",
        shown=("interop/test_virtual_mac.py::test_keepalived_and_we_share_a_virtual_mac",),
        standing=Standing.OTHERWISE,
        why="with `use_vmac`; by default with the interface's own, and gratuitous ARP moves the address",
    ),
    Requirement(
        section="8.2",
        level=SHOULD_NOT,
        what="an owner that boots announces its addresses with the interface's own MAC",
        standing=Standing.OTHERWISE,
        why="the same: only with `use_vmac`",
    ),
    Requirement(
        section="8.4",
        level=SHOULD_NOT,
        what="an active that is not the owner forwards packets to the virtual address",
        shown=(at.HELD,),
        against=("bpf/test_flood.py::test_directors_that_feed_each_other_run_dry",),
        why="as active it has the address",
    ),
    Requirement(
        section="9.1",
        level=SHOULD,
        what="on FDDI the virtual MAC is a filter, not the device's address",
        standing=Standing.APART,
        why="Ethernet alone",
    ),
    Requirement(
        section="9.2",
        level=MUST,
        what="on token ring functional addresses are used (and unicast ones may be)",
        standing=Standing.APART,
        why="Ethernet alone",
    ),
)
