# SPDX-License-Identifier: Apache-2.0
"""What a role is given."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from bascule.daemon.bus import Bus
from bascule.daemon.context import RoleContext
from bascule.model.configuration import Configuration


def test_a_context_is_frozen_and_a_first_start_unless_said_otherwise() -> None:
    ours, theirs = Bus.pair()
    with theirs:
        context = RoleContext(bus=ours, configuration=Configuration(), generation=1, run_dir=pathlib.Path("x"))
        assert not context.restarted
        with pytest.raises(dataclasses.FrozenInstanceError):
            context.generation = 2  # type: ignore[misc]
    ours.close()
