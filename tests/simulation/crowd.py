# SPDX-License-Identifier: Apache-2.0
"""Many schedules on all cores: seeds go out in blocks, tallies and the first failures come back."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.synchronize import Event

from tests.simulation import group_runs, group_tally
from tests.simulation.runs import Finding, run_all
from tests.simulation.tally import Tally

BLOCK = 200
"""Schedules that a process runs before it reports."""
PATIENCE = 0.2
"""Seconds until it is noticed that it is to stop."""
GROUPED = 40
"""One of sync groups for so many others."""


@dataclasses.dataclass(slots=True, frozen=True)
class Block:
    """The work of one process for a second or so."""

    version: int
    first: int
    count: int


@dataclasses.dataclass(slots=True)
class Outcome:
    """What became of a block."""

    block: Block
    tally: Tally
    finding: Finding | None
    groups: group_tally.Tally
    broken: group_runs.Broken | None


def version_of(block: int) -> int:
    """Both versions in turn."""
    return 2 + block % 2


def blocks(schedules: int, start: int = 0) -> Iterator[Block]:
    """`schedules` seeds from `start` on; each seed is run with one version."""
    for number, first in enumerate(range(start, start + schedules, BLOCK)):
        yield Block(version_of(number), first, min(BLOCK, start + schedules - first))


def work(block: Block) -> Outcome:
    """Run one block, up to its first failure, and its share of sync groups."""
    tally, grouped = Tally(), group_tally.Tally()
    first, last = block.first, block.first + block.count
    finding = run_all(_until_stopped(range(first, last)), block.version, tally)
    broken = group_runs.run_all(_until_stopped(range(first // GROUPED, last // GROUPED)), grouped)
    return Outcome(block, tally, finding, grouped, broken)


_stop: Event | None = None
"""In a process that runs blocks: set when it is to end with what it has."""


def _until_stopped(seeds: Iterable[int]) -> Iterator[int]:
    return itertools.takewhile(lambda _: _stop is None or not _stop.is_set(), seeds)


def outcomes(
    wanted: Iterator[Block], processes: int | None = None, stopping: Callable[[], bool] = bool
) -> Iterator[Outcome]:
    """The outcomes of blocks as they are ready; never more than a few are under way, so that one can stop early.

    When it is `stopping`, also what those under way have come to.
    """
    count = processes or os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with concurrent.futures.ProcessPoolExecutor(count, context, _begin, (stop,)) as pool:
        under_way = {pool.submit(work, block) for block in itertools.islice(wanted, 2 * count)}
        try:
            while under_way and not stopping():
                done, under_way = concurrent.futures.wait(under_way, PATIENCE, concurrent.futures.FIRST_COMPLETED)
                under_way |= {pool.submit(work, block) for block in itertools.islice(wanted, len(done))}
                yield from (future.result() for future in done)
            stop.set()
            yield from (future.result() for future in under_way if not future.cancel())
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _begin(stop: Event) -> None:
    """Ctrl-C reaches every process of a terminal: who has sent out the blocks ends them."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
