# SPDX-License-Identifier: Apache-2.0
"""What the data plane is told before a planned switch, who waits for that, and requests that are read too late."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import msgspec
import pytest

from bascule.lab.captures import Captures
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.waiting import wait_for
from bascule.model.configuration import Configuration, VirtualServerConfig, VrrpState
from bascule.model.messages import (
    InstanceChanged,
    PredecessorAsks,
    PredecessorKnown,
    Ready,
    Role,
    Stop,
    StopMode,
    SwitchOrder,
)
from bascule.model.service import Protocol, ServiceId
from bascule.vrrp.events import SUCCESSION
from bascule.vrrp.handover import Kind, Standing
from tests.daemon.roles import test_vrrp_handover as basics
from tests.daemon.roles.test_vrrp_handover import (
    D1,
    D2,
    READY,
    SEGMENT,
    VIP,
    Stranger,
    outcomes,
    reach,
    state,
    states,
    status,
)

pytestmark = [pytest.mark.root, pytest.mark.lab]

WEB = VirtualServerConfig(id=ServiceId(protocol=Protocol.TCP, address=VIP, port=80))


def configuration(name: str, priority: int) -> Configuration:
    return msgspec.structs.replace(basics.configuration(name, priority), virtual_servers=(WEB,))


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(SEGMENT) as built:
        yield built


@pytest.fixture
def pair(network: Network) -> Iterator[tuple[LoneRole, LoneRole]]:
    """d1, active, and d2, its backup; both are ready and the test is their data plane."""
    ready = (Ready(ready=True, reason=""),)
    with LoneRole(network.host("d1"), Role.VRRP, configuration("d1", 150), first=ready) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration("d2", 100), first=ready) as two:
            wait_for(lambda: status(two).instances[0].adverts_received > 0, 10, "an advert")
            yield one, two


@pytest.fixture
def stranger(network: Network) -> Iterator[Stranger]:
    made = Stranger(network.host("c"))
    yield made
    made.socket.close()


def asks(role: LoneRole) -> list[PredecessorAsks]:
    role.pump(0)
    return [message for message in role.messages if isinstance(message, PredecessorAsks)]


def hardware_address(host: LabHost) -> bytes:
    shown = host.run(["ip", "link", "show", "eth0"]).stdout
    return bytes.fromhex(shown.partition("link/ether ")[2].split()[0].replace(":", ""))


@pytest.mark.parametrize("verb", ["failover", "stop"])
@pytest.mark.parametrize("answers", [True, False], ids=["known", "the-plane-is-silent"])
def test_the_data_plane_knows_the_predecessor_before_the_address_is_announced(
    network: Network, pair: tuple[LoneRole, LoneRole], verb: str, answers: bool
) -> None:
    one, two = pair
    with Captures(network, (network.host("d1"), network.host("d2")), VIP, 80) as captures:
        begun = time.monotonic()
        if verb == "stop":
            one.send(Stop(mode=StopMode.STOP))
        else:
            one.send(SwitchOrder(number=7))
        two.until(lambda: bool(asks(two)), 10, "the data plane to be told")
        if answers:
            two.send(PredecessorKnown(instance="VI_1"))
        reach(two, VrrpState.MASTER)
        announced = wait_for(lambda: captures.first_announcement("d2", begun), 10, "the announcement")
        orders = {name: list(captures.of[name].orders) for name in ("d1", "d2")}
    assert asks(two) == [PredecessorAsks(instance="VI_1", mac=hardware_address(network.host("d1")))]
    told = [type(m) for m in two.messages if isinstance(m, PredecessorAsks | InstanceChanged)]
    assert told.index(PredecessorAsks) < len(told) - 1, "before it is active"
    assert announced is not None
    here = [order.at for order in orders["d2"] if order.kind is Kind.HERE]
    assert len(here) == (2 if answers else 1), "the second says that the data plane knows"
    requests = [order.at for order in orders["d1"] if order.kind is Kind.REQUEST]
    assert max(here) < requests[0] < announced
    assert asks(one) == [], "who asks, or is active, has no predecessor"
    if verb == "failover":
        one.until(lambda: bool(outcomes(one)), 10, "the outcome")
        assert outcomes(one)[0].ok


def test_questions_in_masses_are_told_seldom_and_those_without_a_mac_never(
    pair: tuple[LoneRole, LoneRole], stranger: Stranger
) -> None:
    one, two = pair
    for _ in range(50):
        for to, name in ((D2, "02:00:00:00:00:99"), (D2, ""), (D2, "d1"), (D1, "02:00:00:00:00:99")):
            stranger.send(Kind.ASK, to, nonce=b"q" * 16, name=name)
        stranger.expect(Kind.HERE)
    assert {told.mac.hex() for told in asks(two)} == {"020000000099"}
    assert len(asks(two)) < 50
    assert asks(one) == []


def test_once_it_is_known_the_next_is_answered_at_once(pair: tuple[LoneRole, LoneRole], stranger: Stranger) -> None:
    _, two = pair
    stranger.send(Kind.ASK, D2, nonce=b"q" * 16, name="02:00:00:00:00:99")
    assert stranger.expect(Kind.HERE).standing == READY | Standing.ARMING
    for _ in range(2):
        two.send(PredecessorKnown(instance="VI_1"))
    assert stranger.expect(Kind.HERE).standing == READY
    two.send(PredecessorKnown(instance="VI_9"))
    stranger.send(Kind.ASK, D2, nonce=b"r" * 16)
    found = stranger.expect(Kind.HERE)
    assert (found.echo, found.standing) == (b"r" * 16, READY), "without a MAC there is nothing to wait for"


def test_a_request_that_waited_too_long_is_refused(pair: tuple[LoneRole, LoneRole], stranger: Stranger) -> None:
    """Who was stopped when it was asked: the active has long gone on."""
    one, two = pair
    before = states(two)
    stranger.send(Kind.ASK, D2, nonce=b"q" * 16)
    ticket = stranger.expect(Kind.HERE).nonce
    two.process.send_signal(signal.SIGSTOP)
    stranger.send(Kind.REQUEST, D2, echo=ticket, nonce=b"r" * 16)
    sent = time.monotonic()
    wait_for(lambda: time.monotonic() > sent + 4 * SUCCESSION, 10, "the request to grow old")
    two.process.send_signal(signal.SIGCONT)
    answer = stranger.expect(Kind.REFUSED)
    assert answer.echo == b"r" * 16
    assert answer.name.startswith("asked ")
    assert answer.name.endswith(" ms ago: too late")
    wait_for(lambda: status(two).orders_refused.get("late", 0) == 1, 10, "the refusal to be counted")
    assert states(two) == before
    assert state(one) is VrrpState.MASTER
