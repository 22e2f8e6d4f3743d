# SPDX-License-Identifier: Apache-2.0
"""RFC 9568 (VRRP version 3, April 2024) up to its section 6, with errata 7949 and 8298 to 8301: every demand that is
written in capitals and every step of the state machine, in our own words and in the RFC's order.
"""

from __future__ import annotations

from tests.ledger import places as at
from tests.ledger.requirement import Level, Requirement, Standing, defects

MUST, MUST_NOT, SHOULD, SHOULD_NOT = Level.MUST, Level.MUST_NOT, Level.SHOULD, Level.SHOULD_NOT


PROTOCOL: tuple[Requirement, ...] = (
    Requirement(
        section="2.5",
        level=SHOULD,
        what="an active that hears a second one says so in its log, not too often",
        shown=(at.MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",),
        against=(
            "daemon/roles/test_vrrp_refusals.py::test_the_first_is_said_and_then_one_in_a_while_that_speaks_for_all",
        ),
    ),
    Requirement(
        section="5.1.1.1, 7.2",
        level=MUST,
        what="adverts over IPv4 come from the interface's own primary address",
        shown=(at.PORTS + "test_adverts_come_from_the_wanted_address_if_it_is_here_and_never_from_a_virtual_one",),
        against=(at.FOOTING + "test_a_source_that_is_a_virtual_address_is_not_used",),
    ),
    Requirement(
        section="5.1.1.2, 5.1.2.2",
        level=MUST_NOT,
        what="what is sent to the group is never forwarded",
        standing=Standing.APART,
        why="the group's scope is the link, and the kernel keeps to it; bascule forwards to virtual services alone",
        against=(at.BPF + "test_passed_untouched",),
    ),
    Requirement(
        section="5.1.1.3",
        level=MUST,
        what="adverts over IPv4 leave with TTL 255",
        shown=(
            at.SOCKET + "test_what_is_sent_to_the_group_arrives_with_source_ttl_and_age_and_is_not_heard_by_the_sender",
            at.KEEPALIVED + "test_we_lead_and_keepalived_follows",
        ),
        why="a constant; between unicast peers `unicast_ttl` says what leaves",
    ),
    Requirement(
        section="5.1.1.3, 7.1",
        level=MUST,
        what="an advert that arrives with another TTL is discarded",
        shown=(at.ACCEPTANCE + "test_a_good_packet_passes_without_remark",),
        against=(at.REFUSED_LESS,),
    ),
    Requirement(
        section="5.1.2.1, 7.2",
        level=MUST,
        what="adverts over IPv6 come from the interface's link-local address",
        shown=(at.PORTS + "test_over_ipv6_adverts_come_from_a_link_local_address_unless_peers_are_elsewhere",),
        against=(at.FOOTING + "test_an_ipv6_instance_waits_for_a_source_and_goes_with_it",),
    ),
    Requirement(
        section="5.1.2.3",
        level=MUST,
        what="adverts over IPv6 leave with hop limit 255",
        shown=(at.SOCKET + "test_over_ipv6_too_what_is_sent_arrives_with_source_hop_limit_and_age",),
        why="a constant; between unicast peers `unicast_ttl` says what leaves",
    ),
    Requirement(
        section="5.1.2.3, 7.1",
        level=MUST,
        what="an advert that arrives with another hop limit is discarded",
        shown=(at.ACCEPTANCE + "test_a_good_packet_passes_without_remark",),
        against=(at.REFUSED_LESS,),
    ),
    Requirement(
        section="5.2.2, 7.1",
        level=MUST,
        what="a message of another type than 1 is discarded",
        shown=(at.GOLDEN,),
        against=(at.REFUSED,),
    ),
    Requirement(
        section="5.2.4",
        level=MUST,
        what="the owner of the addresses has priority 255",
        shown=(at.ASSEMBLY + "test_one_that_begins_as_master_and_names_no_priority_is_the_owner",),
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
        section="5.2.5, 7.1 (erratum 8299)",
        level=MUST,
        what="an advert that names no address is ignored",
        shown=(at.GOLDEN,),
        against=(at.REFUSED,),
    ),
    Requirement(
        section="5.2.6",
        level=MUST,
        what="reserved bits are sent as zero and not looked at",
        shown=(at.GOLDEN,),
        against=(at.PACKET + "test_reserved_bits_are_not_looked_at_and_the_interval_has_twelve",),
    ),
    Requirement(
        section="5.2.9, 6.1 (erratum 8300)",
        level=MUST,
        what="over IPv6 the first address is the virtual router's link-local one",
        shown=(at.SPEAKING + "test_over_ipv6_the_link_local_address_is_the_first_in_the_advert",),
        against=(
            at.ACCEPTANCE + "test_over_ipv6_a_link_local_address_stands_first",
            at.ADMISSION + "test_an_ipv6_instance_without_a_link_local_address_runs_and_is_remarked",
        ),
        standing=Standing.OTHERWISE,
        why="it is put first when there is one; without one the instance runs and says so, as keepalived's users "
        "expect, and an advert of a peer that has none is heard and remarked",
    ),
    Requirement(
        section="5.2.8",
        level=MUST,
        what="over IPv4 the checksum that is sent covers the message alone",
        shown=(
            at.LISTENING + "test_the_checksum_is_sent_as_configured_and_either_is_received_and_counted",
            at.ASSEMBLY + "test_a_checksum_over_the_message_alone_is_sent_on_demand",
        ),
        against=(at.PACKET + "test_a_checksum_over_the_message_alone_is_received_over_ipv4_and_told_from_the_other",),
        standing=Standing.OTHERWISE,
        why="with `v3_checksum_as_v2`; the default is RFC 5798's, because keepalived and FRR refuse any other",
    ),
    Requirement(
        section="5.2.8",
        level=MUST,
        what="over IPv6 it covers the pseudo-header too, with next header 112",
        shown=(at.GOLDEN,),
        against=(at.PACKET + "test_a_checksum_over_the_message_alone_is_refused_over_ipv6",),
    ),
    Requirement(
        section="5.2.9",
        level=MUST,
        what="the addresses are of the family of the packet that carries them",
        shown=(at.PACKET + "test_what_is_written_over_ipv6_is_read_again",),
        against=(at.ASSEMBLY + "test_an_address_of_the_other_family_is_skipped", at.REFUSED),
    ),
    Requirement(
        section="6.1 (erratum 8301)",
        level=MUST,
        what="the advert interval is 1 to 4095 hundredths of a second, and 100 unless said",
        shown=(at.ASSEMBLY + "test_version_3_sends_hundredths_of_a_second", at.ASSEMBLY + "test_defaults"),
        against=("daemon/roles/test_vrrp_plan.py::test_what_cannot_run_says_why",),
    ),
    Requirement(
        section="6.1",
        level=MUST,
        what="an owner preempts, whatever the preemption mode",
        shown=(at.ASSEMBLY + "test_an_owner_preempts_whatever_is_written",),
        against=(at.MACHINE + "test_with_nopreempt_a_lower_priority_is_left_alone_and_succeeded_when_silent",),
    ),
    Requirement(
        section="6.1",
        level=MUST,
        what="an active does not accept packets to the addresses of another owner unless told to",
        shown=(at.HANDS + "test_what_is_not_accepted_is_dropped_while_active_alone",),
        against=("config/assemble/test_strict.py::test_defaults_follow_the_rfcs_without_a_word",),
        standing=Standing.OTHERWISE,
        why="the default is to accept, as in keepalived: directors serve at these addresses. `no_accept`, and "
        "`vrrp_strict` by itself, have it the RFC's way",
    ),
    Requirement(
        section="6.1, 6.4.3",
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
            at.V3 + "test_version_3_counts_the_skew_time_in_parts_of_the_interval",
            "simulation/test_simulator.py::test_the_rules_know_the_rfcs_times",
        ),
        against=(*defects("skew_of_version_2", "skew_reversed"),),
    ),
    Requirement(
        section="6.4.1",
        level=MUST,
        what="an owner is active at once: it sends an advert, announces each address and starts its advert timer",
        shown=(at.MACHINE + "test_an_owner_is_active_at_once",),
        against=(at.MACHINE + "test_it_starts_as_backup_with_the_addresses_off",),
    ),
    Requirement(
        section="6.4.1",
        level=MUST,
        what="any other starts as backup and waits for the down interval at its own advert interval",
        shown=(at.MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",),
        against=(*defects("two_adverts", "four_adverts"),),
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup answers ARP or neighbour solicitations for the virtual addresses",
        shown=(at.HELD, at.SCHEDULES),
        against=(*defects("addresses_stay"), at.KEEPALIVED + "test_keepalived_leads_and_we_follow"),
        why=at.KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup sends Router Advertisements for the virtual router",
        standing=Standing.APART,
        why=at.NO_RA,
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="a backup discards frames to the virtual MAC",
        shown=(
            at.WORK + "test_a_backup_does_not_route_frames_to_the_virtual_mac_and_an_active_does",
            at.WORK + "test_nor_does_a_backup_over_ipv6_where_the_packet_filter_drops_what_it_would_route",
            at.BPF + "test_a_virtual_mac_that_is_given_up_is_another_directors",
        ),
        against=(
            "daemon/roles/test_vrrp_forwarding.py::"
            "test_it_forwards_while_an_instance_on_it_is_active_and_the_interface_beneath_does",
        ),
        standing=Standing.OTHERWISE,
        why="with `use_vmac` its interface is up, because adverts are heard on it; it accepts nothing, the XDP "
        "director leaves it alone, and what came in by it is not forwarded: over IPv4 by a setting, over IPv6 by the "
        "packet filter. Without nf_tables a backup that routes IPv6 routes what a switch floods, as keepalived's does",
    ),
    Requirement(
        section="6.4.2",
        level=MUST_NOT,
        what="a backup accepts packets to the virtual addresses",
        shown=(at.HELD, at.SCHEDULES),
        against=(*defects("addresses_stay"),),
        why=at.KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="a backup that stops cancels its timer and is in Initialize",
        shown=(at.MACHINE + "test_a_backup_that_stops_sends_nothing",),
        against=(*defects("farewell_of_a_backup"),),
    ),
    Requirement(
        section="6.4.2 (erratum 7949)",
        level=MUST,
        what="when the down timer fires: an advert, a gratuitous ARP or an unsolicited neighbour advertisement (router "
        "and override set, solicited not) for each address, the advert timer; then active",
        shown=(
            at.MACHINE + "test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order",
            at.INSTANCE + "test_becoming_active_sends_puts_and_announces",
            at.ANNOUNCE + "test_the_neighbour_advertisement_is_frrs_byte_for_byte",
            at.ANNOUNCE + "test_the_frame_is_keepaliveds_byte_for_byte",
        ),
        against=(
            *defects("lost_announcement", "no_addresses"),
            at.LATE + "test_lateness_never_promotes_and_the_test_can_fail",
        ),
        why="a down timer that is called late is not believed at first: adverts may wait or be lost. The gratuitous "
        "ARP is keepalived's, whose target hardware address is the broadcast one, not the sender's; hosts learn from "
        "the sender's",
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="priority 0 leaves a backup the skew time",
        shown=(
            at.MACHINE + "test_priority_0_leaves_only_the_skew_time",
            at.V3 + "test_version_3_succeeds_one_that_stops_after_the_skew_time_of_its_interval",
        ),
        against=(*defects("farewell_ignored", "no_skew_after_farewell"),),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="an advert of at least the own priority, or of any without preemption: learn its interval, compute skew "
        "time and down interval anew, restart the down timer",
        shown=(
            at.MACHINE + "test_a_backup_stays_behind_an_equal_or_higher_priority",
            at.V3 + "test_version_3_backs_the_active_at_the_actives_pace_from_every_advert_anew",
            at.MACHINE + "test_with_nopreempt_a_lower_priority_is_left_alone_and_succeeded_when_silent",
        ),
        against=(*defects("down_timer_not_reset", "equal_priority_ignored", "nopreempt_ignored"),),
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="an advert of a lower priority is discarded by a backup that preempts",
        shown=(at.MACHINE + "test_a_lower_priority_is_preempted_when_the_down_interval_is_over",),
        against=(
            *defects("any_advert_puts_off"),
            at.MACHINE + "test_a_peer_that_is_heard_is_not_preempted_before_readiness",
        ),
        why="its timer goes on; it is remembered that somebody is there, for one that is not ready yet, just crashed, "
        "or has a `preempt_delay`",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers ARP for the virtual addresses and is in the solicited-node group of each",
        shown=(
            at.KEEPALIVED + "test_we_lead_and_keepalived_follows",
            at.ROLE + "test_it_starts_becomes_active_answers_and_stops_in_order",
        ),
        against=(*defects("no_addresses"),),
        why=at.KERNEL_ANSWERS,
    ),
    Requirement(
        section="6.4.2",
        level=MUST,
        what="it joins the solicited-node group of each IPv6 address",
        shown=("linux/test_nftables.py::test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered",),
        against=(*defects("no_addresses"),),
        why="the kernel does, with the address that is put on, and leaves with it",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers neighbour solicitations with the router flag set",
        shown=(at.ANNOUNCE + "test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it",),
        standing=Standing.OTHERWISE,
        why="the kernel answers, and sets the flag where forwarding is on, as on every router; bascule does not turn "
        "it on. Its own announcements have the flag",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active sends Router Advertisements for the virtual router",
        standing=Standing.OPEN,
        why=at.NO_RA,
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active forwards frames to the virtual MAC",
        shown=(
            at.BPF + "test_a_virtual_mac_is_ours_too",
            "interop/test_virtual_mac.py::test_frr_and_we_share_a_virtual_mac",
        ),
        against=(at.BPF + "test_the_mac_of_another_interface_is_not",),
        why="with `use_vmac`; without it the interface's own MAC is announced and nobody sends to the virtual one",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active accepts packets to the addresses as their owner, or when told to accept",
        shown=(at.ROLE + "test_it_starts_becomes_active_answers_and_stops_in_order",),
        against=(at.FOOTING + "test_an_owner_does_not_lose_the_hosts_own_address",),
    ),
    Requirement(
        section="6.4.3",
        level=MUST_NOT,
        what="an active accepts packets to the addresses when neither holds",
        shown=(
            "linux/test_nftables.py::test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered",
            at.HANDS + "test_what_is_not_accepted_is_dropped_while_active_alone",
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
        against=(*defects("advert_timer_not_restarted", "adverts_too_seldom"),),
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers priority 0 with an advert and starts its timer anew",
        shown=(at.MACHINE + "test_an_active_answers_priority_0_at_once",),
        against=(*defects("farewell_unannounced"),),
        why="it announces the addresses, too: the other one had done so",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active stands back for a higher priority, and for an equal one with the higher address; it learns the "
        "interval and waits for the down interval",
        shown=(
            at.MACHINE + "test_of_two_actives_the_higher_priority_then_the_higher_address_stays",
            at.V3 + "test_an_active_that_gives_way_in_version_3_goes_by_the_others_interval",
            at.KEEPALIVED + "test_equal_priorities_are_decided_by_the_address",
        ),
        against=(
            *defects("higher_priority_ignored", "address_order_reversed", "stands_back_for_ever"),
            at.WIRE + "test_a_partition_makes_two_and_its_end_leaves_the_right_one_within_an_interval",
        ),
        why="it sends one advert more, so that the other one announces after it",
    ),
    Requirement(
        section="6.4.3",
        level=MUST,
        what="an active answers any other advert with one of its own at once",
        shown=(at.V3 + "test_a_lower_priority_is_answered_at_once_in_version_3",),
        against=(
            *defects("second_active_unanswered"),
            at.MACHINE + "test_a_flood_of_lower_adverts_is_not_answered_one_by_one",
        ),
        why="at most twice in an advert interval",
    ),
)
