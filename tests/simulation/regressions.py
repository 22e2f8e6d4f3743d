# SPDX-License-Identifier: Apache-2.0
"""Schedules that once broke a rule, with the faults that it took. A change of generator.py makes others of them: then
they are schedules like all others, and their defects stay covered by the deliberate ones in mutants/."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True, frozen=True)
class Regression:
    """A seed, and the positions of the faults that are kept."""

    seed: int
    version: int
    faults: tuple[int, ...]
    why: str


GROUP_SEEDS = (705,)
"""Of sync groups: one in which a director dies just before its part of a planned switch has ended."""

REGRESSIONS = (
    Regression(47, 2, (5,), "an active that stood back after a partition left its announcement behind"),
    Regression(65, 2, (4,), "the same"),
    Regression(446, 2, (4, 6), "an active did not announce when a second one, which had announced, stopped"),
    Regression(320, 2, (0, 1, 2), "of two seconds active at once only the first was answered"),
    Regression(1479, 2, (1, 2), "the same"),
    Regression(108384, 3, (3, 5), "the successor in a restart did not announce an address that was new in its file"),
    Regression(205041, 3, (0, 1), "a backup slept a second time while it listened, and believed the timer"),
    Regression(306808, 2, (1, 2, 3), "two short stops, each unnoticed, swallowed three adverts"),
    Regression(309808, 3, (1, 3), "the same"),
    Regression(317674, 2, (1, 6), "a stop that was noticed and a short one over the only advert that it listened for"),
    Regression(7370, 2, (0, 2, 3, 5), "one that had been late for long did not notice that it slept"),
    Regression(509602, 2, (3, 5), "the rules did not know that a reload may make a silence long enough"),
    Regression(526668, 3, (0, 2), "the same, of which of two actives at different paces a backup goes by"),
    Regression(526707, 3, (0, 1, 2, 3, 4), "the same, of who is forgotten when one is heard that leads"),
    Regression(1014249, 3, (0, 4), "an advert read late put off the look at the clock, and one stop swallowed two"),
    Regression(20196943, 2, (1,), "one stop over two uneven adverts, where down_timer_adverts is 2, was not noticed"),
    Regression(24961164, 3, (0, 1, 3, 5, 6), "one that was late preempted before it had listened for long enough"),
    Regression(30257459, 3, (3, 4), "the rules did not know of a rival that reads too late that it is asked"),
    Regression(30467981, 3, (0, 1, 9, 10), "the same"),
    Regression(30570241, 3, (0, 1, 3, 5, 6, 7, 9, 10), "nor that one whose successor refuses announces anew"),
    Regression(2293, 3, (4,), "the last word of a faster active taught a backup the wrong interval"),
)
