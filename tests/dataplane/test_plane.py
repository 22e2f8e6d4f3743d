# SPDX-License-Identifier: Apache-2.0
"""Every plane is a whole plane: the same calls with the same parameters."""

from __future__ import annotations

import inspect

import pytest

from bascule.dataplane.memory import MemoryPlane
from bascule.dataplane.plane import Plane, PlaneReader
from bascule.dataplane.xdp.plane import XdpPlane
from bascule.dataplane.xdp.reader import XdpReader


def _calls(interface: type) -> dict[str, list[str]]:
    return {
        name: list(inspect.signature(member).parameters)
        for base in interface.__mro__
        for name, member in vars(base).items()
        if base in (Plane, PlaneReader) and inspect.isfunction(member) and not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("kind", "interface"),
    [(MemoryPlane, Plane), (XdpPlane, Plane), (MemoryPlane, PlaneReader), (XdpReader, PlaneReader)],
)
def test_it_has_every_call_of_the_interface(kind: type, interface: type) -> None:
    wanted = _calls(interface)
    assert {"services", "connections", "close"} <= wanted.keys()
    assert {name: list(inspect.signature(getattr(kind, name)).parameters) for name in wanted} == wanted
    assert isinstance(kind.__dict__["kind"], str)
