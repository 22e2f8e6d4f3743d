# SPDX-License-Identifier: Apache-2.0
"""The entry of every role's process: `python -m bascule.daemon.roles NAME --bus-fd N --config-fd M ...`.

It reads the configuration from the memfd, ties the process's life to the supervisor's, and calls the role's `run`.
It is no place for set-up that only some roles need.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import importlib
import os
import pathlib
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence

from bascule.daemon import exits
from bascule.daemon.bus import Bus
from bascule.daemon.context import RoleContext
from bascule.daemon.log import Log
from bascule.daemon.memfd import read_all
from bascule.errors import BasculeError
from bascule.linux import privileges
from bascule.model.base import unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import OnStandby, Refused, Role

ROLES: Mapping[str, str] = {
    Role.VRRP.value: "bascule.daemon.roles.vrrp",
    Role.PLANE.value: "bascule.daemon.roles.plane",
    Role.CHECKS.value: "bascule.daemon.roles.checks",
    Role.NOTIFY.value: "bascule.daemon.roles.notify",
}
"""Role: the module with its `run(context) -> int`, imported only in its own process."""

ORPHAN_GRACE = 10
"""Seconds that a role has to end in order once the supervisor is gone; then SIGALRM ends it."""

BUS_DESCRIPTOR = 8000
"""Of the bus in a role: above all others, also with thousands of virtual MACs."""

_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str], modules: Mapping[str, str] = ROLES) -> int:
    """Run one role; returns its exit status (bascule.daemon.exits)."""
    options = _parser(modules).parse_args(arguments)
    _tie_to_parent(options.parent)
    role = importlib.import_module(modules[options.role])
    bus = Bus.from_descriptor(_last_of_all(options.bus_fd))
    context = RoleContext(
        bus=bus,
        configuration=unpack(read_all(options.config_fd), Configuration),
        generation=options.generation,
        run_dir=pathlib.Path(options.run_dir),
        restarted=options.restarted,
    )
    if options.standby:
        bus.send(OnStandby(role=Role(options.role)))
        bus.wait()
    try:
        return int(role.run(context))
    except BasculeError as error:
        Log(options.role).error("refused", reason=error)
        bus.send(Refused(role=Role(options.role), reason=str(error)))
        return exits.REFUSED
    except Exception as error:
        Log(options.role).error("crashed", error=repr(error), where=_where(error))
        return exits.CRASHED


def _last_of_all(descriptor: int) -> int:
    """The same with a higher number. The kernel closes what a killed process had open from the highest number on, and
    waits for its network lock with each socket that is in a multicast group: the supervisor must hear of it before.
    """
    last = min(privileges.allow_descriptors(BUS_DESCRIPTOR + 1) - 1, BUS_DESCRIPTOR)
    try:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, last)
    except OSError:
        return descriptor  # taken, or not allowed: then its end is noticed a little later
    os.close(descriptor)
    return high


def _where(error: BaseException) -> str:
    """The way to the defect, innermost first, short enough for one line."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return " < ".join(f"{pathlib.Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


def _parser(modules: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bascule.daemon.roles")
    parser.add_argument("role", choices=sorted(modules))
    parser.add_argument("--bus-fd", type=int, required=True)
    parser.add_argument("--config-fd", type=int, required=True)
    parser.add_argument("--generation", type=int, required=True)
    parser.add_argument("--run-dir", required=True)
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the supervisor's process number")
    parser.add_argument("--restarted", action="store_true", help="a role of this name ran before")
    parser.add_argument("--standby", action="store_true", help="load everything, then wait for the first message")
    return parser


def _tie_to_parent(parent: int) -> None:
    """The second line behind the bus's end of file: a role that hangs does not outlive the supervisor for long.

    Signals meant for the supervisor (a terminal's, systemd's to the whole group) do not end a role: Stop does.
    """

    def orphaned(_number: int, _frame: object) -> None:
        if os.getppid() != parent:
            signal.alarm(ORPHAN_GRACE)

    signal.signal(signal.SIGTERM, orphaned)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    orphaned(0, None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
