# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.scripts`: its structs survive the way to a role, and nothing said means nothing run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import Model, pack, unpack
from bascule.model.scripts import Fifo, Notifies, Script, ScriptSettings, UpDown
from tests.model.strategies import values


@given(st.one_of([values(kind) for kind in (Script, Notifies, UpDown, Fifo, ScriptSettings)]))
def test_what_is_said_of_scripts_survives_the_way_to_a_role(value: Model) -> None:
    assert unpack(pack(value), type(value)) == value


def test_nothing_said_runs_nothing() -> None:
    assert not any(getattr(Notifies(), name) for name in Notifies.__struct_fields__)
    assert (UpDown().up, UpDown().down) == (None, None)
    settings = ScriptSettings()
    assert (settings.fifo, settings.vrrp_fifo, settings.lvs_fifo, settings.user) == (None, None, None, None)
