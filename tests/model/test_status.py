# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.status`: what `status --json` prints can be read back, and a silent role is missing, not old."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from bascule.model.base import from_json, pack, to_json, unpack
from bascule.model.messages import Role
from bascule.model.status import ChecksStatus, DirectorStatus, NotifyStatus, PlaneStatus, RoleStatus, VrrpStatus
from tests.model.strategies import values


@settings(max_examples=40)
@given(values(DirectorStatus))
def test_a_status_survives_both_wires(status: DirectorStatus) -> None:
    assert from_json(to_json(status), DirectorStatus) == status
    assert unpack(pack(status), DirectorStatus) == status


@pytest.mark.parametrize("kind", [VrrpStatus, ChecksStatus, NotifyStatus])
def test_a_role_that_has_nothing_yet_says_so(kind: type[msgspec.Struct]) -> None:
    assert from_json(to_json(kind()), kind) == kind()


def test_a_plane_that_is_not_ready_gives_its_reason() -> None:
    status = PlaneStatus(kind="xdp", ready=False, ready_reason="2 checks without a verdict")
    assert b'"ready_reason":"2 checks without a verdict"' in to_json(status)


def test_parts_of_silent_roles_are_null_in_json() -> None:
    role = RoleStatus(role=Role.PLANE, pid=7, running=True, since=1.0, responsive=False)
    status = DirectorStatus(version="1", files=("a.conf",), generation=1, started=1.0, roles=(role,))
    found = msgspec.json.decode(to_json(status))
    assert found["plane"] is None
    assert found["roles"][0]["responsive"] is False
