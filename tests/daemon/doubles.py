# SPDX-License-Identifier: Apache-2.0
"""Roles that do nothing but keep the contract and write down what they hear: `python doubles.py ROLE --bus-fd ...`."""

from __future__ import annotations

import os
import sys

from bascule.daemon import memfd
from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.roles import __main__ as entry
from bascule.errors import KernelRefusedError
from bascule.model.base import Priority, to_json, unpack
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import (
    Configure,
    Handover,
    InstanceState,
    Message,
    Ready,
    Role,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
    StopMode,
)
from bascule.model.status import ChecksStatus, NotifyStatus, PlaneStatus, VrrpStatus

BODIES = {
    Role.VRRP: VrrpStatus(),
    Role.PLANE: PlaneStatus(kind="memory", ready=True, ready_reason="a double"),
    Role.CHECKS: ChecksStatus(),
    Role.NOTIFY: NotifyStatus(),
}


class Double:
    """One role."""

    def __init__(self, context: RoleContext) -> None:
        self.role = Role(sys.argv[1])
        self.context = context
        self.record_file = context.run_dir / f"{self.role.value}.record"

    def note(self, text: str) -> None:
        with self.record_file.open("a") as record:
            record.write(f"{os.getpid()} {text}\n")

    def run(self) -> int:
        if (self.context.run_dir / f"{self.role.value}.refuse").exists():
            raise KernelRefusedError("told to refuse")
        self.note(f"start generation={self.context.generation} restarted={self.context.restarted}")
        self.context.bus.send(Started(role=self.role, generation=self.context.generation))
        self.speak()
        while True:
            self.context.bus.wait()
            try:
                for message, descriptor in self.context.bus.receive():
                    if not self.serve(message, descriptor):
                        return 0
            except BusClosedError:
                self.note("orphaned")
                return 0

    def speak(self) -> None:
        """What the others should hear of."""
        if self.role is Role.VRRP:
            for instance in self.context.configuration.instances:
                self.context.bus.send(
                    InstanceState(
                        instance=instance.name,
                        state=VrrpState.MASTER,
                        priority=Priority(100),
                        since=1.0,
                        reason="a double",
                    )
                )
        if self.role is Role.PLANE:
            self.context.bus.send(Ready(ready=True, reason="a double"))
        if self.role is Role.CHECKS:
            # Only vrrp may say this: the supervisor must not pass it on.
            self.context.bus.send(Handover(active=("forged",)))

    def serve(self, message: Message, descriptor: int | None) -> bool:
        if not isinstance(message, StatusRequest):
            self.note(repr(message))
        match message:
            case Configure(generation=generation):
                assert descriptor is not None
                unpack(memfd.read_all(descriptor), Configuration)
                os.close(descriptor)
                self.context.bus.send(Started(role=self.role, generation=generation))
            case StatusRequest(number=number):
                body = to_json(BODIES[self.role])
                self.context.bus.send(StatusReply(number=number, role=self.role, body=body))
            case Stop(mode=mode):
                if mode is StopMode.RESTART and self.role is Role.VRRP:
                    self.context.bus.send(Handover(active=("VI_1",), at=2.0))
                return False
            case _:
                pass
        return True


def run(context: RoleContext) -> int:
    """The entry's contract."""
    return Double(context).run()


def die_on_standby() -> None:
    """Where a test asks for it, end while loading as a successor."""
    folder = next(argument.partition("=")[2] for argument in sys.argv if argument.startswith("--run-dir="))
    if "--standby" in sys.argv and os.path.exists(os.path.join(folder, f"{sys.argv[1]}.die-on-standby")):
        sys.exit(1)


if __name__ == "__main__":
    die_on_standby()
    sys.modules["doubles"] = sys.modules["__main__"]
    sys.exit(entry.main(sys.argv[1:], {role.value: "doubles" for role in BODIES}))
