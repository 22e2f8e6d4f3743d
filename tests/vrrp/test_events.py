# SPDX-License-Identifier: Apache-2.0
"""Events and commands are values."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing

import pytest

from bascule.model.base import Priority, Seconds
from bascule.vrrp import events


@pytest.mark.parametrize("kind", [*typing.get_args(events.Event), *typing.get_args(events.Command), events.Snapshot])
def test_every_event_and_command_is_frozen(kind: type) -> None:
    parameters = kind.__dataclass_params__  # type: ignore[attr-defined]
    assert parameters.frozen
    assert hasattr(kind, "__slots__")


def test_settings_compare_by_content_and_have_keepaliveds_defaults() -> None:
    address = ipaddress.IPv4Address("192.168.2.210")
    one = events.Settings(priority=Priority(100), interval=Seconds(1.0), address=address)
    assert one == dataclasses.replace(one)
    assert (one.announcements, one.announce_delay, one.preempt) == (5, 5.0, True)
