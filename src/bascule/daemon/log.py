# SPDX-License-Identifier: Apache-2.0
"""One event, one line of key=value on standard error.

Not a logging framework: structlog brings asyncio and rich with it, which the vrrp role must not load. Under systemd
(`JOURNAL_STREAM`, sd-daemon(3)) a line begins with the level as journald reads it; elsewhere with time and level.
A reader that does not keep up never blocks a role: the line is dropped, counted, and the next that fits says how many.
"""

from __future__ import annotations

import datetime
import enum
import os
import re
import select

LINE_MAX = 4000
"""Bytes of a line; less than PIPE_BUF, so that lines of several roles never mix and a writable pipe takes one whole."""

DEBUG_VARIABLE = "BASCULE_DEBUG"
"""Set in the environment, it makes every process of a director log details."""

_PLAIN = re.compile(r"[^\s\"=\\]+")


class Level(enum.IntEnum):
    """Severities of syslog(3), the ones that are used."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


class Log:
    """The log of one component. `threshold` and `descriptor` are the whole process's."""

    threshold = Level.DEBUG if os.environ.get(DEBUG_VARIABLE) else Level.INFO
    descriptor = 2

    def __init__(self, component: str) -> None:
        """A log whose lines say `role=component`."""
        self._component = component
        self._lost = 0

    def error(self, event: str, **fields: object) -> None:
        """Something is not in effect that should be."""
        self.write(Level.ERROR, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something an operator should look at."""
        self.write(Level.WARNING, event, fields)

    def notice(self, event: str, **fields: object) -> None:
        """Something that changed what the network sees."""
        self.write(Level.NOTICE, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Something that happened."""
        self.write(Level.INFO, event, fields)

    def debug(self, event: str, **fields: object) -> None:
        """Detail for a developer."""
        self.write(Level.DEBUG, event, fields)

    def write(self, level: Level, event: str, fields: dict[str, object]) -> None:
        """Write one line now, or count it as lost."""
        if level > self.threshold:
            return
        if self._lost:
            fields = {**fields, "lines_lost_before": self._lost}
        line = head(level, self.descriptor) + as_line(self._component, event, fields)
        if _put(self.descriptor, line):
            self._lost = 0
        else:
            self._lost += 1


def as_line(component: str, event: str, fields: dict[str, object]) -> str:
    """The fields as `role=... event=... key=value`; None is left out, text with blanks is quoted."""
    parts = [f"role={component}", f"event={event}"]
    parts += [f"{key}={_value(value)}" for key, value in fields.items() if value is not None]
    return " ".join(parts)


def head(level: Level, descriptor: int) -> str:
    """What stands before the fields: `<6>` for journald, else time and level."""
    if _is_journal(descriptor):
        return f"<{level.value}>"
    now = datetime.datetime.now(datetime.UTC)
    return f"time={now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z level={level.name.lower()} "


def _value(value: object) -> str:
    text = str(value.value) if isinstance(value, enum.Enum) else str(value)
    if isinstance(value, float):
        text = f"{value:.6g}"
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped) + '"'


def _is_journal(descriptor: int) -> bool:
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return False
    found = os.fstat(descriptor)
    return stream == f"{found.st_dev}:{found.st_ino}"


def _put(descriptor: int, line: str) -> bool:
    data = line.encode("utf-8", "replace")[: LINE_MAX - 1] + b"\n"
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not any(events & select.POLLOUT for _, events in poll.poll(0)):
        return False
    try:
        return os.write(descriptor, data) == len(data)
    except OSError:
        return False
