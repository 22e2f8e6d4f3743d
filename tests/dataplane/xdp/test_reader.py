# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pathlib

import pytest

from bascule.dataplane.choose import open_reader
from bascule.dataplane.xdp import reader
from bascule.dataplane.xdp.reader import XdpReader
from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from tests.dataplane.xdp.bench import DEADLINE, RS1, SLOTS, Bench, real, service


def test_without_a_plane_it_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KernelRefusedError, match="there is no data plane of bascule in this network namespace"):
        XdpReader(tmp_path)


def test_others_than_root_are_told_so(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: pathlib.Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(reader, "is_bpf_mounted", closed)
    with pytest.raises(KernelRefusedError, match="only root may look at the data plane"):
        XdpReader(tmp_path)


@pytest.mark.root
@pytest.mark.lab
def test_it_reads_what_the_writer_holds_and_writes_nothing(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1, 3), persistence=60))
    with bench.connect(20) as held:
        held.recv(16)
        with bench.director.entered():
            opened = open_reader(bench.run_dir)
        bench.close(plane)
        (view,) = opened.services()
        assert (view.service, view.servers[0].server) == (service(persistence=60), real(RS1, 3))
        assert (view.servers[0].active, view.servers[0].trouble, view.counters.connections) == (1, None, 1)
        assert {entry.client_port for entry in opened.connections()} == {0, held.getsockname()[1]}
        assert all(0 < entry.expires <= 900 for entry in opened.connections())
        assert opened.table_size() == SLOTS
        opened.close()


@pytest.mark.root
@pytest.mark.lab
def test_rates_come_from_the_daemon_or_are_measured_when_it_is_dead(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    with bench.connect(20) as held, bench.director.entered():
        held.recv(16)

        def shown() -> int:
            held.send(b"?" * 20)
            found_by = XdpReader(bench.run_dir)
            found_by.measure_rates()
            found = found_by.services()[0].rates.packets_in
            found_by.close()
            return found

        bench.until(plane, lambda: shown() > 0, "the daemon's averages")
        bench.close(plane)
        bench.network.host("d1").run(["rm", *map(str, (bench.run_dir / "state").glob("rates-*"))])
        with bench.flood(held):
            wait_for(lambda: shown() > 0, DEADLINE, "measured rates")


@pytest.mark.root
@pytest.mark.lab
def test_other_namespaces_have_planes_of_their_own(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    with bench.network.host("d2").entered(), pytest.raises(KernelRefusedError, match="no data plane"):
        XdpReader(bench.run_dir)
