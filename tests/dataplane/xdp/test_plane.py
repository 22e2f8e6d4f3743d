# SPDX-License-Identifier: Apache-2.0
"""The XDP director whole, on real packets between network namespaces."""

from __future__ import annotations

import ipaddress
import pathlib
import socket

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bascule.dataplane.ledger import Ledger
from bascule.dataplane.reconcile import reconcile
from bascule.dataplane.xdp.layout import State
from bascule.dataplane.xdp.plane import NOTE_OWN_CONNECTIONS, XdpPlane
from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from bascule.model.base import Seconds, Weight
from bascule.model.configuration import Configuration, XdpMode
from bascule.model.service import (
    Connection,
    ConnectionState,
    Protocol,
    RealServer,
    RealServerView,
    Scheduler,
    ServiceId,
    VirtualService,
)
from tests.dataplane.xdp.bench import DEADLINE, RS1, RS2, SLOTS, VIP, Bench, real, service

pytestmark = [pytest.mark.root, pytest.mark.lab]


def views(plane: XdpPlane) -> dict[str, RealServerView]:
    """The web service's real servers by their last byte."""
    return {str(view.server.address)[-3:]: view for view in plane.services()[0].servers}


def entries(plane: XdpPlane) -> list[Connection]:
    return list(plane.connections())


def test_connections_are_balanced_and_counted(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1), real(RS2)))
    assert sorted(bench.ask(client) for client in (20, 21, 22, 23)) == ["rs1", "rs1", "rs2", "rs2"]
    assert [attached.mode for attached in plane.attachments()] == ["native"]
    (view,) = plane.services()
    assert view.counters.connections == 4
    assert view.counters.packets_in == sum(entry.counters.packets_in for entry in view.servers)
    with bench.connect(24) as held:
        held.recv(16)
        wait_for(lambda: sum(entry.active for entry in views(plane).values()) == 1, DEADLINE, "an active connection")
        assert [e.state for e in entries(plane) if e.client == ipaddress.ip_address("192.168.2.24")] == [
            ConnectionState.ESTABLISHED
        ]
    assert plane.counters()["tx"] >= 12
    assert NOTE_OWN_CONNECTIONS in plane.notes()


def test_a_client_keeps_its_server_while_persistent(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1), real(RS2), persistence=60))
    assert len({bench.ask(20) for _ in range(4)}) == 1
    assert sum(view.persistent for view in views(plane).values()) == 1
    assert [entry.state for entry in entries(plane) if entry.client_port == 0] == [ConnectionState.ASSURED]


def test_a_server_that_leaves_and_returns_has_its_connection_and_counters(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    with bench.connect(20) as held:
        assert held.recv(16) == b"rs1"
        index, before = bench.index(plane, RS1), views(plane)["212"].counters
        bench.apply(plane, service(real(RS2)))
        gone = plane.counters()["server_gone"]
        held.send(b"?")
        wait_for(lambda: plane.counters()["server_gone"] > gone, DEADLINE, "a packet dropped for want of its server")
        assert bench.ask(21) == "rs2"
        bench.apply(plane, service(real(RS1), real(RS2)))
        assert bench.index(plane, RS1) == index
        assert views(plane)["212"].counters.connections == before.connections
        assert views(plane)["212"].active == 1
        assert held.recv(16) == b"rs1"


def test_a_port_used_again_after_a_refusal_goes_where_the_client_belongs(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1), persistence=60))
    bench.servers["rs1"].close()
    with pytest.raises(ConnectionRefusedError):
        bench.connect(20, port=33333)
    assert [entry.state for entry in entries(plane) if entry.client_port] == [ConnectionState.SYN_RECV]
    bench.apply(plane, service(real(RS2), persistence=60))
    assert bench.ask(20) == "rs2"
    bench.apply(plane, service(real(RS1), real(RS2), persistence=60))
    with bench.connect(20, port=33333) as again:
        assert again.recv(16) == b"rs2"


def test_a_weight_of_nothing_takes_no_new_connections_and_keeps_the_old(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    with bench.connect(20) as held:
        assert held.recv(16) == b"rs1"
        bench.apply(plane, service(real(RS1, weight=0), real(RS2)))
        assert {bench.ask(client) for client in (21, 22, 23)} == {"rs2"}
        held.send(b"?")
        assert held.recv(16) == b"rs1"


def test_the_next_process_adopts_table_link_and_counters(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    with bench.connect(20) as held:
        held.recv(16)
        counted = plane.services()[0].counters.connections
        bench.close(plane)
        held.send(b"?")
        assert held.recv(16) == b"rs1", "forwarding goes on without a process"
        assert bench.ask(21) == "rs1"
        successor = bench.open()
        assert successor.adopted
        assert bench.apply(successor, service(real(RS1))) == ()
        assert successor.services()[0].counters.connections == counted + 1
        held.send(b"?")
        assert held.recv(16) == b"rs1"
        assert bench.ask(22) == "rs1"


def test_tables_are_shown_with_the_daemon_dead(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1, 3), real(RS2, 3), scheduler=Scheduler.WLC, persistence=60))
    with bench.connect(20) as held:
        name = held.recv(16).decode()
        bench.close(plane)
        lines = bench.ipvsadm("-Ln").splitlines()
        assert lines[:4] == [
            f"IP Virtual Server version 1.2.1 (size={SLOTS})",
            "Prot LocalAddress:Port Scheduler Flags",
            "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
            "TCP  192.168.2.240:80 wlc persistent 60",
        ]
        active = {"rs1": (1, 0), "rs2": (0, 1)}[name]
        assert lines[4:] == [
            f"  -> 192.168.2.{last}:80             Route   3      {count}          0         "
            for last, count in zip((212, 213), active, strict=True)
        ]
        assert any(
            line.startswith("TCP 14:5") and " ESTABLISHED 192.168.2.20:" in line
            for line in bench.ipvsadm("-Lnc").splitlines()
        ) or "TCP 15:00" in bench.ipvsadm("-Lnc")
        assert bench.ipvsadm("-Ln", "--stats").splitlines()[3].split()[2] == "1"
        held.send(b"?" * 50)
        assert bench.ipvsadm("-Ln", "--rate").splitlines()[3].split()[1] == "192.168.2.240:80"


def test_what_is_over_is_freed_and_counts_go_down(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1), persistence=1))
    bench.ask(20)
    with bench.connect(21) as held:
        held.recv(16)
        timeouts = plane.director.settings["timeouts"]
        for state in (State.FIN_WAIT, State.CLOSE, State.TIME_WAIT):
            timeouts[state] = 1
        bench.until(plane, lambda: {str(e.client) for e in entries(plane)} == {"192.168.2.21"}, "expiry", 20)
        bench.until(plane, lambda: views(plane)["212"].inactive == 0, "counts", 20)
        assert {e.client_port for e in entries(plane)} == {0, held.getsockname()[1]}, "its template lives as long"
        assert (views(plane)["212"].active, views(plane)["212"].inactive, views(plane)["212"].persistent) == (1, 0, 1)
    timeouts[State.ESTABLISHED] = 1
    bench.until(plane, lambda: not entries(plane), "an empty table", 20)
    assert (views(plane)["212"].active, views(plane)["212"].inactive, views(plane)["212"].persistent) == (0, 0, 0)
    assert views(plane)["212"].counters.connections == 2


def test_a_mac_that_changes_is_followed(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    before = bench.mac(plane, RS1)
    rs1 = bench.network.host("rs1")
    rs1.run(["ip", "link", "set", "eth0", "address", "02:00:00:00:be:ef"])
    with rs1.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"here I am", ("192.168.2.210", 9))
    bench.until(plane, lambda: bench.mac(plane, RS1) not in (0, before), "the new MAC")
    assert bench.ask(20) == "rs1"


def test_a_silent_server_is_named_and_costs_no_client_anything(bench: Bench) -> None:
    plane = bench.open()
    nobody = ipaddress.ip_address("192.168.2.99")
    bench.apply(plane, service(real(RS1), real(nobody)))
    assert {bench.ask(client) for client in range(20, 24)} == {"rs1"}
    bench.until(
        plane, lambda: any("192.168.2.99 does not answer ARP on eth0" in note for note in plane.notes()), "note"
    )
    assert views(plane)[".99"].trouble == "192.168.2.99 does not answer ARP on eth0"
    assert views(plane)["212"].trouble is None


def test_a_server_off_the_segment_is_named_and_the_others_run(bench: Bench) -> None:
    plane = bench.open()
    bench.director.run(["ip", "route", "add", "10.9.9.0/24", "via", "192.168.2.213"])
    far, lost = ipaddress.ip_address("10.9.9.9"), ipaddress.ip_address("10.8.8.8")
    own = ipaddress.ip_address("192.168.2.210")
    bench.apply(plane, service(real(RS1), real(far), real(lost), real(own)))
    bench.keep_house(plane)
    notes = "\n".join(plane.errors())
    assert not set(plane.errors()) & set(plane.notes())
    assert "10.9.9.9 is not on-link (reached through 192.168.2.213 on eth0)" in notes
    assert "there is no route to 10.8.8.8" in notes
    assert "192.168.2.210 is an address of this director" in notes
    assert {bench.ask(client) for client in range(20, 24)} == {"rs1"}


def test_a_severed_link_is_replaced_and_the_table_kept(bench: Bench) -> None:
    bench.director.run(["ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1"])
    plane = bench.open(bench.configuration("eth0", "x0"))
    bench.apply(plane, service(real(RS1)))
    with bench.connect(20) as held:
        held.recv(16)
        bench.director.run(["ip", "link", "del", "x0"])
        bench.until(plane, lambda: any("x0: the interface is gone" in note for note in plane.notes()), "a note")
        assert [(a.interface, a.mode) for a in plane.attachments()] == [("eth0", "native"), ("x0", "none")]
        bench.director.run(["ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1"])
        bench.until(plane, lambda: [a.mode for a in plane.attachments()] == ["native", "native"], "a new link")
        assert not any("x0" in note for note in plane.notes())
        held.send(b"?")
        assert held.recv(16) == b"rs1"


def test_a_link_severed_while_nobody_ran_is_replaced_at_the_start(bench: Bench) -> None:
    def make() -> None:
        bench.director.run(["ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1"])

    make()
    plane = bench.open(bench.configuration("eth0", "x0"))
    bench.apply(plane, service(real(RS1)))
    bench.close(plane)
    bench.director.run(["ip", "link", "del", "x0"])
    make()
    successor = bench.open(bench.configuration("eth0", "x0"))
    assert [attached.mode for attached in successor.attachments()] == ["native", "native"]
    assert bench.apply(successor, service(real(RS1))) == ()
    assert bench.ask(20) == "rs1"


def test_tables_of_another_layout_are_refused_and_left_alone(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    ours = int(plane.director.settings["layout_version"])
    plane.director.settings["layout_version"] = ours + 1
    with pytest.raises(KernelRefusedError, match="made by another version of bascule"):
        bench.open()
    with pytest.raises(KernelRefusedError, match="made by another version"):
        bench.ipvsadm("-Ln")
    assert bench.ask(20) == "rs1", "it goes on forwarding"
    plane.director.settings["layout_version"] = ours


def left_behind(bench: Bench) -> list[str]:
    """What of ours is in the kernel: pins and programs."""
    pins = [str(path) for path in (bench.run_dir / "bpf").rglob("*")] if bench.run_dir.exists() else []
    mounts = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(bench.run_dir) in line]
    shown = bench.director.run(["ip", "link", "show", "eth0"]).stdout
    return [*pins, *mounts, *(["a program on eth0"] if "xdp" in shown else [])]


def test_an_interface_that_does_not_exist_leaves_nothing_half_done(bench: Bench) -> None:
    from bascule.dataplane.choose import open_plane

    with (
        bench.director.entered(),
        pytest.raises(KernelRefusedError, match="there is no interface nosuch0"),
    ):
        open_plane(bench.configuration("eth0", "nosuch0"), bench.run_dir)
    assert left_behind(bench) == []


def test_a_reload_that_names_a_missing_interface_changes_nothing(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    with bench.director.entered(), pytest.raises(KernelRefusedError, match="nosuch0"):
        plane.configure(bench.configuration("nosuch0"))
    assert [attached.interface for attached in plane.attachments()] == ["eth0"]
    assert bench.ask(20) == "rs1"


def test_another_program_on_the_interface_is_named_and_left_alone(bench: Bench) -> None:
    from bascule.lab.network import pass_object

    load = ["ip", "link", "set", "eth0", "xdp", "obj", str(pass_object()), "sec", "xdp"]
    bench.director.run(load)
    bench.director.run(["ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1"])
    with pytest.raises(
        KernelRefusedError, match="eth0: another XDP program sits there; `ip link set dev eth0 xdp off`"
    ):
        bench.open(bench.configuration("x0", "eth0"))
    assert "xdp" not in bench.director.run(["ip", "link", "show", "x0"]).stdout
    assert "xdp" in bench.director.run(["ip", "link", "show", "eth0"]).stdout
    bench.director.run(["ip", "link", "set", "eth0", "xdp", "off"])


def test_leaving_an_interface_at_a_reload(bench: Bench) -> None:
    bench.director.run(["ip", "link", "add", "x0.7", "type", "veth", "peer", "name", "x1"])
    plane = bench.open(bench.configuration("eth0", "x0.7"))
    assert "xdp" in bench.director.run(["ip", "link", "show", "x0.7"]).stdout
    with bench.director.entered():
        plane.configure(bench.configuration("eth0"))
    assert "xdp" not in bench.director.run(["ip", "link", "show", "x0.7"]).stdout
    assert [attached.interface for attached in plane.attachments()] == ["eth0"]


def test_generic_mode_where_it_is_asked_for(bench: Bench) -> None:
    plane = bench.open(bench.configuration(mode=XdpMode.GENERIC))
    bench.apply(plane, service(real(RS1)))
    assert [attached.mode for attached in plane.attachments()] == ["generic"]
    assert bench.ask(20) == "rs1"
    with bench.director.entered():
        plane.configure(bench.configuration(mode=XdpMode.NATIVE))
    assert [attached.mode for attached in plane.attachments()] == ["native"]
    assert bench.ask(21) == "rs1"


def test_stopping_leaves_nothing(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    bench.ask(20)
    bench.planes.remove(plane)
    with bench.director.entered():
        plane.destroy()
    assert left_behind(bench) == []


def test_udp_is_balanced_too(bench: Bench) -> None:
    name = ServiceId(protocol=Protocol.UDP, address=VIP, port=5353)
    desired = VirtualService(
        id=name,
        scheduler=Scheduler.RR,
        servers=(RealServer(address=RS1, port=5353),),
    )
    with bench.network.host("rs1").entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("0.0.0.0", 5353))
    listener.settimeout(DEADLINE)
    plane = bench.open()
    bench.apply(plane, desired)
    with bench.network.host("clients").entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listener, sender:
        bench.until(plane, lambda: plane.director.servers["mac"][1], "the MAC")
        for number in range(4):
            sender.sendto(b"%d" % number, (str(VIP), 5353))
        assert listener.recv(16) == b"0"
    (entry,) = entries(plane)
    assert (entry.protocol, entry.state, entry.virtual_port) == (Protocol.UDP, ConnectionState.UDP, 5353)


servers = st.builds(
    RealServer,
    address=st.sampled_from([ipaddress.ip_address(f"192.168.2.{last}") for last in range(210, 215)]),
    port=st.just(80),
    weight=st.integers(0, 4).map(Weight),
)
wanted_services = st.builds(
    VirtualService,
    id=st.builds(
        ServiceId,
        protocol=st.sampled_from([Protocol.TCP, Protocol.UDP]),
        address=st.sampled_from([VIP, ipaddress.ip_address("192.168.2.241")]),
        port=st.sampled_from([53, 80]),
    ),
    scheduler=st.sampled_from([Scheduler.RR, Scheduler.WRR, Scheduler.LC, Scheduler.WLC]),
    persistence=st.sampled_from([None, Seconds(60.0), Seconds(0.5)]),
    servers=st.lists(servers, max_size=4, unique_by=lambda server: server.id).map(tuple),
)
tables = st.lists(wanted_services, max_size=4, unique_by=lambda wanted: wanted.id).map(tuple)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(tables, min_size=1, max_size=4))
def test_the_plane_holds_what_is_wanted(plane_alone: XdpPlane, steps: list[tuple[VirtualService, ...]]) -> None:
    ledger = Ledger()
    ledger.claim(tuple(view.service.id for view in plane_alone.services()))
    for wanted in steps:
        changes = reconcile(plane_alone, wanted, ledger)
        assert not any(change.refused for change in changes)
        held = {
            view.service.id: (view.service, frozenset(entry.server for entry in view.servers))
            for view in plane_alone.services()
        }
        assert held == {
            each.id: (msgspec.structs.replace(each, servers=()), frozenset(each.servers)) for each in wanted
        }
        assert reconcile(plane_alone, wanted, ledger) == ()


@pytest.fixture
def plane_alone(bench: Bench) -> XdpPlane:
    """A plane that sits on nothing."""
    return bench.open(Configuration())


def test_the_table_is_as_large_as_asked_for_and_says_when_it_is_not(bench: Bench) -> None:
    plane = bench.open()
    assert plane.table_size() == SLOTS
    bench.close(plane)
    with bench.director.entered():
        larger = XdpPlane(bench.run_dir, slots=SLOTS * 2)
    bench.planes.append(larger)
    assert larger.table_size() == SLOTS
    assert any(f"keeps its {SLOTS} slots" in note for note in larger.notes())
