# SPDX-License-Identifier: Apache-2.0
"""What each kind of fault does to the routers and the wire, and how it ends. One that meets a router that cannot
suffer it (it is dead, or suspended already) has no effect and is not counted."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from bascule.model.base import Priority
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import HandOver, ReadyChanged, Release
from bascule.vrrp.packet import PRIORITY_OWNER
from tests.simulation import codec
from tests.simulation.plan import Fault, Kind
from tests.simulation.router import WILL_DELAY, Configuration, Router, Standing

if TYPE_CHECKING:
    from tests.simulation.world import World


def _count(world: World, fault: Fault) -> None:
    world.tally.faults[fault.kind] += 1


def _note(router: Router, text: str) -> None:
    world = router.world
    if world.record is not None:
        world.record.note(world.now, router.number, f"* {text}")


def power_on(router: Router, life: int, ready_after: float) -> None:
    """A director begins, unless something else began or ended it meanwhile."""
    if router.life != life:
        return
    _note(router, f"starts with priority {router.configuration.priority}")
    router.boots += 1
    set_ready(router, router.boots, ready_after <= 0)
    router.start()
    if ready_after > 0:
        router.world.at(router.world.now + ready_after, set_ready, router, router.boots, True)


def set_ready(router: Router, boots: int, ready: bool) -> None:
    """The plane says whether it is ready; one of before the last boot says nothing any more."""
    if router.boots == boots and router.ready is not ready:
        router.ready = ready
        router.order(ReadyChanged(ready))


# The wire.


def _weather(world: World, fault: Fault) -> None:
    world.wire.set_weather(fault.kind, fault.amount, 1)
    world.at(world.now + fault.seconds, world.wire.set_weather, fault.kind, fault.amount, -1)


def _pairs(world: World, fault: Fault) -> list[tuple[int, int]]:
    if fault.kind is Kind.ONE_WAY:
        return [(fault.others[0], fault.others[1])]
    far = [number for number in range(len(world.routers)) if number not in fault.others]
    return [pair for one, other in itertools.product(fault.others, far) for pair in ((one, other), (other, one))]


def _partition(world: World, fault: Fault) -> None:
    pairs = _pairs(world, fault)
    _note(world.routers[pairs[0][0]], f"{fault.kind.value}: {pairs}")
    world.wire.block(pairs, fault.kind, 1)
    world.at(world.now + fault.seconds, _heal, world, pairs, fault)


def _heal(world: World, pairs: list[tuple[int, int]], fault: Fault) -> None:
    _note(world.routers[pairs[0][0]], f"end of {fault.kind.value}")
    world.wire.block(pairs, fault.kind, -1)


def _link(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    if router.link:
        _count(world, fault)
        _set_link(router, False)
        world.at(world.now + fault.seconds, _set_link, router, True)


def _set_link(router: Router, up: bool) -> None:
    _note(router, f"interface {'up' if up else 'down'}")
    router.link = up
    router.world.wire.reach()
    router.news = router.machine is not None
    router.touch()


# Time.


def _stall(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    if router.stalled is not None or router.machine is None:
        return
    _count(world, fault)
    _note(router, fault.kind.value)
    router.stalled, world.wakes[router.number] = fault.kind, float("inf")
    world.oracle.stalling(router)
    world.at(world.now + fault.seconds, _wake, router, router.life, fault)


def _wake(router: Router, life: int, fault: Fault) -> None:
    if router.life != life or router.stalled is not fault.kind:
        return
    _note(router, "runs again")
    if fault.kind is Kind.FREEZE:
        router.offset -= router.rate * fault.seconds
    router.stalled = None
    router.world.oracle.woke(router, stopped=True)
    router.touch()


def _slow(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    if router.slow or router.machine is None:
        return
    _count(world, fault)
    _note(router, fault.kind.value)
    router.slow = fault.amount
    world.oracle.stalling(router)
    world.at(world.now + fault.seconds, _fast, router)


def _fast(router: Router) -> None:
    """Whatever was still to come late comes now."""
    _note(router, "is as fast as before")
    router.slow = 0.0
    router.world.oracle.woke(router, stopped=False)
    router.touch()


# Deaths.


def _dead_or_suspended(router: Router) -> bool:
    return router.machine is None or router.stalled in (Kind.SUSPENSION, Kind.FREEZE)


def _crash(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    if _dead_or_suspended(router):
        return
    _count(world, fault)
    _note(router, "the process is killed")
    router.end()
    world.at(world.now + WILL_DELAY, router.execute_will)
    world.at(world.now + WILL_DELAY + fault.seconds, _after_crash, router, router.life, fault.amount)


def _after_crash(router: Router, life: int, hold: float) -> None:
    if router.life == life:
        _note(router, f"the process starts again, held for {hold:g} s")
        router.start(hold=hold)


def _leave(world: World, fault: Fault) -> None:
    """An ordered stop, the death of all processes, or a loss of power; after a while it all begins anew."""
    router = world.routers[fault.router]
    if _dead_or_suspended(router) or (fault.kind is Kind.STOP and router.stalled is not None):
        return
    _count(world, fault)
    _note(router, fault.kind.value)
    if fault.kind is Kind.STOP:
        router.stop()
    else:
        router.end()
    router.ready = router.will = False
    router.boots += 1
    if fault.kind is Kind.CRASH_WHOLE:
        world.at(world.now + router.lifetime, _expire, router, router.life)
    else:
        router.put(())
    world.at(world.now + fault.seconds, power_on, router, router.life, fault.amount)


def _expire(router: Router, life: int) -> None:
    """The kernel takes off what nobody has renewed."""
    if router.life == life and router.held:
        router.world.tally.faults[Kind.LEFTOVERS] += 1
        _note(router, "the lifetime of its addresses ends")
        router.put(())


def _restart(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    if _dead_or_suspended(router) or router.stalled is not None:
        return
    _count(world, fault)
    _note(router, "the process hands over to a new one")
    active_at = router.hand_over()
    world.at(world.now + fault.seconds, _successor, router, router.life, active_at)


def _successor(router: Router, life: int, active_at: float | None) -> None:
    if router.life == life:
        _note(router, "the new process starts")
        router.start(adopt_since=active_at)


# Reloads.


def _load(world: World, fault: Fault, configuration: Configuration) -> None:
    _load_one(world.routers[fault.router], configuration)


def _load_one(router: Router, configuration: Configuration) -> None:
    """A process that does not run reads its file when it starts."""
    _note(router, f"reload: priority {configuration.priority}, {len(configuration.addresses)} addresses")
    if router.machine is None:
        router.configure(configuration)
    else:
        router.order(configuration)


def _latest(router: Router) -> Configuration:
    ordered = [order for order in router.orders if isinstance(order, Configuration)]
    return ordered[-1] if ordered else router.configuration


def _priority(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    latest = _latest(router)
    if latest.priority == PRIORITY_OWNER:
        return
    _count(world, fault)
    _load(world, fault, dataclasses.replace(latest, priority=Priority(int(fault.amount))))


def _preemption(world: World, fault: Fault) -> None:
    latest = _latest(world.routers[fault.router])
    _count(world, fault)
    _load(world, fault, dataclasses.replace(latest, preempt=not latest.preempt))


def _addresses(world: World, fault: Fault) -> None:
    """One after the other gets the new list, the first at once and the last after `seconds`."""
    _count(world, fault)
    world.addresses = codec.virtual_addresses(int(fault.amount), world.schedule.family)
    for position, router in enumerate(world.routers):
        world.at(world.now + fault.seconds * position / (len(world.routers) - 1), _list, router)


def _list(router: Router) -> None:
    """The list of now: of two changes that overlap the later one stays."""
    _load_one(router, dataclasses.replace(_latest(router), addresses=router.world.addresses))


def _unready(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    if router.machine is None or not router.ready:
        return
    _count(world, fault)
    _note(router, "not ready")
    set_ready(router, router.boots, False)
    world.at(world.now + fault.seconds, set_ready, router, router.boots, True)


# The witness.


def _witness_dead(world: World, fault: Fault) -> None:
    if world.schedule.witness is not None:
        _count(world, fault)
        _change_witness(world, 1)
        world.at(world.now + fault.seconds, _change_witness, world, -1)


def _change_witness(world: World, change: int) -> None:
    world.wire.witness_dead += change
    world.wire.reach()
    _note(world.routers[0], f"witness {'dead' if world.wire.witness_dead else 'answers'}")


def _witness_cut(world: World, fault: Fault) -> None:
    if world.schedule.witness is not None:
        _count(world, fault)
        _change_cut(world.routers[fault.router], 1)
        world.at(world.now + fault.seconds, _change_cut, world.routers[fault.router], -1)


def _change_cut(router: Router, change: int) -> None:
    cuts = router.world.wire.witness_cut
    cuts[router.number] += change
    router.world.wire.reach()
    _note(router, f"witness {'out of' if cuts[router.number] else 'within'} reach")


# What is tracked.


def _weight(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    _count(world, fault)
    _reweigh(router, int(fault.amount))
    world.at(world.now + fault.seconds, _reweigh, router, -int(fault.amount))


def _reweigh(router: Router, change: int) -> None:
    """Several weights add up."""
    _note(router, f"tracked: {change:+}")
    router.change += change
    router.order(Standing())


def _fault(world: World, fault: Fault) -> None:
    router = world.routers[fault.router]
    _count(world, fault)
    _set_faults(router, 1)
    world.at(world.now + fault.seconds, _set_faults, router, -1)


def _set_faults(router: Router, change: int) -> None:
    router.tracked_faults += change
    _note(router, f"tracked: {router.tracked_faults} faults")
    router.order(Standing())


# Planned switches.


NOBODY, REFUSING, RIVAL = 1, 2, 3
"""What a planned switch meets: nobody who is named, one that cannot when it is asked, one that is active already."""


def _hand_over(world: World, fault: Fault) -> None:
    """The active, if there is one, hands over: to the best backup that answers, or to whoever is next."""
    active = [router for router in world.routers if router.state is VrrpState.MASTER and router.stalled is None]
    if not active:
        return
    router = active[fault.router % len(active)]
    _count(world, fault)
    state = VrrpState.MASTER if fault.amount == RIVAL and len(active) > 1 else VrrpState.BACKUP
    able = [other for other in world.routers if other.stalled is None and other.state is state and other is not router]
    wire, number = world.wire, router.number
    near = [peer for peer in able if wire.open(number, peer.number) and wire.open(peer.number, number)]
    best = max(near, key=lambda peer: (peer.ready, peer.priority, peer.number), default=None)
    chosen = None if fault.amount == NOBODY else best
    _note(router, f"hands over to {'whoever is next' if chosen is None else f'router {chosen.number}'}")
    if chosen is not None and fault.amount == REFUSING:
        _set_faults(chosen, 1)
        world.at(world.now + chosen.interval, _set_faults, chosen, -1)
    router.order(HandOver(None if chosen is None else chosen.address))
    if fault.seconds > 0:
        world.at(world.now + fault.seconds, _release, router)


def _release(router: Router) -> None:
    if router.keeps_back:
        router.world.tally.faults[Kind.RELEASE] += 1
        _note(router, "is released")
    router.order(Release())


BEGIN: dict[Kind, Callable[[World, Fault], None]] = {
    Kind.LOSS: _weather,
    Kind.DELAY: _weather,
    Kind.DUPLICATION: _weather,
    Kind.REORDERING: _weather,
    Kind.ONE_WAY: _partition,
    Kind.PARTITION: _partition,
    Kind.PAUSE: _stall,
    Kind.SLOW: _slow,
    Kind.SUSPENSION: _stall,
    Kind.FREEZE: _stall,
    Kind.CRASH: _crash,
    Kind.CRASH_WHOLE: _leave,
    Kind.REBOOT: _leave,
    Kind.STOP: _leave,
    Kind.RESTART: _restart,
    Kind.PRIORITY: _priority,
    Kind.PREEMPTION: _preemption,
    Kind.ADDRESSES: _addresses,
    Kind.LINK: _link,
    Kind.READINESS: _unready,
    Kind.WEIGHT: _weight,
    Kind.FAULT: _fault,
    Kind.HAND_OVER: _hand_over,
    Kind.WITNESS_DEAD: _witness_dead,
    Kind.WITNESS_CUT: _witness_cut,
}
