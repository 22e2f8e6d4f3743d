# SPDX-License-Identifier: Apache-2.0
"""The same and colliding flows from two CPUs: each flow ends in one slot, and no half-written slot is used."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import pathlib
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from bascule.dataplane.xdp.layout import META_TEMPLATE, META_VALID, SchedulerNumber
from bascule.dataplane.xdp.libbpf import TestRun, check, library
from bascule.dataplane.xdp.maps import MappedArray
from bascule.dataplane.xdp.objectfile import ObjectFile
from tests.bpf.conftest import MakeTrial
from tests.bpf.packets import Packet
from tests.bpf.trial import Trial, build

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

SHARED = np.dtype([(name, "<u8") for name in ("ticket", "base", "forwarded", "held_back", "astray")])
PACKETS_OF_A_FLOW = 8
CPUS = 2
SERVERS = 7
UNTOUCHED = bytes(Packet(destination_mac=b"\xee" * 6))


@dataclasses.dataclass
class Findings:
    """What many rounds of racing found."""

    packets: int = 0
    doubled: int = 0
    """Flows in more than one slot."""
    unfinished: int = 0
    """Slots that are neither free nor published after all is quiet."""
    astray: int = 0
    """Packets that went to another server than the flow's packets before."""
    missing: int = 0
    """Flows of which packets were forwarded, but that have no slot."""
    miscounted: int = 0
    """Rounds after which the servers' counts are not those of the table."""
    held_back: int = 0
    """Packets that met a half-written slot, or lost a race that was not decided yet."""
    withdrawn: int = 0
    """Claims given up for another CPU's: races that took place."""
    overflowed: int = 0


class Race:
    """Two threads, each on its CPU, that run the driver over one director."""

    def __init__(self, trial: Trial, driver: ObjectFile) -> None:
        self.trial = trial
        self.driver = driver.program("race")
        self.shared = MappedArray(driver.map("shared"), SHARED, writable=True).array
        self.seen = MappedArray(driver.map("seen"), "<u4", writable=True).array
        zero, program = ctypes.c_uint32(0), ctypes.c_uint32(trial.director.program())
        result = library().bpf_map_update_elem(
            driver.map("under_test"), ctypes.byref(zero), ctypes.byref(program), ctypes.c_uint64(0)
        )
        check(result, "cannot put the director under test")

    def race_once(self, flows: int, findings: Findings, *, persistence: float) -> None:
        """Fresh tables, all packets of so many flows, and a look at what they left."""
        trial = self.trial
        trial.reset()
        trial.service(scheduler=SchedulerNumber.RR, weights=(1,) * SERVERS, persistence=persistence)
        self.seen[:] = 0
        for name in ("ticket", "forwarded", "held_back", "astray"):
            self.shared[name] = 0
        self.shared["base"] = 0x0A000000
        before = trial.director.verdicts()
        self._run(flows * PACKETS_OF_A_FLOW // CPUS)
        findings.packets += flows * PACKETS_OF_A_FLOW
        findings.astray += int(self.shared["astray"][0])
        findings.held_back += int(self.shared["held_back"][0])
        after = trial.director.verdicts()
        findings.overflowed += after["overflowed"] - before["overflowed"]
        findings.withdrawn += after["withdrawn"] - before["withdrawn"]
        self._look(findings)

    def _run(self, packets: int) -> None:
        failures: list[BaseException] = []

        def work(cpu: int) -> None:
            try:
                os.sched_setaffinity(0, {cpu})
                TestRun(self.driver, data=UNTOUCHED, repeat=packets).run()
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(cpu,)) for cpu in sorted(os.sched_getaffinity(0))[:CPUS]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    def _look(self, findings: Findings) -> None:
        held = np.concatenate([self.trial.table, self.trial.director.overflow()])
        meta = (held["value"] >> 32).astype(np.uint32)
        published = held[(meta & META_VALID) != 0]
        findings.unfinished += int(np.count_nonzero((meta != 0) & ((meta & META_VALID) == 0)))
        findings.doubled += len(published) - len(np.unique(published["key"]))
        connections = published[(published["value"] >> 32 & META_TEMPLATE) == 0]
        findings.missing += max(0, int(np.count_nonzero(self.seen)) - len(np.unique(connections["key"])))
        servers = self.trial.director.servers[1 : SERVERS + 1]
        counted = int(servers["active"].sum() + servers["inactive"].sum()), int(servers["persistent"].sum())
        findings.miscounted += counted != (len(connections), len(published) - len(connections))


@pytest.fixture
def driver(tmp_path: pathlib.Path) -> Iterator[ObjectFile]:
    """The driver, loaded."""
    loaded = ObjectFile(build(tmp_path, source=str(pathlib.Path(__file__).parent / "race.bpf.c")))
    loaded.load()
    yield loaded
    loaded.close()


SPARSE, CROWDED = 1000, 4000
"""Flows in the 4096 slots of a trial's table: the second fills it, so that lines overflow."""


def race(trial: Trial, driver: ObjectFile, packets: int) -> Findings:
    """Rounds of both kinds, with and without persistence, until so many packets have raced."""
    findings = Findings()
    racing = Race(trial, driver)
    while findings.packets < packets:
        racing.race_once(CROWDED, findings, persistence=0)
        racing.race_once(SPARSE, findings, persistence=0)
        racing.race_once(SPARSE, findings, persistence=60)
    return findings


def test_each_flow_ends_in_one_slot(trial: Trial, driver: ObjectFile) -> None:
    findings = race(trial, driver, 10_000_000)
    print(findings)
    assert findings.packets >= 10_000_000
    assert (findings.doubled, findings.unfinished, findings.astray) == (0, 0, 0), findings
    assert (findings.missing, findings.miscounted) == (0, 0), findings
    assert findings.overflowed > 0
    assert findings.withdrawn > 100
    assert findings.held_back < findings.packets / 100


@pytest.mark.parametrize("defect", ["DEFECT_CLAIM", "DEFECT_RIVALS"])
def test_flows_are_doubled_without(make_trial: MakeTrial, driver: ObjectFile, defect: str) -> None:
    findings = race(make_trial(defect), driver, 2_000_000)
    print(findings)
    assert findings.doubled > 0
    assert findings.astray > 0
