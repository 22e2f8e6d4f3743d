# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for the machine and for adverts."""

from __future__ import annotations

import dataclasses

from bascule.daemon.roles.vrrp_settings import auth_data_of, checksum_form_of, expected_of, in_order, settings_of
from bascule.model.base import Seconds
from bascule.model.configuration import (
    BasculeOptions,
    ChecksumForm,
    OldChecksum,
)
from bascule.vrrp import packet
from tests.daemon.roles.instance_bench import CONFIG, HERE, LINK_LOCAL, PEER, V3, V6, VIP, VIP6, config_with, unicast


def test_settings_follow_the_configuration() -> None:
    config = config_with(
        nopreempt=True,
        advert_interval=Seconds(5.0),
        garp_master_repeat=2,
        preempt_delay=Seconds(7.0),
        down_timer_adverts=4,
    )
    settings = settings_of(config, BasculeOptions(), HERE)
    assert (settings.preempt, settings.announcements) == (False, 2)
    assert (settings.preempt_delay, settings.down_adverts) == (7.0, 4)
    assert (settings.interval, settings.ready_timeout) == (Seconds(5.0), Seconds(15.0))
    bounded = settings_of(config, BasculeOptions(ready_timeout=Seconds(0.0)), HERE)
    assert bounded == dataclasses.replace(settings, ready_timeout=Seconds(0.0))


def test_an_answer_of_a_witness_counts_for_a_second_or_an_advert_interval_unless_told() -> None:
    options = BasculeOptions(witnesses=(PEER,))
    assert settings_of(CONFIG, BasculeOptions(), HERE).witness is None
    assert settings_of(config_with(version=3, advert_interval=Seconds(0.1)), options, HERE).witness == 1.0
    assert settings_of(config_with(advert_interval=Seconds(5.0)), options, HERE).witness == 5.0
    told = BasculeOptions(witnesses=(PEER,), witness_timeout=Seconds(0.5))
    assert settings_of(CONFIG, told, HERE).witness == 0.5


def test_an_advert_has_to_be_as_this_ones_own() -> None:
    expected = expected_of(CONFIG)
    assert (expected.vrid, expected.addresses, expected.auth_data) == (CONFIG.vrid, frozenset({VIP}), b"1111\0\0\0\0")
    assert (expected.trailer, expected.peers_only, expected.group) == (False, False, packet.GROUP_IPV4)
    assert expected_of(V6).auth_data == bytes(8), "over IPv6 there is no password"
    assert auth_data_of(CONFIG) == expected.auth_data


def test_what_the_checksum_covers_before_anybody_was_heard() -> None:
    assert checksum_form_of(CONFIG) is ChecksumForm.MESSAGE
    assert checksum_form_of(V3) is ChecksumForm.PSEUDO_HEADER
    assert checksum_form_of(config_with(version=3, checksum_form=ChecksumForm.MESSAGE)) is ChecksumForm.MESSAGE
    old = unicast(PEER, version=3, old_unicast_checksum=OldChecksum.SENT)
    assert checksum_form_of(old) is ChecksumForm.OLD_UNICAST
    assert checksum_form_of(config_with(version=3, old_unicast_checksum=OldChecksum.SENT)) is ChecksumForm.PSEUDO_HEADER


def test_link_local_addresses_stand_first_and_the_others_in_their_order() -> None:
    assert [entry.address for entry in in_order(V6.virtual_addresses)] == [LINK_LOCAL, VIP6]
    assert in_order(CONFIG.virtual_addresses) == CONFIG.virtual_addresses
