# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for one instance: the machine's settings, and what its adverts are to be like."""

from __future__ import annotations

from bascule.daemon.roles import vrrp_plan
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import BasculeOptions, ChecksumForm, OldChecksum, VirtualAddress, VrrpInstance
from bascule.vrrp import packet
from bascule.vrrp.acceptance import Expected
from bascule.vrrp.events import Settings

READY_ADVERTS = 3
"""Advert intervals that readiness may hold back a preemption, unless `ready_timeout` says otherwise."""

WITNESS_FRESH = 1.0
"""Seconds, or an advert interval if that is longer, that a witness's answer counts, unless `witness_timeout` says."""


def settings_of(config: VrrpInstance, options: BasculeOptions, source: IPAddress) -> Settings:
    """What the machine needs of the configuration."""
    ready = options.ready_timeout
    return Settings(
        priority=config.priority,
        interval=config.advert_interval,
        address=source,
        preempt=not config.nopreempt,
        version=config.version,
        ready_timeout=Seconds(READY_ADVERTS * config.advert_interval) if ready is None else ready,
        announcements=config.garp_master_repeat,
        announce_delay=config.garp_master_delay,
        answer=not config.lower_prio_no_advert,
        answer_announcements=config.garp_lower_prio_repeat,
        answer_delay=config.garp_lower_prio_delay,
        last_word=config.higher_prio_send_advert,
        refresh=config.garp_master_refresh,
        refresh_announcements=config.garp_master_refresh_repeat,
        preempt_delay=config.preempt_delay,
        down_adverts=config.down_timer_adverts,
        grouped=config.sync_group is not None,
        witness=_witness(config, options),
    )


def _witness(config: VrrpInstance, options: BasculeOptions) -> Seconds | None:
    if not options.witnesses:
        return None
    return (
        Seconds(max(config.advert_interval, WITNESS_FRESH))
        if options.witness_timeout is None
        else options.witness_timeout
    )


def expected_of(config: VrrpInstance) -> Expected:
    """What an advert of a peer has to be like."""
    return Expected(
        vrid=config.vrid,
        interval=config.advert_interval,
        addresses=frozenset(entry.address for entry in config.virtual_addresses),
        auth_type=config.auth_type,
        auth_data=auth_data_of(config),
        version=config.version,
        peers=config.unicast_peers,
        peers_only=config.check_unicast_source,
        trailer=config.auth_hmac is not None,
        group=vrrp_plan.group_of(config),
        old_checksum=config.old_unicast_checksum is not OldChecksum.NEVER,
    )


def auth_data_of(config: VrrpInstance) -> bytes:
    """The password as it stands in an advert; over IPv6 there is none."""
    return packet.padded_password(b"" if config.family == 6 else config.auth_pass)


def checksum_form_of(config: VrrpInstance) -> ChecksumForm:
    """What the checksum of an instance's adverts covers before anybody was heard."""
    if config.family == 6:
        return ChecksumForm.PSEUDO_HEADER
    if config.version == 2:
        return ChecksumForm.MESSAGE
    old = config.old_unicast_checksum is OldChecksum.SENT and config.unicast_peers
    return ChecksumForm.OLD_UNICAST if old else config.checksum_form


def in_order(virtual: tuple[VirtualAddress, ...]) -> tuple[VirtualAddress, ...]:
    """Link-local addresses first: RFC 9568 5.2.9 wants one at the head of an IPv6 advert."""
    return tuple(sorted(virtual, key=lambda entry: entry.address.version == 6 and not entry.address.is_link_local))
