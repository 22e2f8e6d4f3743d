# SPDX-License-Identifier: Apache-2.0
"""`vrrp_strict` and `strict_mode`: what departs from the RFCs is not in effect, as keepalived 2.2.7 has it.

The RFC is 3768 as keepalived reads it: an advert of lower priority is not answered. Unicast peers pass, as there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.configuration import AuthType, HmacMode, VrrpInstance, VrrpState

PRIORITY_OWNER = 255
_DOWN_ADVERTS = 3

_SWITCHES: tuple[tuple[str, str, object], ...] = (
    ("garp_lower_prio_repeat", "garp_lower_prio_repeat", 0),
    ("lower_prio_no_advert", "lower_prio_no_advert", True),
    ("higher_prio_send_advert", "higher_prio_send_advert", False),
    ("down_timer_adverts", "down_timer_adverts", _DOWN_ADVERTS),
)
"""Keyword (in `global_defs` with `vrrp_` before it), field, and the only value that is allowed."""


def is_strict(section: Section, defaults: Section) -> bool:
    """Whether an instance is held to the RFCs."""
    wanted = section.get("strict_mode", "vrrp_strict" in defaults.values)
    return bool(wanted)


def strictly(instance: VrrpInstance, section: Section, defaults: Section, findings: Findings) -> VrrpInstance:
    """The instance without what the RFCs do not know; what was written and is not in effect is said."""
    changes: dict[str, Any] = {"accept": "accept" in section.values and instance.version != 2}
    said = _Said(section, defaults, findings)
    for keyword, field, value in _SWITCHES:
        changes[field] = value
        if getattr(instance, field) != value:
            said.where_written(keyword, f"strict mode does not allow this {keyword}: it is not in effect")
    if instance.auth_type is not AuthType.NONE:
        changes |= {"auth_type": AuthType.NONE, "auth_pass": b""}
        said.of_block("authentication", "strict mode has no authentication: it is not in effect")
    if instance.auth_hmac is not None and instance.auth_hmac.mode is not HmacMode.ENFORCE:
        changes["auth_hmac"] = msgspec.structs.replace(instance.auth_hmac, mode=HmacMode.ENFORCE)
        said.of_block("auth_hmac", "strict mode demands 'mode enforce': it is in effect")
    if instance.preempt_delay > 0:
        changes["preempt_delay"] = Seconds(0.0)
        said.where_written("preempt_delay", "strict mode has no preempt_delay: it is not in effect")
    if "accept" in section.values and not changes["accept"] and instance.priority != PRIORITY_OWNER:
        said.where_written("accept", "strict mode has no accept in version 2: 'no_accept' is in effect")
    if (instance.initial_state is VrrpState.MASTER) is not (instance.priority == PRIORITY_OWNER):
        said.where_written("state", "strict mode begins as MASTER with priority 255 and with no other")
    first = instance.virtual_addresses[0].address if instance.virtual_addresses else None
    if first is not None and first.version == 6 and not first.is_link_local:
        said.where_written("virtual_ipaddress", "strict mode wants a link-local address first")
    return msgspec.structs.replace(instance, **changes)


class _Said:
    """Findings at what is written in the block, or in `global_defs` if it is there."""

    def __init__(self, section: Section, defaults: Section, findings: Findings) -> None:
        self._section = section
        self._defaults = defaults
        self._findings = findings

    def where_written(self, keyword: str, message: str) -> None:
        """What is only a default is not said."""
        where = self._section.where.get(keyword) or self._defaults.where.get(f"vrrp_{keyword}")
        if where is not None:
            self._add(where, message)

    def of_block(self, keyword: str, message: str) -> None:
        statement = self._section.each(keyword)[-1].statement
        assert statement is not None
        self._add(statement, message)

    def _add(self, where: Statement, message: str) -> None:
        self._findings.add("meaning/strict", where, 0, message)
