# SPDX-License-Identifier: Apache-2.0
"""What a change makes users' programs run, with which words, and the line that FIFOs get: keepalived's, to the letter.

Pure. The words and their order are those that keepalived 2.2.7 was seen to use (tests/interop/test_notify.py): first
the script of the state, which gets nothing but its own arguments, then `notify` with four words more.
"""

from __future__ import annotations

import enum

from bascule.model.base import Priority
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import QuorumChanged, ServerChanged
from bascule.model.scripts import Notifies, Script, UpDown

Step = tuple[Script, tuple[str, ...]]
"""A script, and the words that it gets after its own arguments."""


class Kind(enum.Enum):
    """Of what `notify` speaks."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"


class Word(enum.Enum):
    """What has happened to it."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    DELETED = "DELETED"
    MASTER_RX_LOWER_PRI = "MASTER_RX_LOWER_PRI"
    MASTER_PRIORITY = "MASTER_PRIORITY"
    BACKUP_PRIORITY = "BACKUP_PRIORITY"


PRIORITY_WORDS = {VrrpState.MASTER: Word.MASTER_PRIORITY, VrrpState.BACKUP: Word.BACKUP_PRIORITY}
"""In these states a change of the priority is told, where it is asked for."""

NO_PRIORITY = Priority(0)
"""A sync group's, as keepalived has it."""


def word_of(state: VrrpState, notifies: Notifies, *, configured: bool) -> Word:
    """The word for a state that was entered. INIT is the end: of the daemon, or of an instance that the file lost.

    keepalived calls the latter FAULT unless the block had `notify_deleted`.
    """
    if state is not VrrpState.INIT:
        return Word(state.value)
    if configured:
        return Word.STOP
    return Word.DELETED if notifies.says_deleted else Word.FAULT


def steps(kind: Kind, name: str, word: Word, priority: Priority, notifies: Notifies) -> tuple[Step, ...]:
    """What to run, one after the other."""
    own = {
        Word.MASTER: notifies.master,
        Word.BACKUP: notifies.backup,
        Word.FAULT: notifies.fault,
        Word.STOP: notifies.stop,
        Word.DELETED: notifies.deleted,
        Word.MASTER_RX_LOWER_PRI: notifies.master_lower,
    }.get(word)
    found: tuple[Step, ...] = () if own is None else ((own, ()),)
    if notifies.any is None or word is Word.MASTER_RX_LOWER_PRI or word in PRIORITY_WORDS.values():
        return found
    return (*found, (notifies.any, (kind.value, name, word.value, str(priority))))


def line(kind: Kind, name: str, word: Word, priority: Priority) -> bytes:
    """What a FIFO gets."""
    return f'{kind.value} "{name}" {word.value} {priority}\n'.encode()


def check_line(event: ServerChanged | QuorumChanged) -> bytes:
    """What a FIFO gets of checkers. keepalived puts a NUL behind the line, which no reader expects: we do not."""
    how = "UP" if event.up else "DOWN"
    if isinstance(event, QuorumChanged):
        return f"VS {event.service} {how}\n".encode()
    return f"RS {event.server.text(event.service.protocol)} {event.service} {how}\n".encode()


def check_steps(event: ServerChanged | QuorumChanged, configuration: Configuration) -> tuple[Step, ...]:
    """What a server or service runs at a change; nothing if it is not configured any more."""
    found: list[UpDown] = []
    for service in configuration.virtual_servers:
        if service.id != event.service:
            continue
        if isinstance(event, QuorumChanged):
            found.append(service.notify)
        else:
            found += [server.notify for server in service.real_servers if server.id == event.server]
    chosen = [(each.up if event.up else each.down) for each in found]
    return tuple((script, ()) for script in chosen if script is not None)


def all_scripts(configuration: Configuration) -> tuple[Script, ...]:
    """Every program that a configuration may run at an event, each once."""
    blocks: list[Notifies | UpDown] = [entry.notify for entry in configuration.instances]
    blocks += [group.notify for group in configuration.sync_groups]
    for service in configuration.virtual_servers:
        blocks += [service.notify, *(server.notify for server in service.real_servers)]
    named = [getattr(block, field) for block in blocks for field in block.__struct_fields__]
    return tuple(dict.fromkeys(each for each in named if isinstance(each, Script)))


def is_wanted(configuration: Configuration) -> bool:
    """Whether a configuration has any program or FIFO."""
    settings = configuration.globals.scripts
    fifos = (settings.fifo, settings.vrrp_fifo, settings.lvs_fifo)
    return any(fifos) or bool(configuration.track_scripts) or bool(all_scripts(configuration))
