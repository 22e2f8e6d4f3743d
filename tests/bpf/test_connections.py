# SPDX-License-Identifier: Apache-2.0
"""Connections: states, timeouts, stamps, counts, removed servers, persistence, overflow, housekeeping."""

from __future__ import annotations

import numpy as np
import pytest

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.directory import places
from bascule.dataplane.xdp.layout import TIMEOUTS, State, connection_key, connection_value
from tests.bpf.conftest import MakeTrial
from tests.bpf.packets import ACK, CLIENT, FIN, PSH, RST, SYN, UDP_PROTOCOL, Packet
from tests.bpf.trial import Trial, Xdp

pytestmark = pytest.mark.root

CLIENT_SAYS = Packet()
S, A, F, R = SYN, ACK, FIN | ACK, RST

STATES: list[tuple[str, tuple[int, ...], State]] = [
    ("SYN", (S,), State.SYN_RECV),
    ("SYN again", (S, S), State.SYN_RECV),
    ("SYN, RST: only the answer would tell", (S, R), State.SYN_RECV),
    ("SYN, FIN", (S, F), State.TIME_WAIT),
    ("SYN, ACK", (S, A), State.ESTABLISHED),
    ("data", (S, A, PSH | ACK, A), State.ESTABLISHED),
    ("SYN on an established one", (S, A, S), State.ESTABLISHED),
    ("no flag says nothing", (S, A, 0), State.ESTABLISHED),
    ("FIN", (S, A, F), State.FIN_WAIT),
    ("ACK after FIN", (S, A, F, A), State.FIN_WAIT),
    ("FIN again", (S, A, F, F), State.FIN_WAIT),
    ("RST", (S, A, R), State.CLOSE),
    ("RST with ACK", (S, A, R | ACK), State.CLOSE),
    ("RST after FIN", (S, A, F, R), State.CLOSE),
    ("ACK after RST", (S, A, R, A), State.CLOSE),
    ("a new SYN after FIN", (S, A, F, S), State.SYN_RECV),
    ("a new SYN after RST", (S, A, R, S), State.SYN_RECV),
    ("a new connection after RST", (S, A, R, S, A), State.ESTABLISHED),
]


@pytest.mark.parametrize(("flags", "state"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_states(trial: Trial, flags: tuple[int, ...], state: State) -> None:
    trial.service(weights=(1,))
    for word in flags:
        assert trial.send(CLIENT_SAYS.with_(flags=word)).server == 1
    assert trial.state() is state
    assert trial.counts(1) == ((1, 0, 0) if state is State.ESTABLISHED else (0, 1, 0))


def test_a_syn_after_the_end_is_scheduled_anew_in_the_same_slot(trial: Trial) -> None:
    trial.service(weights=(1, 1))
    first = trial.establish(CLIENT_SAYS)
    trial.send(CLIENT_SAYS.with_(flags=RST))
    position = trial.the_only()
    trial.director.servers[first]["weight"] = 0
    outcome = trial.send(CLIENT_SAYS)
    assert (outcome.server, outcome.counted) == (3 - first, {"tx": 1, "reused": 1})
    assert trial.the_only() == position
    assert (trial.counts(first), trial.counts(3 - first)) == ((0, 0, 0), (0, 1, 0))


OLD_ENOUGH = [
    (State.SYN_RECV, (S,)),
    (State.ESTABLISHED, (S, A)),
    (State.FIN_WAIT, (S, A, F)),
    (State.TIME_WAIT, (S, F)),
    (State.CLOSE, (S, A, R)),
]


@pytest.mark.parametrize(("state", "flags"), OLD_ENOUGH)
def test_timeouts(trial: Trial, state: State, flags: tuple[int, ...]) -> None:
    trial.service(weights=(1,))
    for word in flags:
        trial.send(CLIENT_SAYS.with_(flags=word))
    position = trial.the_only()
    trial.age(position, TIMEOUTS[state] - 2)
    assert trial.send(CLIENT_SAYS.with_(flags=0)).verdict is Xdp.TX
    trial.age(position, TIMEOUTS[state] + 2)
    assert trial.send(CLIENT_SAYS.with_(flags=0)).counted == {"no_entry": 1}


def test_an_expired_udp_connection_is_scheduled_anew(trial: Trial) -> None:
    trial.service(weights=(1, 1), protocol=UDP_PROTOCOL)
    query = Packet(protocol=UDP_PROTOCOL)
    first = trial.send(query).server
    trial.director.servers[first]["weight"] = 0
    assert trial.send(query).server == first
    trial.age(trial.the_only(), TIMEOUTS[State.UDP] + 2)
    assert trial.send(query).server == 3 - first
    assert (trial.counts(first), trial.counts(3 - first)) == ((0, 0, 0), (1, 0, 0))


def refreshed_age(trial: Trial) -> float:
    """How old a connection is after an old one got a packet."""
    trial.service(weights=(1,))
    trial.establish(CLIENT_SAYS)
    trial.age(trial.the_only(), 500)
    trial.send(CLIENT_SAYS.with_(flags=ACK))
    return trial.seconds_old(trial.the_only())


def test_a_packet_refreshes_the_stamp(trial: Trial, make_trial: MakeTrial) -> None:
    assert refreshed_age(trial) < 1
    assert refreshed_age(make_trial("DEFECT_STAMP")) > 400


def test_weight_0_keeps_its_connections(trial: Trial) -> None:
    trial.service(weights=(1, 1))
    server = trial.establish(CLIENT_SAYS)
    trial.director.servers[server]["weight"] = 0
    assert trial.send(CLIENT_SAYS.with_(flags=ACK)).server == server
    assert trial.send(CLIENT_SAYS.with_(source_port=1)).server == 3 - server


def test_a_removed_servers_packets_are_dropped_until_a_new_syn(trial: Trial) -> None:
    trial.service(weights=(1, 1))
    server = trial.establish(CLIENT_SAYS)
    trial.director.servers[server]["flags"] = 0
    outcome = trial.send(CLIENT_SAYS.with_(flags=ACK))
    assert (outcome.verdict, outcome.counted) == (Xdp.DROP, {"server_gone": 1})
    assert trial.send(CLIENT_SAYS).server == 3 - server
    assert trial.send(CLIENT_SAYS.with_(flags=ACK)).server == 3 - server
    assert trial.counts(server) == (0, 0, 0)


def test_a_removed_servers_udp_flows_are_scheduled_anew(trial: Trial) -> None:
    trial.service(weights=(1, 1), protocol=UDP_PROTOCOL)
    query = Packet(protocol=UDP_PROTOCOL)
    server = trial.send(query).server
    trial.director.servers[server]["flags"] = 0
    assert {trial.send(query).server for _ in range(3)} == {3 - server}
    assert (trial.counts(server), trial.counts(3 - server)) == ((0, 0, 0), (1, 0, 0))


def test_a_server_that_returns_gets_its_connections_back(trial: Trial) -> None:
    trial.service(weights=(1, 1))
    server = trial.establish(CLIENT_SAYS)
    trial.director.servers[server]["flags"] = 0
    trial.send(CLIENT_SAYS.with_(flags=ACK))
    trial.director.servers[server]["flags"] = layout.SERVER_PRESENT
    assert trial.send(CLIENT_SAYS.with_(flags=ACK)).server == server
    assert trial.counts(server) == (1, 0, 0)


# Persistence


def test_a_client_keeps_its_server(trial: Trial) -> None:
    trial.service(weights=(1, 1), persistence=50)
    server = trial.establish(CLIENT_SAYS)
    assert {trial.establish(CLIENT_SAYS.with_(source_port=port)) for port in range(1, 20)} == {server}
    assert trial.counts(server) == (20, 0, 1)
    assert trial.establish(CLIENT_SAYS.with_(source=CLIENT + 1)) == 3 - server


def test_a_template_has_port_0_and_the_clients_address(trial: Trial) -> None:
    service = trial.service(weights=(1,), persistence=50)
    trial.send(CLIENT_SAYS)
    slot = trial.slots[trial.the_only(template=True)]
    assert (int(slot["address"]), int(slot["port"]), int(slot["service"])) == (int(CLIENT), 0, service)


def test_packets_from_port_0_are_no_connections_and_touch_no_template(trial: Trial) -> None:
    """Port 0 is the template's mark; whoever sends from it, perhaps in another's name, must not get at it."""
    trial.service(weights=(1, 1), persistence=50)
    trial.establish(CLIENT_SAYS)
    template = trial.the_only(template=True)
    before = trial.table[template].copy()
    for flags in (SYN, ACK, RST, SYN, SYN, ACK, FIN | ACK):
        outcome = trial.send(CLIENT_SAYS.with_(source_port=0, flags=flags))
        assert (outcome.verdict, outcome.counted) == (Xdp.PASS, {"malformed": 1})
    assert trial.table[template] == before
    assert len(trial.positions()) == 1


def test_a_template_says_whether_a_connection_was_established(trial: Trial) -> None:
    trial.service(weights=(1,), persistence=50)
    trial.send(CLIENT_SAYS)
    assert trial.state(trial.the_only(template=True)) is State.NONE
    trial.send(CLIENT_SAYS.with_(flags=ACK))
    assert trial.state(trial.the_only(template=True)) is State.ESTABLISHED
    assert trial.counts(1) == (1, 0, 1)


def test_a_network_of_clients_shares_a_template(trial: Trial) -> None:
    service = trial.service(weights=(1, 1), persistence=50)
    trial.director.services[service]["client_mask"] = 0xFFFFFF00
    servers = {trial.send(CLIENT_SAYS.with_(source=CLIENT + i)).server for i in range(10)}
    assert len(servers) == 1


def template_age(trial: Trial) -> float:
    """How old a template is after an old one was used by a new connection."""
    trial.service(weights=(1, 1), persistence=50)
    trial.establish(CLIENT_SAYS)
    position = trial.the_only(template=True)
    trial.age(position, 40)
    trial.send(CLIENT_SAYS.with_(source_port=1))
    return trial.seconds_old(position)


def test_a_new_connection_restarts_the_template(trial: Trial, make_trial: MakeTrial) -> None:
    assert template_age(trial) < 1
    assert template_age(make_trial("DEFECT_TEMPLATE")) > 30


def test_other_packets_do_not_restart_the_template(trial: Trial) -> None:
    trial.service(weights=(1,), persistence=50)
    trial.establish(CLIENT_SAYS)
    position = trial.the_only(template=True)
    trial.age(position, 40)
    trial.send(CLIENT_SAYS.with_(flags=ACK))
    assert trial.seconds_old(position) > 30


def test_weight_0_keeps_persistent_clients(trial: Trial) -> None:
    trial.service(weights=(1, 1), persistence=50)
    server = trial.establish(CLIENT_SAYS)
    trial.director.servers[server]["weight"] = 0
    assert trial.establish(CLIENT_SAYS.with_(source_port=1)) == server
    assert trial.establish(CLIENT_SAYS.with_(source=CLIENT + 1)) == 3 - server


@pytest.mark.parametrize("field", ["flags", "mac"])
def test_a_template_to_a_server_that_is_gone_is_replaced(trial: Trial, field: str) -> None:
    trial.service(weights=(1, 1), persistence=50)
    server = trial.establish(CLIENT_SAYS)
    held = int(trial.director.servers[server][field])
    trial.director.servers[server][field] = 0
    assert trial.establish(CLIENT_SAYS.with_(source_port=1)) == 3 - server
    trial.director.servers[server][field] = held
    assert trial.establish(CLIENT_SAYS.with_(source_port=2)) == 3 - server
    assert (trial.counts(server)[2], trial.counts(3 - server)[2]) == (0, 1)


def test_no_server_leaves_no_template(trial: Trial) -> None:
    trial.service(weights=(0,), persistence=50)
    assert trial.send(CLIENT_SAYS).counted == {"refused": 1}
    assert trial.positions(template=True) == []


# The table


def full_lines(trial: Trial, service: int) -> Packet:
    """A packet whose two lines are full of other clients' connections."""
    key = connection_key(int(CLIENT), CLIENT_SAYS.source_port, service)
    mask = len(trial.table) // layout.SLOTS_PER_LINE - 1
    for line in places(key, int(trial.director.settings["seed"]), mask):
        for slot in range(layout.SLOTS_PER_LINE):
            position = line * layout.SLOTS_PER_LINE + slot
            other = connection_key(0x0A000000 + position, 1, service)
            value = connection_value(server=1, state=State.ESTABLISHED, stamp=trial.director.now())
            trial.table[position] = (other, value)
    return CLIENT_SAYS


def test_full_lines_go_to_the_overflow_and_evict_nobody(trial: Trial) -> None:
    service = trial.service(weights=(1, 1))
    packet = full_lines(trial, service)
    held = trial.table.copy()
    outcome = trial.send(packet)
    assert outcome.counted == {"tx": 1, "overflowed": 1}
    assert (trial.table == held).all()
    assert trial.send(packet.with_(flags=ACK)).server == outcome.server
    assert trial.counts(outcome.server) == (1, 0, 0)
    (entry,) = trial.director.overflow()
    assert trial.director.free_overflow(np.array([entry["key"]]), np.array([entry["value"]])) == 1
    assert trial.counts(outcome.server) == (0, 0, 0)
    assert trial.send(packet.with_(flags=ACK)).counted == {"no_entry": 1}


def test_a_half_written_slot_is_not_used(trial: Trial) -> None:
    trial.service(weights=(1,))
    trial.send(CLIENT_SAYS)
    position = trial.the_only()
    trial.slots["meta"][position] = layout.META_CLAIMING | 99
    assert trial.send(CLIENT_SAYS.with_(flags=ACK)).counted == {"raced": 1}
    trial.slots["meta"][position] = layout.META_DEAD | 99
    assert trial.send(CLIENT_SAYS.with_(flags=ACK)).counted == {"raced": 1}


def test_freeing_wants_what_was_seen(trial: Trial) -> None:
    trial.service(weights=(1,))
    trial.establish(CLIENT_SAYS)
    position = trial.the_only()
    trial.age(position, TIMEOUTS[State.ESTABLISHED] - 1)
    where = np.array([position])
    keys, values = trial.table["key"][where].copy(), trial.table["value"][where].copy()
    trial.send(CLIENT_SAYS.with_(flags=ACK))
    assert trial.director.free(where, keys, values) == 0
    assert trial.counts(1) == (1, 0, 0)
    assert trial.director.free(where, keys, trial.table["value"][where].copy()) == 1
    assert trial.counts(1) == (0, 0, 0)
    assert trial.table[position].tolist() == (0, 0)
    assert trial.director.free(where, keys, values) == 0


def test_many_are_restored_once_and_freed_in_batches(trial: Trial) -> None:
    service = trial.service(weights=(1, 1))
    now, count = trial.director.now(), 2000
    keys = np.array([connection_key(int(CLIENT) + i, 1024, service) for i in range(count)], dtype=np.uint64)
    value = connection_value(server=2, state=State.ESTABLISHED, stamp=now)
    values = np.full(count, value, dtype=np.uint64)
    assert trial.director.restore(keys, values) == count
    assert trial.director.restore(keys, values) == 0
    assert trial.counts(2) == (count, 0, 0)
    assert trial.send(Packet(source=CLIENT + 77, source_port=1024, flags=ACK)).server == 2
    where = np.flatnonzero(trial.table["value"])
    freed = trial.director.free(where, trial.table["key"][where].copy(), trial.table["value"][where].copy())
    spilt = trial.director.overflow()
    assert freed + trial.director.free_overflow(spilt["key"].copy(), spilt["value"].copy()) == count
    assert trial.counts(2) == (0, 0, 0)
