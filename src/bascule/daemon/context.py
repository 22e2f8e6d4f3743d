# SPDX-License-Identifier: Apache-2.0
"""What a role's process is given at its start."""

from __future__ import annotations

import dataclasses
import pathlib

from bascule.daemon.bus import Bus
from bascule.model.configuration import Configuration


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class RoleContext:
    """A role's start: its end of the bus, its configuration, its folder, and what its predecessor left."""

    bus: Bus
    configuration: Configuration
    generation: int
    run_dir: pathlib.Path
    restarted: bool = False
    """A role of this name ran before, in this daemon or in the one that `bascule restart` replaced."""
