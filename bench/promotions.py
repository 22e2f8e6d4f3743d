# SPDX-License-Identifier: Apache-2.0
"""What the adverts of two directors tell of them: silences, when each was active, and promotions without a cause.

Pure. The first director is the one that leads by priority. Times are seconds of one clock, each list in order.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence


@dataclasses.dataclass(slots=True, frozen=True)
class Span:
    """From one moment to another."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.begin


@dataclasses.dataclass(slots=True, frozen=True)
class Promotion:
    """The second director began to send adverts."""

    at: float
    silence: float
    """How long the first had been silent when that was longest, at this moment or just before."""
    in_time: bool
    """The first's adverts had left in time: it should not have happened."""


def gaps(times: Sequence[float]) -> list[Span]:
    """The time between each advert and the next."""
    return [Span(before, after) for before, after in itertools.pairwise(times)]


def silences(times: Sequence[float], down: float) -> list[Span]:
    """Gaps in which a backup may take over: those of a down interval and more."""
    return [gap for gap in gaps(times) if gap.seconds >= down]


def stretches(times: Sequence[float], others: Sequence[float], down: float) -> list[Span]:
    """When a director was active, from its first to its last advert.

    One that says nothing for a down interval while the other one is heard is backup meanwhile.
    """
    found: list[Span] = []
    for at in times:
        if found and not (at - found[-1].end >= down and _any_within(others, found[-1].end, at)):
            found[-1] = Span(found[-1].begin, at)
        else:
            found.append(Span(at, at))
    return found


def promotions(
    first: Sequence[float], second: Sequence[float], down: float, allowance: Callable[[float], float]
) -> list[Promotion]:
    """Each time that the second became active.

    It had a cause if the first was silent for a down interval, until then or until `allowance` (seconds) before: an
    advert may come when the decision has been made already, and what is decided takes its time to be sent.
    """
    found = []
    for stretch in stretches(second, first, down):
        at = stretch.begin
        place = bisect.bisect_right(first, at)
        # Of what came before, the allowance decides; some tens of adverts reach further back than any.
        heard = [*first[max(0, place - 64) : place], at]
        longest = max((gap.seconds for gap in gaps(heard) if gap.end >= at - allowance(at)), default=down)
        found.append(Promotion(at, longest, in_time=longest < down))
    return found


def together(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """When both were active at once."""
    both = (Span(max(a.begin, b.begin), min(a.end, b.end)) for a, b in itertools.product(first, second))
    return [span for span in both if span.begin <= span.end]


def _any_within(times: Sequence[float], begin: float, end: float) -> bool:
    return bisect.bisect_right(times, begin) < bisect.bisect_left(times, end)
