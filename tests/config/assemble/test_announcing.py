# SPDX-License-Identifier: Apache-2.0
"""Announcements as configured: keepalived 2.2.7's defaults and inheritance, as seen on the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.announcing import announcing, gaps
from bascule.config.assemble.globals import merged
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import AnnouncementGap, VrrpInstance

Read = Callable[[str], tuple[Section, Findings]]

DEFAULTS = {
    "garp_master_delay": 5,
    "garp_master_repeat": 5,
    "garp_master_refresh": 0,
    "garp_master_refresh_repeat": 1,
    "garp_lower_prio_delay": 5,
    "garp_lower_prio_repeat": 5,
    "lower_prio_no_advert": False,
    "higher_prio_send_advert": True,
    "garp_extra_interval": 0,
    "garp_extra_all": False,
}


def read(read_text: Read, above: str, body: str) -> dict[str, object]:
    top, _ = read_text(f"global_defs {{\n{above}\n}}\nvrrp_instance A {{\n{body}\n}}\n")
    return announcing(top.each("vrrp_instance")[0], merged(top, "global_defs"))


@pytest.mark.parametrize(
    ("above", "body", "changes"),
    [
        ("", "", {}),
        ("vrrp_garp_master_delay 2", "", {"garp_master_delay": 2, "garp_lower_prio_delay": 2}),
        ("vrrp_garp_master_repeat 3", "", {"garp_master_repeat": 3, "garp_lower_prio_repeat": 3}),
        ("", "garp_master_delay 1\ngarp_master_repeat 2", {"garp_master_delay": 1, "garp_master_repeat": 2}),
        ("vrrp_garp_lower_prio_repeat 4", "", {"garp_lower_prio_repeat": 4}),
        ("vrrp_garp_lower_prio_repeat 4", "garp_lower_prio_repeat 0", {"garp_lower_prio_repeat": 0}),
        ("vrrp_garp_lower_prio_delay 4", "", {"garp_lower_prio_delay": 4}),
        ("vrrp_garp_master_refresh 60", "garp_master_refresh_repeat 2",
         {"garp_master_refresh": 60, "garp_master_refresh_repeat": 2}),
        ("vrrp_garp_master_refresh 60", "garp_master_refresh 0", {}),
        ("vrrp_lower_prio_no_advert", "", {"lower_prio_no_advert": True}),
        ("vrrp_lower_prio_no_advert", "lower_prio_no_advert off", {}),
        ("vrrp_higher_prio_send_advert off", "", {"higher_prio_send_advert": False}),
        ("vrrp_higher_prio_send_advert off", "higher_prio_send_advert", {}),
        ("vrrp_min_garp", "", {"garp_master_delay": 0, "garp_master_repeat": 1, "garp_lower_prio_delay": 0,
                               "garp_lower_prio_repeat": 1}),
        ("vrrp_min_garp\nvrrp_garp_master_repeat 2", "garp_master_delay 3",
         {"garp_master_delay": 3, "garp_master_repeat": 2, "garp_lower_prio_delay": 0, "garp_lower_prio_repeat": 2}),
        ("vrrp_min_garp off", "", {}),
        ("", "garp_extra_if 60", {"garp_extra_interval": 60}),
        ("vrrp_garp_extra_if all 60", "", {"garp_extra_interval": 60, "garp_extra_all": True}),
        ("vrrp_garp_extra_if all 60", "garp_extra_if 5", {"garp_extra_interval": 5}),
        ("vrrp_garp_extra_if all 60", "garp_extra_if 0", {}),
        ("vrrp_vmac_garp_intvl 60", "vmac_garp_intvl 5 all", {"garp_extra_interval": 5, "garp_extra_all": True}),
    ],
)  # fmt: skip
def test_a_block_its_globals_and_the_defaults(
    read_text: Read, above: str, body: str, changes: dict[str, object]
) -> None:
    assert read(read_text, above, body) == DEFAULTS | changes


def test_the_fields_have_the_defaults_of_the_model() -> None:
    fields = dict(zip(VrrpInstance.__struct_fields__[3:], VrrpInstance.__struct_defaults__, strict=True))
    assert {name: fields[name] for name in DEFAULTS} == DEFAULTS


def test_gaps_are_of_groups_and_of_everything_else(read_text: Read) -> None:
    text = """
global_defs {
    vrrp_garp_interval 0.001
}
garp_group {
    garp_interval 0.5
    gna_interval 0.25
    interface eth0
}
garp_group {
    garp_interval 1
    interfaces {
        eth1 eth2
        eth3
    }
}
garp_group {
    garp_interval 1
}
"""
    top, _ = read_text(text)
    assert gaps(top, merged(top, "global_defs")) == (
        AnnouncementGap(interfaces=("eth0",), arp=0.5, na=0.25),  # type: ignore[arg-type]
        AnnouncementGap(interfaces=("eth1", "eth2", "eth3"), arp=1.0),  # type: ignore[arg-type]
        AnnouncementGap(arp=0.001),  # type: ignore[arg-type]
    )
    top, _ = read_text("vrrp_instance A {\n}\n")
    assert gaps(top, merged(top, "global_defs")) == ()
