# SPDX-License-Identifier: Apache-2.0
"""How often and how an instance announces its addresses, and what it says to peers that are active too, into the model.

Names and defaults are keepalived's: a block's own value, else that of `global_defs`, else the default. Two of its
defaults are not what one would think: after an advert of lower priority it goes by `global_defs` alone, not by the
instance's `garp_master_*`. One default is not keepalived's: `higher_prio_send_advert` is on, because the last
announcement on a segment must be the active's.
"""

from __future__ import annotations

from typing import Any

from bascule.config.reader import Section
from bascule.model.base import Seconds
from bascule.model.configuration import AnnouncementGap

_DELAY, _REPEAT = 5, 5
"""Seconds to the second round, and announcements in each."""


def announcing(section: Section, defaults: Section) -> dict[str, Any]:
    """The fields of `VrrpInstance` that say so."""
    least = defaults.get("vrrp_min_garp", False)
    delay = defaults.get("vrrp_garp_master_delay", 0 if least else _DELAY)
    repeat = defaults.get("vrrp_garp_master_repeat", 1 if least else _REPEAT)
    return {
        "garp_master_delay": _seconds(section.get("garp_master_delay", delay)),
        "garp_master_repeat": section.get("garp_master_repeat", repeat) or 1,
        "garp_master_refresh": _seconds(_first(section, defaults, "garp_master_refresh", 0)),
        "garp_master_refresh_repeat": _first(section, defaults, "garp_master_refresh_repeat", 1) or 1,
        "garp_lower_prio_delay": _seconds(_first(section, defaults, "garp_lower_prio_delay", delay)),
        "garp_lower_prio_repeat": _first(section, defaults, "garp_lower_prio_repeat", repeat),
        "lower_prio_no_advert": _first(section, defaults, "lower_prio_no_advert", False),
        "higher_prio_send_advert": _first(section, defaults, "higher_prio_send_advert", True),
        **_by_others(_first(section, defaults, "garp_extra_if", ())),
    }


def _by_others(words: tuple[str, ...]) -> dict[str, Any]:
    """`garp_extra_if [all] SECONDS`; of several numbers the last."""
    numbers = [int(word) for word in words if word != "all"]
    return {"garp_extra_interval": _seconds(numbers[-1] if numbers else 0), "garp_extra_all": "all" in words}


def gaps(top: Section, defaults: Section) -> tuple[AnnouncementGap, ...]:
    """The blocks `garp_group`; the last entry, without interfaces, is for each interface that none names."""
    arp, na = defaults.get("vrrp_garp_interval", 0), defaults.get("vrrp_gna_interval", 0)
    found = [group for group in map(_group, top.each("garp_group")) if group.interfaces]
    if arp or na:
        found.append(AnnouncementGap(arp=_seconds(arp), na=_seconds(na)))
    return tuple(found)


def _group(block: Section) -> AnnouncementGap:
    """Without a gap of its own a kind of announcement is not held back: keepalived has it so."""
    alone = block.get("interface")
    names = ([alone] if alone is not None else []) + (block.get("interfaces") or [])
    return AnnouncementGap(
        interfaces=tuple(dict.fromkeys(names)),
        arp=_seconds(block.get("garp_interval", 0)),
        na=_seconds(block.get("gna_interval", 0)),
    )


def _first(section: Section, defaults: Section, name: str, default: Any) -> Any:
    return section.get(name, defaults.get(f"vrrp_{name}", default))


def _seconds(value: float) -> Seconds:
    return Seconds(float(value))
