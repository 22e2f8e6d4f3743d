# SPDX-License-Identifier: Apache-2.0
"""Whether enough processes run (`vrrp_track_process` of keepalived.conf(5)): which ones count, and for how long.

Pure: who looks at the processes is in daemon/roles/vrrp_processes.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bascule.model.tracking import ParameterMatch, TrackProcess

NAME_MAX = 15
"""Characters that the kernel keeps of a process's name."""


def needs_command_line(wanted: TrackProcess) -> bool:
    """Whether the name alone does not tell."""
    return wanted.full_command or wanted.match is not None


def matches(wanted: TrackProcess, name: str, command_line: Sequence[str]) -> bool:
    """Whether a process counts: by its name, or by its command line with the parameters that are wanted."""
    if not needs_command_line(wanted):
        return name == wanted.command[:NAME_MAX]
    if not command_line or command_line[0] != wanted.command:
        return False
    return wanted.match is None or _parameters_match(wanted.match, wanted.parameters, tuple(command_line[1:]))


def _parameters_match(match: ParameterMatch, wanted: tuple[str, ...], found: tuple[str, ...]) -> bool:
    """PARTIAL: more may follow. INITIAL: that, and the last of those that are wanted may be longer."""
    if match is ParameterMatch.PARTIAL:
        return found[: len(wanted)] == wanted
    if match is ParameterMatch.INITIAL and wanted:
        before, last = wanted[:-1], len(wanted) - 1
        return len(found) > last and found[:last] == before and found[last].startswith(wanted[last])
    return found == wanted


class Quorum:
    """Whether the count has been right for long enough. The first count decides at once."""

    def __init__(self, wanted: TrackProcess) -> None:
        """Nothing was counted yet."""
        self._wanted = wanted
        self._count = 0
        self.up: bool | None = None
        self._turns_at = math.inf

    @property
    def why(self) -> str:
        """The count, in words that stand after the tracker's name."""
        wanted = self._wanted
        most = "" if wanted.quorum_max is None else f", at most {wanted.quorum_max}"
        least = wanted.quorum if wanted.quorum_max != 0 else 0
        return f"runs {self._count} times (wanted: {least}{most})"

    def deadline(self) -> float:
        """When to call `settle`; infinite when nothing is waited for."""
        return self._turns_at

    def count(self, number: int, now: float) -> None:
        """So many run now."""
        self._count = number
        right = self._is_right()
        if self.up is None:
            self.up = right
        if right is self.up:
            self._turns_at = math.inf
        elif self._turns_at == math.inf:
            self._turns_at = now + (self._wanted.fork_delay if right else self._wanted.terminate_delay)
        self.settle(now)

    def settle(self, now: float) -> None:
        """The time has passed."""
        if now >= self._turns_at:
            self.up, self._turns_at = self._is_right(), math.inf

    def _is_right(self) -> bool:
        wanted = self._wanted
        if wanted.quorum_max is not None and self._count > wanted.quorum_max:
            return False
        return self._count >= wanted.quorum or wanted.quorum_max == 0
