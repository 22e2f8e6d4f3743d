# SPDX-License-Identifier: Apache-2.0
"""The notify role's scripts and FIFO lines: from the messages about instances, groups, services and servers.

FIFOs hear of each event at once. Scripts are run by bascule.notify.errands: for a subject one change at a time. An
instance's state also comes as a state message, which is not lost with a role: what the scripts have not heard of is
run then.
"""

from __future__ import annotations

import pathlib

from bascule.daemon.log import Log
from bascule.daemon.roles.notify_fifos import Fifos
from bascule.linux.identities import ScriptRefusedError
from bascule.linux.scripts import Running
from bascule.model.base import Priority
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import (
    GroupChanged,
    InstanceChanged,
    InstanceState,
    LowerPriorityHeard,
    QuorumChanged,
    ServerChanged,
)
from bascule.model.scripts import Notifies, Script
from bascule.notify import changes
from bascule.notify.changes import NO_PRIORITY, PRIORITY_WORDS, Kind, Step, Word
from bascule.notify.errands import Errand, Errands
from bascule.notify.ledger import Ledger
from bascule.notify.programs import Programs
from bascule.notify.tasks import Tasks

NOTHING = Notifies()


class Scripts:
    """What happens when something changes."""

    def __init__(self, folder: pathlib.Path, tasks: Tasks, log: Log, *, restarted: bool) -> None:
        """`folder`: where states are kept; a role that is `restarted` knows what its predecessor ran."""
        self._log = log
        self._restarted = restarted
        self._ledger = Ledger(folder, known=restarted)
        self._errands = Errands(tasks, self._execute, self._skipped)
        self._told: dict[str, Word] = {}
        """The word that each instance's scripts and FIFOs were last given, though it may still wait."""
        self._priorities: dict[str, Priority] = {}
        self._instances: dict[str, Notifies] = {}
        self._groups: dict[str, Notifies] = {}
        self._gone: dict[str, Notifies] = {}
        """Of instances that the last reload took away: their last words are still to come."""
        self._configuration = Configuration()
        self._programs = Programs(self._configuration.globals.scripts, self._remark)
        self.fifos = Fifos(tasks, log)
        self.failed = 0
        self.skipped = 0
        self.notes: tuple[str, ...] = ()

    def configure(self, configuration: Configuration) -> Programs:
        """Use these scripts from now on."""
        self._configuration = configuration
        before = self._instances
        self._instances = {entry.name: entry.notify for entry in configuration.instances}
        self._groups = {group.name: group.notify for group in configuration.sync_groups}
        self._gone = {name: notifies for name, notifies in before.items() if name not in self._instances}
        self._programs = Programs(configuration.globals.scripts, self._remark)
        self.notes = tuple(filter(None, map(self._refusal, changes.all_scripts(configuration))))
        self.fifos.configure(self._programs)
        return self._programs

    def _refusal(self, script: Script) -> str | None:
        try:
            self._programs.prepared(script)
        except ScriptRefusedError as error:
            self._log.error("script_not_run", why=error)
            return str(error)
        return None

    def _remark(self, text: str) -> None:
        self._log.warning("script_remark", what=text)

    @property
    def running(self) -> tuple[str, ...]:
        """The changes whose scripts run."""
        return self._errands.under_way

    def instance(self, event: InstanceChanged) -> None:
        """An instance entered a state."""
        self._entered(event.instance, event.state, event.priority)

    def _entered(self, name: str, state: VrrpState, priority: Priority) -> None:
        configured = name in self._instances
        notifies = self._instances.get(name) or self._gone.get(name, NOTHING)
        word = changes.word_of(state, notifies, configured=configured)
        self._told[name], self._priorities[name] = word, priority
        self.fifos.vrrp(changes.line(Kind.INSTANCE, name, word, priority))
        found = changes.steps(Kind.INSTANCE, name, word, priority, notifies)

        def heard() -> None:
            if state is VrrpState.INIT:
                self._ledger.forget(name)
            else:
                self._ledger.note(name, word.value)

        self._add(Kind.INSTANCE, name, word, found, heard)

    def _add(self, kind: Kind, name: str, word: Word, found: tuple[Step, ...], heard: object = None) -> None:
        label = f"{kind.value} {name} {word.value}"
        minor = word is Word.MASTER_RX_LOWER_PRI
        done = heard if callable(heard) else None
        if found:
            errand = Errand(subject=(kind.value, name), label=label, steps=found, minor=minor, done=done)
            self._errands.add(errand)
        elif done is not None:
            done()

    def state(self, message: InstanceState) -> None:
        """How an instance is: what its scripts have not heard of, and another priority."""
        name, state = message.instance, message.state
        if state is VrrpState.INIT or name not in self._instances:
            return
        told = self._told.get(name) or self._ledger.get(name)
        if told is None and not self._restarted:
            # The role is new to a director that runs: there is nothing that its scripts have missed.
            told = state.value
            self._ledger.note(name, told)
        if told is None or Word(told) is not Word(state.value):
            self._log.info("state_made_up_for", instance=name, state=state.value)
            self._entered(name, state, message.priority)
            return
        self._told[name] = Word(told)
        before = self._priorities.get(name, message.priority)
        self._priorities[name] = message.priority
        if before != message.priority and self._instances[name].priority_changes and state in PRIORITY_WORDS:
            self.fifos.vrrp(changes.line(Kind.INSTANCE, name, PRIORITY_WORDS[state], message.priority))

    def lower_priority(self, event: LowerPriorityHeard) -> None:
        """An active instance heard an advert of lower priority."""
        name, word = event.instance, Word.MASTER_RX_LOWER_PRI
        self.fifos.vrrp(changes.line(Kind.INSTANCE, name, word, event.priority))
        notifies = self._instances.get(name, NOTHING)
        self._add(Kind.INSTANCE, name, word, changes.steps(Kind.INSTANCE, name, word, event.priority, notifies))

    def group(self, event: GroupChanged) -> None:
        """A sync group entered a state."""
        notifies = self._groups.get(event.group, NOTHING)
        word = changes.word_of(event.state, notifies, configured=True)
        self.fifos.vrrp(changes.line(Kind.GROUP, event.group, word, NO_PRIORITY))
        found = changes.steps(Kind.GROUP, event.group, word, NO_PRIORITY, notifies)
        self._add(Kind.GROUP, event.group, word, found)

    def check(self, event: ServerChanged | QuorumChanged) -> None:
        """A service or a server went up or down."""
        line = changes.check_line(event)
        self.fifos.lvs(line)
        found = changes.check_steps(event, self._configuration)
        if found:
            label = line.decode().strip()
            self._errands.add(Errand(subject=tuple(label.split()[:-1]), label=label, steps=found))

    async def _execute(self, step: Step, label: str) -> None:
        """One script to its end; what goes wrong with it is logged and counted."""
        script, words = step
        shown = " ".join(script.command)
        try:
            ready = self._programs.prepared(script)
            ended = await Running((*ready.command, *words), ready.who).wait(self._programs.settings.notify_timeout)
        except ScriptRefusedError as error:
            self.failed += 1
            self._log.error("script_not_run", of=label, why=error)
            return
        bad = ended.timed_out or ended.status != 0
        self.failed += bad
        level = self._log.warning if bad else self._log.info
        said = ended.output.strip() or None
        level("script_ran", of=label, script=shown, how=ended.why, seconds=ended.seconds, output=said)

    def _skipped(self, errand: Errand) -> None:
        self.skipped += 1
        self._log.warning("scripts_skipped", of=errand.label, why="something newer waits behind scripts that run")

    async def finish(self, seconds: float) -> None:
        """Let what runs and waits come to its end for so long; then end it."""
        for label in await self._errands.finish(seconds):
            self._log.error("scripts_cut_off", of=label, why="the daemon has ended")
