# SPDX-License-Identifier: Apache-2.0
"""What an instance asks for is what the hands can do."""

from __future__ import annotations

import inspect

from bascule.daemon.roles.vrrp_hands import Hands
from bascule.daemon.roles.vrrp_rim import Outcome, Rim


def test_the_hands_have_every_part_of_the_rim_with_its_arguments() -> None:
    wanted = {name: inspect.signature(part) for name, part in vars(Rim).items() if not name.startswith("_")}
    assert set(wanted) == {"send", "send_whole", "announce", "put", "take", "leave"}
    assert {name: inspect.signature(getattr(Hands, name)) for name in wanted} == wanted


def test_an_event_that_led_to_nothing_asks_for_nothing() -> None:
    found = Outcome([])
    assert (found.drain, found.asks, found.second) == (False, False, False)
    assert (found.lower, found.heard, found.refused, found.vanished, found.unwitnessed) == (None,) * 5
