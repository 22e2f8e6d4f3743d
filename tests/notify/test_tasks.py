# SPDX-License-Identifier: Apache-2.0
"""Tasks that nobody awaits are not lost."""

from __future__ import annotations

import asyncio

import pytest

from bascule.notify import tasks
from bascule.notify.tasks import Tasks


def test_a_defect_is_noticed_and_raised_at_the_end() -> None:
    async def broken() -> None:
        raise RuntimeError("a defect")

    async def main() -> None:
        tasks = Tasks()
        tasks.start(broken(), "broken")
        async with asyncio.timeout(5):
            await tasks.failed.wait()
        assert len(tasks) == 0
        await tasks.close()

    with pytest.raises(RuntimeError, match="a defect"):
        asyncio.run(main())


def test_all_end_with_their_owner() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main() -> None:
        tasks = Tasks()
        task = tasks.start(long(), "long")
        await asyncio.sleep(0)
        assert len(tasks) == 1
        await tasks.close()
        assert task.cancelled()
        assert not tasks.failed.is_set()

    asyncio.run(main())
    assert ended == [True]


def test_a_task_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_EACH", 0.01)
    lost = []

    async def stubborn() -> None:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.append(True)
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await tasks.end([task])
        assert task.cancelled()

    asyncio.run(main())
    assert lost == [True, True, True]
