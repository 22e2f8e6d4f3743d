# SPDX-License-Identifier: Apache-2.0
"""The postman by himself; with a real mail server he is in test_notify."""

from __future__ import annotations

import asyncio

from bascule.daemon.log import Log
from bascule.daemon.roles.notify_mail import Postman
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import Configuration, GlobalDefinitions, MailSettings, VrrpInstance, VrrpState
from bascule.model.messages import GroupChanged, InstanceChanged
from bascule.model.tracking import SyncGroup
from bascule.notify.mail import Mail, MailFailedError
from bascule.notify.queue import Policy

MAIL = GlobalDefinitions(mail=MailSettings(to=("a@example.org",), server="127.0.0.1"))
CONFIGURATION = Configuration(
    globals=MAIL,
    instances=(VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(1), smtp_alert=True),),
    sync_groups=(SyncGroup(name="G", members=("VI_1",), smtp_alert=True),),
)


def changed(state: VrrpState = VrrpState.MASTER) -> InstanceChanged:
    return InstanceChanged(instance="VI_1", state=state, priority=Priority(100), why="", at=1.0)


class Post:
    """A server that takes everything, or nothing."""

    def __init__(self, *, broken: bool = False) -> None:
        self.subjects: list[str] = []
        self.broken = broken

    async def __call__(self, mail: Mail, settings: MailSettings) -> tuple[str, ...]:  # noqa: ARG002
        if self.broken:
            raise MailFailedError("no")
        self.subjects.append(mail.data.decode().split("Subject: ")[1].split("\r\n")[0].split("] ")[1])
        return ()


def test_instances_and_groups_are_mailed_in_order_and_the_end_waits_for_all() -> None:
    async def main() -> None:
        post = Post()
        postman = Postman(CONFIGURATION, Log("notify"), post, None)
        group = GroupChanged(group="G", state=VrrpState.MASTER, priority=Priority(0), why="", at=1.0)
        for event in (changed(), group, changed(VrrpState.INIT)):
            postman.take(event)
        assert len(postman) == 2
        postman.hurry()
        await postman.run()
        assert post.subjects == [
            "VRRP Instance VI_1 - Entering MASTER state",
            "VRRP Group G - Entering MASTER state",
        ]
        assert (postman.sent, postman.lost, len(postman)) == (2, 0, 0)

    asyncio.run(main())


def test_what_is_not_taken_is_lost_and_counted() -> None:
    async def main() -> None:
        postman = Postman(CONFIGURATION, Log("notify"), Post(broken=True), Policy(tries_max=2, first_pause=0.0))
        postman.take(changed())
        postman.hurry()
        await postman.run()
        assert (postman.sent, postman.lost, postman.last_error) == (0, 1, "no (1 tries)")

    asyncio.run(main())


def test_a_reload_without_mail_gives_up_what_waits() -> None:
    async def main() -> None:
        postman = Postman(CONFIGURATION, Log("notify"), Post(), None)
        postman.take(changed())
        postman.configure(Configuration())
        postman.hurry()
        await postman.run()
        assert (postman.sent, postman.lost) == (0, 1)
        postman.take(changed())
        assert len(postman) == 0

    asyncio.run(main())
