# SPDX-License-Identifier: Apache-2.0
"""A process killed in the midst of its edits: forwarding goes on, the next one leaves everything whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys

import pytest

from bascule.lab.waiting import wait_for
from bascule.model.base import to_json
from bascule.model.service import VirtualService
from tests.dataplane.xdp.bench import DEADLINE, RS1, RS2, Bench, real, service

EDITOR = """
import ipaddress, itertools, pathlib, sys
from bascule.dataplane.ledger import Ledger
from bascule.dataplane.reconcile import reconcile
from bascule.dataplane.xdp.plane import XdpPlane
from bascule.model.base import Seconds, Weight, from_json
from bascule.model.service import VirtualService

run_dir = pathlib.Path(sys.argv[1])
tables = [tuple(from_json(text.encode(), VirtualService) for text in sys.argv[2:]), ()]
plane = XdpPlane(run_dir, slots=1 << 16)
ledger = Ledger(run_dir / "state" / "services")
keep, others = tables[0][0], tables[0][1:]
print("editing", flush=True)
for count in itertools.count():
    reconcile(plane, (keep, *others) if count % 2 else (keep,), ledger)
"""


@pytest.mark.root
@pytest.mark.lab
def test_killed_while_editing(bench: Bench) -> None:
    steady = service(real(RS1))
    extra = tuple(
        VirtualService(
            id=type(steady.id)(protocol=steady.id.protocol, address=steady.id.address, port=8000 + number),
            servers=(real(RS1), real(RS2, weight=number)),
        )
        for number in range(4)
    )
    plane = bench.open()
    bench.apply(plane, steady)
    bench.close(plane)
    moments = random.Random(7)
    with bench.connect(20) as held:
        assert held.recv(16) == b"rs1"
        for _ in range(4):
            arguments = [to_json(each).decode() for each in (steady, *extra)]
            editor = bench.director.popen([sys.executable, "-c", EDITOR, str(bench.run_dir), *arguments], log="editor")
            wait_for(lambda: "editing" in bench.director.log_file("editor").read_text(), DEADLINE, "the editor")
            with pytest.raises(subprocess.TimeoutExpired):
                editor.wait(moments.uniform(0.0, 0.05))
            editor.send_signal(signal.SIGKILL)
            editor.wait(DEADLINE)
            bench.director.log_file("editor").write_text("")
            held.send(b"?")
            assert held.recv(16) == b"rs1"
            successor = bench.open()
            assert successor.adopted
            bench.apply(successor, steady, *extra)
            shown = {view.service.id: len(view.servers) for view in successor.services()}
            assert shown == {each.id: len(each.servers) for each in (steady, *extra)}
            assert successor.director.directory_entries().keys() >= {
                (each.id.address, each.id.port, 6) for each in (steady, *extra)
            }
            assert bench.apply(successor, steady, *extra) == ()
            bench.apply(successor, steady)
            assert bench.ask(21) == "rs1"
            bench.close(successor)
