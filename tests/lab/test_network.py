# SPDX-License-Identifier: Apache-2.0
"""A network is really there, reaches what it should, and is really gone afterwards, whatever ended it."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from bascule.errors import KernelRefusedError
from bascule.lab import janitor, network
from bascule.lab.network import Network, mac, port_name
from bascule.lab.topologies import PAIR, SEED
from bascule.lab.waiting import wait_for
from bascule.linux import namespaces

pytestmark = [pytest.mark.root, pytest.mark.lab]

HOLDER = """
import sys, time
from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
with Network(PAIR) as network:
    network.host("d1").popen(["sleep", "600"], log="sleep")
    (network.folder / "mounted").mkdir()
    network.host("d1").run(["mount", "-t", "tmpfs", "none", str(network.folder / "mounted")])
    print(network.owner, flush=True)
    time.sleep(600)
"""


def _carrier(net: Network, name: str) -> bool:
    return "LOWER_UP" in net.host(name).run(["ip", "-brief", "link", "show", "eth0"]).stdout


def test_every_host_hears_every_other_and_a_cut_cable_is_a_lost_carrier() -> None:
    with Network(SEED) as net:
        clients = net.host("clients")
        for host in ("d1", "d2", "rs1", "rs2"):
            clients.run(["arping", "-C", "1", "-w", "2", "-i", "eth0", str(net.host(host).host.address)])
        assert _carrier(net, "d1")
        net.cut("d1")
        assert not _carrier(net, "d1")
        lost = clients.run(["arping", "-C", "1", "-w", "1", "-i", "eth0", "192.168.2.210"], check=False)
        assert lost.returncode != 0
        net.mend("d1")
        wait_for(lambda: _carrier(net, "d1"), 5, "the carrier to return")


def test_directors_have_the_pass_program_on_their_port_and_every_mac_is_pinned() -> None:
    with Network(SEED) as net:
        for name, balances in (("d1", True), ("d2", True), ("rs1", False), ("clients", False)):
            host = net.host(name).host
            shown = net.switch.run(["ip", "link", "show", port_name(host, host.links[0])]).stdout
            assert ("xdp" in shown) is balances, shown
        entries = net.switch.run(["bridge", "fdb", "show", "br", "lan"]).stdout
        for handle in net.hosts.values():
            (link,) = handle.host.links
            assert f"{mac(link)} dev {port_name(handle.host, link)} master lan static" in entries


def test_a_failing_command_says_where_and_why() -> None:
    with Network(PAIR) as net:
        with pytest.raises(KernelRefusedError, match=r"d1: ip link show nothing: status 1: .*does not exist"):
            net.host("d1").run(["ip", "link", "show", "nothing"])
        with pytest.raises(KernelRefusedError, match="has a lab already"), Network(PAIR):
            raise AssertionError("two networks of one process")
        assert namespaces.processes(net.host("d1").namespace) == ()


def test_kill_all_ends_every_process_of_one_host_alone() -> None:
    with Network(PAIR) as net:
        d1, d2 = net.host("d1"), net.host("d2")
        doomed = [d1.popen(["sh", "-c", "sleep 600 & sleep 600"], log="sleep") for _ in range(3)]
        kept = d2.popen(["sleep", "600"], log="sleep")
        wait_for(lambda: len(namespaces.processes(d1.namespace)) >= 6, 5, "two processes of each shell")
        assert set(d1.kill_all()) >= {process.pid for process in doomed}
        assert namespaces.processes(d1.namespace) == ()
        assert [process.poll() for process in doomed] == [-signal.SIGKILL] * 3
        assert kept.poll() is None
    assert kept.poll() == -signal.SIGKILL


def test_nothing_is_left_after_the_block_or_after_a_failed_build(monkeypatch: pytest.MonkeyPatch) -> None:
    with Network(PAIR) as net:
        owner, folder = net.owner, net.folder
        assert folder.is_dir()
    assert janitor.namespaces_of(owner) == ()
    assert not folder.exists()
    monkeypatch.setattr(network, "PASS_OBJECT", pathlib.Path("/nowhere/pass.bpf.o"))
    with pytest.raises(KernelRefusedError, match="make bpf"), Network(PAIR):
        raise AssertionError("built without its object")
    assert janitor.namespaces_of(owner) == ()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_nothing_is_left_of_an_owner_who_was_ended(end: signal.Signals) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert holder.stdout is not None
    with holder.stdout:
        owner = holder.stdout.readline().decode().strip()
        assert owner.startswith(f"{holder.pid}-")
        assert len(janitor.namespaces_of(owner)) == 3
        os.kill(holder.pid, end)
        holder.wait(10)
    if end is signal.SIGKILL:
        assert len(janitor.namespaces_of(owner)) == 3
        assert owner in janitor.sweep()
    assert janitor.namespaces_of(owner) == ()
    assert not (janitor.FOLDER / owner).exists()
    assert str(janitor.FOLDER / owner) not in pathlib.Path("/proc/self/mounts").read_text()
