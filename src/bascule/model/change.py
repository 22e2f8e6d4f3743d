# SPDX-License-Identifier: Apache-2.0
"""What differs between two configurations. `bascule config diff --format json` prints these as they are."""

from __future__ import annotations

import enum

from bascule.model.base import Model


class ChangeKind(enum.Enum):
    """What became of a thing or a setting."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Change(Model, frozen=True, kw_only=True):
    """One difference."""

    kind: ChangeKind
    where: str
    """The block that it is in, from the outside in: `virtual_server [10.0.0.1]:tcp:80, real_server 10.0.1.1 80`."""
    what: str
    """The setting, under its keyword; or the block that is added or removed."""
    before: str | None = None
    """The value in the first configuration, in words; None for what is added, and for secrets."""
    after: str | None = None
    """The value in the second one; None for what is removed, and for secrets."""
    text: str
    """All of it as one line for people."""
