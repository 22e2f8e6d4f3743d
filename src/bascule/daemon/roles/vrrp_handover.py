# SPDX-License-Identifier: Apache-2.0
"""Planned switches at work: asks peers, has instances hand over, answers peers that ask.

The order of things keeps the addresses served: the successor has put them on, has announced them and has sent its
advert before it says TAKEN; the old one keeps them until it hears that, and late frames a second longer (vrrp_late.py).
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_group import Group
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_lines import Came, Line, Lines
from bascule.daemon.roles.vrrp_plan import router_of
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import BasculeOptions, VrrpState
from bascule.model.messages import PredecessorAsks, PredecessorKnown, SwitchOrder, SwitchOutcome
from bascule.vrrp.events import SUCCESSION, Declined, HandOver, Release, Succeeded, TakeOver
from bascule.vrrp.handover import (
    NONCE_LENGTH,
    NOTHING,
    ROUTER_LENGTH,
    Kind,
    Order,
    Refused,
    RefusedOrderError,
    Standing,
    Tickets,
    mac_of,
    mac_text,
)
from bascule.vrrp.switch import WINDOW, Decision, Switch

Done = Callable[[SwitchOutcome], None]

ARMED = 0.25
"""Seconds for which the data plane is not told the same again: questions can be recorded and sent again in masses."""


@dataclasses.dataclass(slots=True)
class _Asked:
    """A successor that was asked to take an instance over."""

    nonce: bytes
    peer: IPAddress
    at: float


@dataclasses.dataclass(slots=True)
class _Predecessor:
    """An active that may hand over in a moment, as the data plane was told."""

    mac: bytes
    at: float
    known: bool = False
    """The data plane has said so."""
    waiting: dict[IPAddress, Came] = dataclasses.field(default_factory=dict)
    """Who is to hear when it does."""


@dataclasses.dataclass(slots=True)
class _Running:
    """The planned switch that is under way."""

    number: int
    done: Done
    switch: Switch | None
    decisions: list[Decision] = dataclasses.field(default_factory=list)
    asked: dict[str, _Asked] = dataclasses.field(default_factory=dict)
    declined: dict[str, str] = dataclasses.field(default_factory=dict)
    gone: dict[str, str] = dataclasses.field(default_factory=dict)
    """Instances that had nothing to hand over any more when it was decided, and why."""
    took: dict[str, float] = dataclasses.field(default_factory=dict)
    """Seconds from the request to the announcement, by instance."""


class Switchboard:
    """Both sides of planned switches, for all instances of this director. One at a time begins here."""

    def __init__(self, group: Group, log: Log, tell: Callable[[PredecessorAsks], None]) -> None:
        """Deaf and mute until it is configured. `tell` gets who may hand over in a moment, for the data plane."""
        self._group = group
        self._log = log
        self._tell = tell
        self._name = ""
        self._options = BasculeOptions()
        self._me = os.urandom(ROUTER_LENGTH)
        self._tickets = Tickets(os.urandom(NONCE_LENGTH))
        self._running: _Running | None = None
        self._asked: dict[str, _Asked] = {}
        """Who was asked last, by instance."""
        self._serves = False
        self._predecessors: dict[str, _Predecessor] = {}
        """What the data plane was told last, by instance."""
        self.lines = Lines(group.ports, log)

    def configure(self, options: BasculeOptions, name: str, *, serves: bool) -> None:
        """Follow the group's configuration; `name` is what peers show of this director; `serves`: it has services."""
        self._name = name
        self._serves = serves
        self._options = options
        self.lines.configure(self._group.instances, options)

    def refresh(self) -> None:
        """Follow the interfaces: one that was made anew needs another socket."""
        if self.lines.stale():
            self.lines.configure(self._group.instances, self._options)

    @property
    def busy(self) -> bool:
        """Whether a switch is under way."""
        return self._running is not None

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        running = self._running
        return running.switch.deadline() if running is not None and running.switch is not None else math.inf

    # As the active.

    def begin(self, request: SwitchOrder, done: Done, *, urgent: bool = False, window: Seconds = WINDOW) -> None:
        """Hand over, or release; `done` is called once. `urgent`: this director ends. `window`: how long it asks."""

        def answer(ok: bool, text: str) -> None:
            done(SwitchOutcome(number=request.number, ok=ok, text=text))

        if request.instance is not None and request.instance not in self._group.instances:
            there = ", ".join(self._group.instances) or "none"
            answer(False, f"there is no vrrp_instance {request.instance} here; there are: {there}")
        elif request.release:
            answer(True, self._release(request))
        elif self.busy:
            answer(False, "a planned switch is under way")
        else:
            self._begin(request, done, answer, urgent, window)

    def _begin(
        self, request: SwitchOrder, done: Done, answer: Callable[[bool, str], None], urgent: bool, window: Seconds
    ) -> None:
        names = [name for name in self._meant(request) if self._group.instances[name].state is VrrpState.MASTER]
        mute = [name for name in names if not self.lines.has(self._group.instances[name])]
        owning = [name for name in names if self._group.instances[name].owned and not urgent]
        if not names:
            what = request.instance or "no instance"
            answer(False, f"{what} is not active here: there is nothing to hand over")
        elif owning:
            answer(False, f"nothing is changed: {', '.join(owning)}: an address is this host's own, and stays here")
        elif mute and request.peer is not None:
            key = "there is neither a handover_key in the bascule block nor an auth_pass"
            answer(False, f"nothing is changed: {', '.join(mute)} cannot ask {request.peer}: {key}")
        else:
            nonces = {name: os.urandom(NONCE_LENGTH) for name in names}
            units = self._group.units(names)
            # Nobody is waited for who cannot be asked.
            window = window if len(mute) < len(names) else Seconds(0.0)
            switch = Switch(units, nonces, boottime(), to=request.peer, urgent=urgent, window=window)
            self._running = _Running(request.number, done, switch)
            for name, nonce in nonces.items():
                self._ask(self._group.instances[name], nonce)

    def _ask(self, instance: Instance, nonce: bytes) -> None:
        for destination in instance.destinations:
            order = self._order(instance, Kind.ASK, nonce=nonce, name=self._own_mac(instance))
            self.lines.send(instance, order, destination)

    def _own_mac(self, instance: Instance) -> str:
        """Of the interface itself, which is served whether or not the instance is active; never its virtual one."""
        port = self._group.ports.get(instance.config.interface)
        return "" if port is None else mac_text(port.facts.hardware_address)

    def _meant(self, request: SwitchOrder) -> tuple[str, ...]:
        """Those of a sync group are meant together."""
        named = request.instance
        return tuple(self._group.instances) if named is None else self._group.together(named)

    def _release(self, request: SwitchOrder) -> str:
        held = [name for name in self._meant(request) if self._group.instances[name].machine.snapshot().held]
        for name in held:
            self._group.tell(name, Release())
        return f"released: {', '.join(held)}" if held else "nothing was held back"

    def timers(self) -> None:
        """Decide when the time for answers is over; say how a switch ended."""
        running = self._running
        if running is None:
            return
        if running.switch is not None and boottime() >= running.switch.deadline():
            running.decisions, running.switch = running.switch.decide(), None
            for decision in running.decisions:
                self._carry_out(decision, running)
        for name, asked in running.asked.items():
            self._note(name, asked, running)
        if running.switch is None and not any(self._waits(name) for name in running.asked):
            self._running = None
            ok, text = self._result(running)
            self._log.notice("planned_switch", ok=ok, outcome=text)
            running.done(SwitchOutcome(number=running.number, ok=ok, text=text))

    def _note(self, name: str, asked: _Asked, running: _Running) -> None:
        """It may be the successor's advert or its answer that says so."""
        instance = self._group.instances.get(name)
        if name not in running.took and instance is not None and not self._waits(name):
            found = instance.machine.snapshot()
            if found.held and found.handed_to == asked.peer:
                running.took[name] = boottime() - asked.at

    def _waits(self, name: str) -> bool:
        instance = self._group.instances.get(name)
        return instance is not None and instance.machine.awaits is not None

    def _carry_out(self, decision: Decision, running: _Running) -> None:
        if decision.chosen is None:
            return
        for name in decision.unit:
            instance = self._group.instances.get(name)
            if instance is None or instance.state is not VrrpState.MASTER:
                running.gone[name] = "is not there any more" if instance is None else "is not active here any more"
                continue
            answer = decision.chosen.get(name)
            self._group.tell(name, HandOver(None if answer is None else answer.address))
            if answer is not None:
                nonce = os.urandom(NONCE_LENGTH)
                self._asked[name] = running.asked[name] = _Asked(nonce, answer.address, boottime())
                request = self._order(instance, Kind.REQUEST, nonce=nonce, echo=answer.ticket)
                self.lines.send(instance, request, answer.address)

    def _result(self, running: _Running) -> tuple[bool, str]:
        texts: list[str] = []
        for decision in running.decisions:
            each = [self._outcome(name, decision, running) for name in decision.unit]
            texts.append(f"{', '.join(decision.unit)}: {'; '.join(dict.fromkeys(each))}")
        refused = any(decision.chosen is None for decision in running.decisions)
        return not (refused or running.declined or running.gone), "\n".join(texts)

    def _outcome(self, name: str, decision: Decision, running: _Running) -> str:
        if name in running.declined:
            return f"stays active: {running.declined[name]}"
        if name in running.gone:
            return f"{running.gone[name]}: nothing is handed over"
        if name in running.asked and name not in self._group.instances:
            return "is not there any more: gave up by priority 0"
        if name in running.took:
            return f"{decision.why} in {running.took[name] * 1000:.1f} ms"
        if name in running.asked:
            return f"{running.asked[name].peer} did not answer within 5 ms: gave up by priority 0"
        return decision.why

    # As either.

    def receive(self, line: Line) -> None:
        """Act on the messages that wait at a socket."""
        for came in self.lines.receive(line):
            try:
                self._act(came)
            except RefusedOrderError as error:
                self.lines.refuse(line.interface, came.source, error)

    def _act(self, came: Came) -> None:
        match came.order.kind:
            case Kind.ASK:
                self._present(came)
            case Kind.REQUEST:
                self._take_over(came)
            case Kind.HERE:
                self._hear(came)
            case Kind.TAKEN | Kind.REFUSED:
                self._answered(came)

    def _hear(self, came: Came) -> None:
        running = self._running
        switch = running.switch if running is not None else None
        if switch is None or not switch.heard(came.instance.name, came.order, came.source, boottime()):
            raise RefusedOrderError(Refused.ECHO, "an answer to nothing that was asked, or too late")

    def _answered(self, came: Came) -> None:
        name, running = came.instance.name, self._running
        asked = self._asked.get(name)
        if asked is None or (asked.nonce, asked.peer) != (came.order.echo, came.source):
            raise RefusedOrderError(Refused.ECHO, "an answer to nothing that was asked")
        if running is None or came.instance.machine.awaits != asked.peer:
            # The successor's advert was here before, or the five milliseconds were over.
            return
        if came.order.kind is Kind.TAKEN:
            self._group.tell(name, Succeeded(came.source))
        else:
            running.declined[name] = f"{came.source} refuses: {came.order.name}"
            self._group.tell(name, Declined(came.source, came.order.name))

    # As the peer.

    def _present(self, came: Came) -> None:
        self._answer(came, Standing.ARMING if self._arms(came) else Standing(0))

    def _answer(self, came: Came, more: Standing) -> None:
        ticket = self._tickets.issue(router_of(came.instance.config), came.source, boottime())
        here = self._order(came.instance, Kind.HERE, nonce=ticket, echo=came.order.nonce, name=self._name)
        here = dataclasses.replace(here, standing=here.standing | more)
        self.lines.send(came.instance, here, came.source)

    def _arms(self, came: Came) -> bool:
        """Tell the data plane now, for the successor's first frames come as soon as it has announced. Whether it is
        still to say that it knows.
        """
        name, mac, now = came.instance.name, mac_of(came.order), boottime()
        if mac is None or not self._serves or came.instance.state is not VrrpState.BACKUP:
            return False
        last = self._predecessors.get(name)
        if last is None or last.mac != mac or now - last.at > ARMED:
            last = self._predecessors[name] = _Predecessor(mac, now)
            self._tell(PredecessorAsks(instance=name, mac=mac))
        if not last.known:
            last.waiting[came.source] = came
        return not last.known

    def known(self, message: PredecessorKnown) -> None:
        """The data plane knows the predecessor of an instance: say so to those who wait for that."""
        last = self._predecessors.get(message.instance)
        if last is not None:
            last.known, waiting = True, tuple(last.waiting.values())
            last.waiting.clear()
            for came in waiting:
                self._answer(came, Standing(0))

    def _take_over(self, came: Came) -> None:
        instance = came.instance
        self._tickets.redeem(came.order.echo, router_of(instance.config), came.source, boottime())
        # What the active sent before it asked is heard before its request is.
        self._group.packets(self._group.ports.require(instance.seat.talks))
        age = boottime() - came.at
        if age > SUCCESSION:
            self._refuse(came, f"asked {age * 1000:.1f} ms ago: too late")
            raise RefusedOrderError(Refused.LATE, f"a request of {age * 1000:.1f} ms ago")
        self._group.tell(instance.name, TakeOver(came.source))
        # Two that ask each other must not both leave.
        if instance.state is VrrpState.MASTER and instance.machine.awaits is None:
            answer = self._order(instance, Kind.TAKEN, echo=came.order.nonce)
            self.lines.send(instance, answer, came.source)
        else:
            self._refuse(came, f"{instance.state.value}: {instance.machine.snapshot().reason}")

    def _refuse(self, came: Came, why: str) -> None:
        answer = self._order(came.instance, Kind.REFUSED, echo=came.order.nonce, name=why)
        self.lines.send(came.instance, answer, came.source)

    def _order(
        self, instance: Instance, kind: Kind, *, nonce: bytes = NOTHING, echo: bytes = NOTHING, name: str = ""
    ) -> Order:
        return Order(
            kind=kind,
            vrid=instance.config.vrid,
            family=instance.config.family,
            router=self._me,
            nonce=nonce,
            echo=echo,
            priority=instance.machine.priority,
            standing=self._standing(instance),
            name=name,
        )

    def _standing(self, instance: Instance) -> Standing:
        found = Standing.READY if self._group.is_ready else Standing(0)
        if instance.state is VrrpState.MASTER:
            found |= Standing.ACTIVE
        elif instance.state is VrrpState.BACKUP:
            found |= Standing.BACKUP
        return found | Standing.HELD if instance.machine.snapshot().held else found
