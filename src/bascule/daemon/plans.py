# SPDX-License-Identifier: Apache-2.0
"""A configuration as the daemon runs it: its number, its roles, and the memfd that roles read it from."""

from __future__ import annotations

import dataclasses
import os

from bascule.daemon import memfd
from bascule.daemon.needs import roles_needed
from bascule.model.base import unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import Role


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Plan:
    """What is to run."""

    configuration: Configuration
    packed: bytes
    config_fd: int
    generation: int
    needed: tuple[Role, ...]

    @classmethod
    def of(cls, packed: bytes, generation: int) -> Plan:
        """From a packed Configuration."""
        configuration = unpack(packed, Configuration)
        return cls(
            configuration=configuration,
            packed=packed,
            config_fd=memfd.make(f"bascule-configuration-{generation}", packed),
            generation=generation,
            needed=roles_needed(configuration),
        )

    def close(self) -> None:
        """Let go of the memfd; roles keep theirs."""
        os.close(self.config_fd)
