# SPDX-License-Identifier: Apache-2.0
"""From a seed to a schedule. The same seed gives the same schedule until this file is changed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

from bascule.model.base import Priority, Seconds
from tests.simulation.disturbances import RIVAL
from tests.simulation.plan import RESTING, Fault, Kind, RouterPlan, Schedule

CALM_AT_END = 21.0
"""Advert intervals: an election, a hold after a crash, readiness, and one election more; at the usual paces."""
LENGTH = 60.0
"""Advert intervals at the usual paces."""
FOR_GOOD = 2 * LENGTH
"""Advert intervals that no schedule sees the end of."""
FAST = Seconds(0.1)
"""The interval of every tenth schedule of version 3; version 2 has whole seconds only."""

_SIZES = (2, 3, 3, 3, 4)
_PRIORITIES = (50, 90, 99, 100, 100, 100, 101, 150, 200, 254)
_OFTEN = (Kind.PAUSE, Kind.SUSPENSION, Kind.CRASH, Kind.LOSS, Kind.PARTITION, Kind.PRIORITY)


class _Draft:
    """A schedule in the making: `now` is when the fault that is being drawn happens."""

    def __init__(self, chance: random.Random, size: int, interval: float, quiet_from: float) -> None:
        self.chance = chance
        self.size = size
        self.interval = interval
        self.quiet_from = quiet_from
        self.now = 0.0

    def lasting(self, least: float, most: float) -> float:
        """Some advert intervals in seconds, over before the quiet begins."""
        return min(self.chance.uniform(least, most) * self.interval, self.quiet_from - self.now)

    def fault(self, kind: Kind, *, seconds: float = 0.0, amount: float = 0.0, others: tuple[int, ...] = ()) -> Fault:
        router = self.chance.randrange(self.size)
        return Fault(at=self.now, kind=kind, router=router, seconds=seconds, amount=amount, others=others)


def _lost(draft: _Draft) -> Fault:
    return draft.fault(Kind.LOSS, seconds=draft.lasting(1, 12), amount=draft.chance.choice((0.1, 0.3, 0.5, 0.8)))


def _delayed(draft: _Draft) -> Fault:
    amount = draft.chance.choice((0.05, 0.3, 0.9)) * draft.interval
    return draft.fault(Kind.DELAY, seconds=draft.lasting(1, 10), amount=amount)


def _duplicated(draft: _Draft) -> Fault:
    return draft.fault(Kind.DUPLICATION, seconds=draft.lasting(1, 15), amount=draft.chance.choice((0.2, 0.8)))


def _reordered(draft: _Draft) -> Fault:
    return draft.fault(
        Kind.REORDERING, seconds=draft.lasting(3, 15), amount=draft.chance.uniform(0.5, 2) * draft.interval
    )


def _one_way(draft: _Draft) -> Fault:
    ends = draft.chance.sample(range(draft.size), 2)
    return draft.fault(Kind.ONE_WAY, seconds=draft.lasting(1, 15), others=tuple(ends))


def _partition(draft: _Draft) -> Fault:
    side = draft.chance.sample(range(draft.size), draft.chance.randint(1, draft.size - 1))
    seconds = FOR_GOOD * draft.interval if draft.chance.random() < 0.15 else draft.lasting(1, 15)
    return draft.fault(Kind.PARTITION, seconds=seconds, others=tuple(sorted(side)))


def _stalled(kind: Kind) -> Callable[[_Draft], Fault]:
    def draw(draft: _Draft) -> Fault:
        longest = draft.chance.choice((1.0, 4.0, 10.0))
        return draft.fault(kind, seconds=draft.lasting(0.1, longest))

    return draw


def _slow(draft: _Draft) -> Fault:
    amount = draft.chance.choice((0.02, 0.4, 0.9)) * draft.interval
    return draft.fault(Kind.SLOW, seconds=draft.lasting(2, 12), amount=amount)


def _killed(draft: _Draft) -> Fault:
    """`seconds`: until it starts again; `amount`: how long it then stays backup."""
    hold = draft.chance.choice((2.0, 5.0, 8.0)) * draft.interval
    return draft.fault(Kind.CRASH, seconds=draft.lasting(0.1, 4), amount=hold)


def _gone(kind: Kind) -> Callable[[_Draft], Fault]:
    """`seconds`: until it starts again, if ever; `amount`: until it is ready then."""

    def draw(draft: _Draft) -> Fault:
        chance = draft.chance
        seconds = FOR_GOOD * draft.interval if chance.random() < 0.2 else draft.lasting(0.2, 12)
        return draft.fault(kind, seconds=seconds, amount=chance.choice((0.0, 1.0, 6.0)) * draft.interval)

    return draw


def _restarted(draft: _Draft) -> Fault:
    longest = draft.chance.choice((0.3, 1.0, 6.0))
    return draft.fault(Kind.RESTART, seconds=draft.lasting(0.05, longest))


def _priority(draft: _Draft) -> Fault:
    return draft.fault(Kind.PRIORITY, amount=draft.chance.choice(_PRIORITIES))


def _preemption(draft: _Draft) -> Fault:
    return draft.fault(Kind.PREEMPTION)


def _addresses(draft: _Draft) -> Fault:
    """`seconds`: within which every router gets the new list; `amount`: how many addresses."""
    seconds = draft.chance.choice((0.0, 0.5, 6.0))
    return draft.fault(Kind.ADDRESSES, seconds=draft.lasting(0, seconds), amount=draft.chance.randint(1, 3))


def _link(draft: _Draft) -> Fault:
    return draft.fault(Kind.LINK, seconds=draft.lasting(0.01, draft.chance.choice((0.2, 8.0))))


def _unready(draft: _Draft) -> Fault:
    return draft.fault(Kind.READINESS, seconds=draft.lasting(0.5, 10))


DRAWS: dict[Kind, Callable[[_Draft], Fault]] = {
    Kind.LOSS: _lost,
    Kind.DELAY: _delayed,
    Kind.DUPLICATION: _duplicated,
    Kind.REORDERING: _reordered,
    Kind.ONE_WAY: _one_way,
    Kind.PARTITION: _partition,
    Kind.PAUSE: _stalled(Kind.PAUSE),
    Kind.SLOW: _slow,
    Kind.SUSPENSION: _stalled(Kind.SUSPENSION),
    Kind.FREEZE: _stalled(Kind.FREEZE),
    Kind.CRASH: _killed,
    Kind.CRASH_WHOLE: _gone(Kind.CRASH_WHOLE),
    Kind.REBOOT: _gone(Kind.REBOOT),
    Kind.STOP: _gone(Kind.STOP),
    Kind.RESTART: _restarted,
    Kind.PRIORITY: _priority,
    Kind.PREEMPTION: _preemption,
    Kind.ADDRESSES: _addresses,
    Kind.LINK: _link,
    Kind.READINESS: _unready,
}
"""How each kind is drawn. Clock drift has no time: it is drawn with the routers."""

_UNEVEN = 0.2
"""The share of version 3's schedules in which routers have different advert intervals."""
_PACES = (0.5, 1.0, 2.0)
_SEQUELS = 0.3
"""The share of faults that do not come alone, where there is a sequel."""

_IN_ROWS = 0.1
"""The share of schedules with a row of short stops."""

_KINDS = (*DRAWS, *_OFTEN)


def _router(chance: random.Random, interval: float, drift: bool, nopreempt: float) -> RouterPlan:
    at_once = chance.random() < 0.5
    return RouterPlan(
        priority=Priority(chance.choice(_PRIORITIES)),
        preempt=chance.random() >= nopreempt,
        starts_at=0.0 if at_once else chance.uniform(0, 8) * interval,
        ready_after=0.0 if at_once else chance.uniform(0, 6) * interval,
        rate=1.0 + (chance.uniform(-0.002, 0.002) if drift else 0.0),
        offset=chance.uniform(0, 1e5),
    )


def _routers(chance: random.Random, interval: float) -> tuple[RouterPlan, ...]:
    drift, nopreempt = chance.random() < 0.3, chance.choice((0.0, 0.0, 0.5, 1.0))
    routers = [_router(chance, interval, drift, nopreempt) for _ in range(chance.choice(_SIZES))]
    if chance.random() < 0.15:
        owner = chance.randrange(len(routers))
        routers[owner] = dataclasses.replace(routers[owner], priority=Priority(255), preempt=True)
    return tuple(routers)


def _at_their_own_pace(chance: random.Random, routers: tuple[RouterPlan, ...]) -> tuple[RouterPlan, ...]:
    return tuple(dataclasses.replace(router, pace=chance.choice(_PACES)) for router in routers)


def _sequel(draft: _Draft, fault: Fault) -> list[Fault]:
    """What goes wrong while something else does: a stop with the interface down, a death when a partition ends."""
    chance = draft.chance
    if fault.kind not in (Kind.LINK, Kind.PARTITION) or chance.random() >= _SEQUELS:
        return []
    if fault.kind is Kind.LINK:
        draft.now += chance.random() * fault.seconds
        return [dataclasses.replace(DRAWS[Kind.STOP](draft), router=fault.router)]
    draft.now = min(draft.now + fault.seconds + chance.random() * draft.interval, draft.quiet_from)
    return [DRAWS[chance.choice((Kind.STOP, Kind.CRASH))](draft)]


def _echoes(draft: _Draft, faults: list[Fault]) -> list[Fault]:
    """A machine that was stopped and has just come back stops once more: it must not forget that it was late."""
    found: list[Fault] = []
    for fault in faults:
        if fault.kind in (Kind.SUSPENSION, Kind.PAUSE) and draft.chance.random() < _SEQUELS:
            draft.now = min(fault.at + fault.seconds + draft.chance.random() * draft.interval, draft.quiet_from)
            echo = draft.fault(Kind.SUSPENSION, seconds=draft.lasting(0.2, 1.6))
            found.append(dataclasses.replace(echo, router=fault.router))
    return found


def _rows(draft: _Draft, first: float) -> list[Fault]:
    """A machine that stops for a part of each advert interval, perhaps over each advert; the first may be long."""
    chance = draft.chance
    if chance.random() >= _IN_ROWS:
        return []
    router, share = chance.randrange(draft.size), chance.choice((0.25, 0.3, 0.6, 0.95))
    draft.now = first + chance.random() * (draft.quiet_from - first)
    found: list[Fault] = []
    whole = chance.choice((0, 2))
    for _ in range(chance.randint(3, 5)):
        stop = draft.fault(Kind.SUSPENSION, seconds=draft.lasting(whole + share / 2, whole + share))
        found.append(dataclasses.replace(stop, router=router))
        draft.now = min(draft.now + (whole + chance.uniform(0.95, 1.05)) * draft.interval, draft.quiet_from)
        whole = 0
    return found


def _weighed(draft: _Draft) -> Fault:
    amount = draft.chance.choice((-200, -60, -51, -50, -49, -10, -1, 1, 10, 50, 200))
    return draft.fault(Kind.WEIGHT, seconds=draft.lasting(0.05, draft.chance.choice((1.0, 4.0, 20.0))), amount=amount)


def _faulty(draft: _Draft) -> Fault:
    return draft.fault(Kind.FAULT, seconds=draft.lasting(0.01, draft.chance.choice((0.2, 4.0, 12.0))))


_TRACKED = 0.3
"""The share of schedules in which something is tracked and changes."""
_SETTINGS = 0.15
"""The share with a `preempt_delay` or another `down_timer_adverts`."""
_SIX = 0.1
"""The share of version 3 over IPv6."""
_UNICAST = 0.1
_COMPANY = 0.15
"""The share with several instances in a process."""


def _tracked(draft: _Draft, first: float) -> list[Fault]:
    """What trackers report, often while something else goes wrong."""
    found: list[Fault] = []
    for _ in range(draft.chance.choice((1, 1, 2, 4)) if draft.chance.random() < _TRACKED else 0):
        draft.now = first + draft.chance.random() * (draft.quiet_from - first)
        found.append(draft.chance.choice((_weighed, _weighed, _faulty))(draft))
    return found


def _handed(draft: _Draft) -> Fault:
    """`seconds`: until the old active is released, if ever; `amount`: who is asked; see disturbances.py."""
    chance = draft.chance
    seconds = draft.lasting(0.1, 12) if chance.random() < 0.6 else 0.0
    return draft.fault(Kind.HAND_OVER, seconds=seconds, amount=chance.choice((0, 0, 0, 0, 0, 1, 2, 2)))


_AMID = 0.5
"""The share of planned switches and restarts in whose midst something else happens."""
_SWITCHES = 0.3
"""The share of schedules with planned switches."""
_RIVALS = 0.15
"""The share in which one that is active already may be asked to take over."""
_AMIDST = (
    *(DRAWS[kind] for kind in (Kind.STOP, Kind.PRIORITY, Kind.LINK, Kind.CRASH, Kind.CRASH_WHOLE, Kind.RESTART)),
    *(DRAWS[kind] for kind in (Kind.PAUSE, Kind.SUSPENSION, Kind.ADDRESSES, Kind.ADDRESSES)),
    *(_handed, _faulty),
)
_MOMENTS = (0.0005, 0.006)
"""Seconds from the request within which that happens: before the successor can answer, or before it must."""


def _switches(draft: _Draft, first: float) -> list[Fault]:
    """Planned switches, some with something else in their few milliseconds."""
    chance = draft.chance
    found: list[Fault] = []
    for _ in range(chance.choice((1, 1, 2)) if chance.random() < _SWITCHES else 0):
        draft.now = first + chance.random() * (draft.quiet_from - first)
        found.append(_handed(draft))
        if chance.random() < _AMID:
            draft.now = min(draft.now + chance.random() * chance.choice(_MOMENTS), draft.quiet_from)
            found.append(chance.choice(_AMIDST)(draft))
    return found


def _rivals(draft: _Draft, first: float) -> list[Fault]:
    """One that is not heard for a while by one that becomes active meanwhile, and then asks it to take over."""
    chance = draft.chance
    if chance.random() >= _RIVALS:
        return []
    draft.now = first + chance.random() * (draft.quiet_from - first)
    unheard = dataclasses.replace(_one_way(draft), seconds=draft.lasting(3, 6))
    draft.now = min(draft.now + unheard.seconds + chance.random() * draft.interval / 2, draft.quiet_from)
    return [unheard, dataclasses.replace(_handed(draft), amount=RIVAL)]


def _while_away(draft: _Draft, faults: list[Fault]) -> list[Fault]:
    """A fault that begins while a process restarts, which its successor finds."""
    found: list[Fault] = []
    for fault in faults:
        if fault.kind is Kind.RESTART and draft.chance.random() < _AMID:
            draft.now = fault.at + draft.chance.random() * fault.seconds
            found.append(dataclasses.replace(_faulty(draft), router=fault.router))
    return found


_WITNESSED = 0.2
"""The share of schedules with a witness."""


def _witness_gone(draft: _Draft, at: float) -> Fault:
    """It is gone around a moment, often within the silence after something else went wrong, now and then for good."""
    chance = draft.chance
    draft.now = min(max(0.0, at + chance.uniform(-1, 5) * draft.interval), draft.quiet_from)
    seconds = FOR_GOOD * draft.interval if chance.random() < 0.1 else draft.lasting(0.3, 15)
    kind = chance.choice((Kind.WITNESS_DEAD, Kind.WITNESS_CUT, Kind.WITNESS_CUT))
    return draft.fault(kind, seconds=seconds)


def _witnessed(draft: _Draft, faults: list[Fault]) -> tuple[Seconds | None, list[Fault]]:
    """How old an answer may be, and how the witness goes and comes: of two halves one may be left without it."""
    chance = draft.chance
    if chance.random() >= _WITNESSED:
        return None, []
    found = [_witness_gone(draft, chance.choice(faults).at) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
    for fault in faults:
        if fault.kind is Kind.PARTITION and chance.random() < 0.5:
            half = [
                dataclasses.replace(fault, kind=Kind.WITNESS_CUT, router=number, others=()) for number in fault.others
            ]
            found += half
    return Seconds(chance.choice((0.3, 1.0, 1.0, 3.0, 20.0)) * draft.interval), found


def _set(chance: random.Random, router: RouterPlan, interval: float) -> RouterPlan:
    """Waits of a backup that differ from the usual."""
    delay = Seconds(chance.choice((0.0, chance.uniform(0.1, 4) * interval)))
    return dataclasses.replace(router, preempt_delay=delay, down_adverts=chance.choice((2, 3, 3, 4)))


def _busy(chance: random.Random, router: RouterPlan, interval: float) -> RouterPlan:
    """Less than the half of an interval that a machine takes for a sleep."""
    return dataclasses.replace(router, company=Seconds(chance.choice((0.0, 0.1, 0.45)) * interval))


def _calm(routers: tuple[RouterPlan, ...], interval: float) -> float:
    """Seconds from the last disturbance to the end: two elections of the slowest, the second after a delay, may take
    longer than usual. The skew time is an advert interval at the most."""
    slowest = max(router.pace * (router.down_adverts + 1) for router in routers)
    delay = max(router.preempt_delay for router in routers)
    return max(CALM_AT_END * interval, (2 * slowest + 2 * RESTING) * interval + delay)


def generate(seed: int, version: int = 2) -> Schedule:
    """The schedule of `seed`: two to four routers and three to seven faults or more, half of them close together."""
    chance = random.Random(seed)
    interval = FAST if version == 3 and seed % 10 == 0 else Seconds(1.0)
    routers = _routers(chance, interval)
    if version == 3 and chance.random() < _UNEVEN:
        routers = _at_their_own_pace(chance, routers)
    quiet_from = (LENGTH - CALM_AT_END) * interval
    draft = _Draft(chance, len(routers), interval, quiet_from)
    first = chance.uniform(0, 0.6) * quiet_from
    spread = chance.choice((0.15, 1.0)) * (quiet_from - first)
    faults: list[Fault] = []
    for _ in range(chance.randint(3, 7)):
        draft.now = first + chance.random() * spread
        fault = DRAWS[chance.choice(_KINDS)](draft)
        faults += [fault, *_sequel(draft, fault)]
    echoes = _echoes(draft, faults)
    rows = _rows(draft, first)
    # What came later has chances of its own, so that old seeds stay as they were.
    draft.chance = chance = random.Random(f"more of {seed}")
    if chance.random() < _SETTINGS:
        routers = tuple(_set(chance, router, interval) for router in routers)
    family = 6 if version == 3 and chance.random() < _SIX else 4
    more = (*_tracked(draft, first), *_switches(draft, first), *_while_away(draft, faults))
    whole = [*sorted(faults, key=lambda fault: fault.at), *echoes, *rows, *more]
    unicast = chance.random() < _UNICAST
    if chance.random() < _COMPANY:
        fastest = min(router.pace for router in routers) * interval
        routers = tuple(_busy(chance, router, fastest) for router in routers)
    draft.chance = random.Random(f"witness of {seed}")
    witness, gone = _witnessed(draft, whole)
    draft.chance = random.Random(f"rivals of {seed}")
    rivals = _rivals(draft, first)
    return Schedule(
        seed=seed,
        version=version,
        family=family,
        unicast=unicast,
        interval=interval,
        routers=routers,
        faults=(*whole, *gone, *rivals),
        witness=witness,
        quiet_from=quiet_from,
        ends_at=quiet_from + _calm(routers, interval),
    )
