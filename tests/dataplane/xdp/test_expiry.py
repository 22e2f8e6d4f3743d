# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bascule.dataplane.xdp.allocation import Records
from bascule.dataplane.xdp.expiry import STRETCH, Drift, half_open, live, over, pointed, recount
from bascule.dataplane.xdp.layout import (
    ACTIVE_STATES,
    MAX_SERVERS,
    MAX_SERVICES,
    META_CLAIMING,
    META_DEAD,
    SERVER,
    SERVICE,
    SLOT,
    STATES,
    State,
    connection_key,
    connection_value,
)

HZ = 100
NOW = 50_000
PERSISTENCE = 60 * HZ


def table(*entries: tuple[int, int]) -> Records:
    """Slots of (key, value) words."""
    words = np.array(list(entries), dtype=[("key", "<u8"), ("value", "<u8")])
    return words.view(SLOT)


def connection(
    client: int, age: int, state: State = State.ESTABLISHED, server: int = 1, service: int = 1
) -> tuple[int, int]:
    stamp = (NOW - age) & 0xFFFFFFFF
    return connection_key(client, 1000 + server, service), connection_value(server=server, state=state, stamp=stamp)


def template(client: int, age: int, server: int = 1, service: int = 1) -> tuple[int, int]:
    stamp = (NOW - age) & 0xFFFFFFFF
    value = connection_value(server=server, state=State.NONE, stamp=stamp, template=True)
    return connection_key(client, 0, service), value


def timeouts() -> Records:
    found = np.zeros(STATES, dtype="<u4")
    found[State.ESTABLISHED], found[State.FIN_WAIT] = 900 * HZ, 120 * HZ
    return found


def persistent_services() -> Records:
    found = np.zeros(MAX_SERVICES, dtype=SERVICE)
    found["persistence"] = PERSISTENCE
    return found


CLAIMED = (connection_key(9, 9, 1), (META_CLAIMING | 1) << 32)
DEAD = (connection_key(9, 9, 1), (META_DEAD | 1) << 32)
FREE = (0, 0)


def test_only_published_slots_are_live() -> None:
    assert live(table(FREE, CLAIMED, connection(1, 0), DEAD, template(1, 0))).tolist() == [2, 4]


def test_a_connection_is_over_when_its_states_timeout_has_passed() -> None:
    slots = table(
        connection(1, 900 * HZ + 1, State.ESTABLISHED),
        connection(2, 900 * HZ, State.ESTABLISHED),
        connection(3, 120 * HZ + 1, State.FIN_WAIT),
        template(4, 10**6),
        FREE,
    )
    assert over(slots, persistent_services(), timeouts(), NOW, 0)[0].tolist() == [0, 2]
    assert over(slots, persistent_services(), timeouts(), NOW, 1)[0].tolist() == []


def test_ages_are_right_when_the_clock_wraps_and_when_a_stamp_is_ahead() -> None:
    slots = table(
        (connection_key(1, 1, 1), connection_value(server=1, state=State.FIN_WAIT, stamp=2**32 - 120 * HZ)),
        (connection_key(2, 1, 1), connection_value(server=1, state=State.FIN_WAIT, stamp=7)),
    )
    assert over(slots, persistent_services(), timeouts(), 5, 0)[0].tolist() == [0]


def test_positions_are_the_tables_beyond_the_first_stretch() -> None:
    slots = np.zeros(2 * STRETCH + 3, dtype=SLOT)
    entries = {STRETCH - 1: connection(1, 10**6), STRETCH: template(2, 10**6), 2 * STRETCH + 2: connection(3, 10**6)}
    for place, entry in entries.items():
        slots[place : place + 1] = table(entry)
    connections, templates = over(slots, persistent_services(), timeouts(), NOW, 0)
    assert connections.tolist() == [STRETCH - 1, 2 * STRETCH + 2]
    assert templates.tolist() == [STRETCH]
    assert [counts[1] for counts in recount(slots)] == [2, 0, 1]
    assert np.flatnonzero(pointed(slots)[1]).tolist() == [1]


def test_a_template_ends_with_its_time_and_its_last_connection() -> None:
    late, young = PERSISTENCE + 1, PERSISTENCE
    slots = table(
        template(1, late),
        template(2, late),
        connection(2, 5),
        template(3, young),
        connection(1, 5, service=2),
        template(1, late, service=2),
    )
    assert over(slots, persistent_services(), timeouts(), NOW, 0)[1].tolist() == [0]


def test_without_templates_nothing_is_over() -> None:
    assert over(table(connection(1, 10**6)), persistent_services(), timeouts(), NOW, 0)[1].tolist() == []


entries = st.lists(
    st.builds(
        lambda client, age, kind, service: (
            template(client, age, service=service) if kind else connection(client, age, service=service)
        ),
        st.integers(1, 6),
        st.integers(0, 2 * PERSISTENCE),
        st.booleans(),
        st.integers(1, 2),
    ),
    max_size=30,
)


@given(entries)
def test_templates_agree_with_the_rule_spelt_out(found: list[tuple[int, int]]) -> None:
    slots = table(*found) if found else np.zeros(0, dtype=SLOT)
    expected = [
        place
        for place, slot in enumerate(slots)
        if slot["port"] == 0
        and NOW - int(slot["stamp"]) > PERSISTENCE
        and not any(
            other["port"] and other["address"] == slot["address"] and other["service"] == slot["service"]
            for other in slots
        )
    ]
    assert over(slots, persistent_services(), timeouts(), NOW, 0)[1].tolist() == expected


def test_recounting() -> None:
    slots = table(
        connection(1, 0, State.ESTABLISHED, server=3),
        connection(2, 0, State.UDP, server=3),
        connection(3, 0, State.SYN_RECV, server=3),
        template(1, 0, server=3),
        connection(4, 0, State.CLOSE, server=4),
        CLAIMED,
    )
    active, inactive, persistent = recount(slots)
    assert (active[3], inactive[3], persistent[3]) == (2, 1, 1)
    assert (active[4], inactive[4], persistent[4]) == (0, 1, 0)
    assert State.UDP in ACTIVE_STATES
    assert active.sum() + inactive.sum() + persistent.sum() == 5


def test_what_is_pointed_to() -> None:
    services, servers = pointed(table(connection(1, 0, server=3, service=7), template(1, 0, server=4, service=8), DEAD))
    assert np.flatnonzero(services).tolist() == [7, 8]
    assert np.flatnonzero(servers).tolist() == [3, 4]


def test_half_open_connections_of_one_server() -> None:
    slots = table(
        connection(1, 0, State.SYN_RECV, server=3),
        connection(2, 0, State.SYN_RECV, server=4),
        connection(3, 0, State.ESTABLISHED, server=3),
        template(1, 0, server=3),
        FREE,
    )
    assert half_open(slots, 3).tolist() == [0]


def test_drift_is_what_stays_wrong_for_two_rounds() -> None:
    servers: Records = np.zeros(MAX_SERVERS, dtype=SERVER)
    slots = table(connection(1, 0, server=3))
    drift = Drift()
    servers["active"][3] = 4
    servers["inactive"][5] = 1
    assert drift.look(slots, servers) == {}
    servers["inactive"][5] = 0
    assert drift.look(slots, servers) == {(3, "active"): 3}
    servers["active"][3] = 1
    assert drift.look(slots, servers) == {}
