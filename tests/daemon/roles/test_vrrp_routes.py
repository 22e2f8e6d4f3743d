# SPDX-License-Identifier: Apache-2.0
"""Routes and rules of owners in a real kernel: put and taken in keepalived's order, put back, left to a successor."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bascule.daemon import lastwill
from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_routes import RouteKeeper, in_words
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.linux.netlink import GROUP_LINK, ROUTE_GROUPS, Monitor, Netlink
from bascule.model.messages import LastWill
from bascule.model.routing import Prefix, Route, Rule, RuleAction

pytestmark = [pytest.mark.root, pytest.mark.lab]

PEER = ipaddress.ip_address("192.168.2.211")
PATIENCE = 20.0


def prefix(text: str) -> Prefix:
    word, _, length = text.partition("/")
    return Prefix(address=ipaddress.ip_address(word), length=int(length))


def route(text: str = "10.20.0.0/16", **changes: Any) -> Route:
    return Route(**{"destination": prefix(text), "gateway": PEER, **changes})


def rule(text: str = "10.20.0.0/16", priority: int = 500, **changes: Any) -> Rule:
    return Rule(family=4, action=RuleAction.TABLE, table=100, source=prefix(text), priority=priority, **changes)


class Bench:
    def __init__(self, host: LabHost, netlink: Netlink) -> None:
        self.host = host
        self.netlink = netlink
        self.monitor = Monitor((GROUP_LINK, *ROUTE_GROUPS))
        self.keeper = RouteKeeper(netlink, Log("vrrp"))

    def news(self) -> None:
        self.keeper.put_back(*self.monitor.receive())

    def routes(self) -> str:
        return self.host.run(["ip", "route", "show", "table", "all", "proto", "keepalived"]).stdout

    def rules(self) -> str:
        return self.host.run(["ip", "rule"]).stdout

    def comes_back(self, condition: Callable[[], bool]) -> None:
        def looked() -> bool:
            self.news()
            return condition()

        wait_for(looked, PATIENCE, "it to be put back")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Network(PAIR) as network, network.host("d1").entered(), Netlink() as netlink:
        made = Bench(network.host("d1"), netlink)
        yield made
        made.monitor.close()


def test_what_is_wanted_no_longer_goes_and_the_rest_stays(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.keeper.put("A", (route(), route("10.21.0.0/16"), rule()))
    assert bench.keeper.busy
    assert "10.20.0.0/16 via 192.168.2.211" in bench.routes()
    assert "500:\tfrom 10.20.0.0/16 lookup 100 proto keepalived" in bench.rules()
    bench.keeper.put("A", (route("10.21.0.0/16"), rule("10.21.0.0/16", 501)))
    assert "10.20.0.0/16" not in bench.routes() + bench.rules()
    assert "10.21.0.0/16" in bench.routes()
    assert bench.keeper.wanted("A") == (route("10.21.0.0/16"), rule("10.21.0.0/16", 501))
    bench.keeper.take("A", ())
    assert "10.21.0.0/16" not in bench.routes() + bench.rules()
    assert not bench.keeper.busy
    assert capfd.readouterr().err == ""


def test_what_a_predecessor_left_is_taken_for_ours_or_removed(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    wanted = (route(), rule())
    bench.keeper.put("A", wanted)
    successor = RouteKeeper(bench.netlink, Log("vrrp"))
    successor.put("A", wanted)
    assert bench.rules().count("from 10.20.0.0/16") == 1
    RouteKeeper(bench.netlink, Log("vrrp")).take("A", wanted)
    assert "10.20.0.0/16" not in bench.routes() + bench.rules()
    successor.take("A", wanted)
    assert capfd.readouterr().err == ""


def test_a_strangers_route_is_not_taken_off(bench: Bench) -> None:
    bench.host.run(["ip", "route", "add", "10.20.0.0/16", "via", str(PEER), "proto", "static"])
    bench.keeper.take("A", (route(),))
    assert "10.20.0.0/16" in bench.host.run(["ip", "route"]).stdout


def test_what_others_remove_is_put_back_unless_it_is_not_tracked(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    loose = (route("10.21.0.0/16", no_track=True), rule("10.21.0.0/16", 501, no_track=True))
    bench.keeper.put("A", (route(), rule(), *loose))
    bench.news()
    for gone in ("10.20.0.0/16", "10.21.0.0/16"):
        bench.host.run(["ip", "route", "del", gone])
    for priority in ("500", "501"):
        bench.host.run(["ip", "rule", "del", "priority", priority])
    bench.comes_back(lambda: "10.20.0.0/16" in bench.routes() and "500:" in bench.rules())
    assert "10.21.0.0/16" not in bench.routes() + bench.rules()
    assert capfd.readouterr().err.count("route_put_back") == 2


def test_what_goes_with_an_interface_comes_back_with_it(bench: Bench) -> None:
    bench.keeper.put("A", (route(), route("10.21.0.0/16", gateway=None, device="eth0", table=100)))
    bench.news()
    bench.host.run(["ip", "link", "set", "eth0", "down"])
    assert bench.routes() == ""
    bench.host.run(["ip", "link", "set", "eth0", "up"])
    bench.comes_back(lambda: "10.20.0.0/16" in bench.routes() and "10.21.0.0/16" in bench.routes())


def test_what_cannot_be_is_said(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.keeper.put("A", (route(device="eth7"), route("10.22.0.0/16", gateway=ipaddress.ip_address("172.31.0.1"))))
    lines = capfd.readouterr().err
    assert lines.count("route_not_put") == 2
    assert "its interface is not there" in lines
    bench.keeper.take("A", ())
    assert "route_not_taken" not in capfd.readouterr().err


def test_a_last_will_takes_rules_and_routes_off(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.keeper.put("A", (route(), rule()))
    requests = bench.keeper.will("A")
    assert [request.what for request in requests] == [
        "take off rule 500 from 10.20.0.0/16",
        "take off route 10.20.0.0/16 via 192.168.2.211",
    ]
    lastwill.execute(LastWill(requests=requests), Log("supervisor"))
    assert "10.20.0.0/16" not in bench.routes() + bench.rules()
    assert "routes_and_rules=2/2" in capfd.readouterr().err
    lastwill.execute(LastWill(requests=requests), Log("supervisor"))
    assert capfd.readouterr().err.count("last_will_not_done") == 2


def test_in_words() -> None:
    assert in_words(route(device="eth0")) == "route 10.20.0.0/16 via 192.168.2.211 dev eth0"
    assert in_words(Rule(family=4, action=RuleAction.NOP, priority=7, destination=prefix("10.0.0.0/8"))) == (
        "rule 7 from all to 10.0.0.0/8"
    )
