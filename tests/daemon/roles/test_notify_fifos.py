# SPDX-License-Identifier: Apache-2.0
"""FIFOs of a configuration and the programs that read them; what stands in the lines is in test_notify_scripts."""

from __future__ import annotations

import asyncio
import os
import pathlib

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import notify_fifos
from bascule.daemon.roles.notify_fifos import Fifos
from bascule.lab.waiting import come
from bascule.model.scripts import Fifo, Script, ScriptSettings
from bascule.notify.programs import Programs
from bascule.notify.tasks import Tasks

ME = "root" if os.geteuid() == 0 else str(os.geteuid())
LINE = b'GROUP "G" MASTER 0\n'


def programs(**fifos: Fifo) -> Programs:
    return Programs(ScriptSettings(user=ME, **fifos), print)  # type: ignore[arg-type]


def test_a_reader_is_started_gets_the_path_last_and_is_started_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify_fifos, "FIRST_PAUSE", 0.05)
    out = tmp_path / "out"
    out.touch()
    script = Script(
        command=("/bin/sh", "-c", f'echo "$0 $1" >> {out}; read -r line < "$1"; echo "$line" >> {out}', "x")
    )
    path = str(tmp_path / "fifo")

    async def main() -> None:
        tasks = Tasks()
        fifos = Fifos(tasks, Log("notify"))
        fifos.configure(programs(vrrp_fifo=Fifo(path=path, reader=script)))
        fifos.vrrp(LINE)
        await come(lambda: out.read_text().splitlines()[:2] == [f"x {path}", LINE.decode().strip()], 20, "the line")
        fifos.vrrp(LINE)
        await come(lambda: out.read_text().count("GROUP") == 2, 20, "the second reader's line")
        fifos.close(remove=True)
        await tasks.close()

    asyncio.run(main())
    assert not pathlib.Path(path).exists()


def test_a_reader_that_cannot_run_disturbs_nobody(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        tasks = Tasks()
        fifos = Fifos(tasks, Log("notify"))
        reader = Script(command=("/no/such/reader",))
        fifos.configure(programs(fifo=Fifo(path=str(tmp_path / "fifo"), reader=reader)))
        fifos.lvs(LINE)
        await asyncio.sleep(0)
        assert fifos.status()[0].written == 1
        fifos.close(remove=True)
        await tasks.close()

    asyncio.run(main())
    assert "event=fifo_reader_not_run" in capfd.readouterr().err


def test_a_reload_keeps_what_stays_and_says_what_cannot_be(tmp_path: pathlib.Path) -> None:
    first, second = Fifo(path=str(tmp_path / "first")), Fifo(path=str(tmp_path / "second"))

    async def main() -> None:
        tasks = Tasks()
        fifos = Fifos(tasks, Log("notify"))
        fifos.configure(programs(fifo=first, lvs_fifo=second))
        fifos.lvs(LINE)
        bad = Fifo(path=str(tmp_path / "no" / "where"))
        fifos.configure(programs(fifo=first, vrrp_fifo=bad))
        assert fifos.notes == (f"FIFO {bad.path}: No such file or directory",)
        assert [(each.path, each.written) for each in fifos.status()] == [(first.path, 1)]
        assert not os.path.exists(second.path)  # noqa: ASYNC240
        fifos.configure(programs())
        assert fifos.status() == ()
        await tasks.close()

    asyncio.run(main())


def test_a_full_pipe_is_said_once_and_that_it_is_read_again(
    tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fifo"

    async def main() -> None:
        fifos = Fifos(Tasks(), Log("notify"))
        fifos.configure(programs(fifo=Fifo(path=str(path))))
        for _ in range(5000):
            fifos.vrrp(LINE)
        assert fifos.status()[0].lost > 0
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        os.read(descriptor, 1 << 16)
        os.close(descriptor)
        fifos.vrrp(LINE)
        fifos.close(remove=True)

    asyncio.run(main())
    log = capfd.readouterr().err
    assert log.count("event=fifo_full") == 1
    assert log.count("event=fifo_read_again") == 1
