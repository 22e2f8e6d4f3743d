# SPDX-License-Identifier: Apache-2.0
"""The text form: every part, silent roles, servers that are not in the table."""

from __future__ import annotations

import ipaddress

import msgspec

from bascule.cli.status_text import lines
from bascule.model.base import Priority, Seconds, Vrid, Weight
from bascule.model.configuration import VrrpState
from bascule.model.messages import CheckTarget, Role
from bascule.model.service import (
    Counters,
    Protocol,
    RealServer,
    RealServerView,
    ServerId,
    ServiceId,
    ServiceView,
    VirtualService,
)
from bascule.model.status import (
    AlarmKind,
    AlarmStatus,
    AttachmentStatus,
    BfdStatus,
    ChecksStatus,
    CheckStatus,
    DirectorStatus,
    FifoStatus,
    InstanceStatus,
    LatenessSpan,
    LatenessStatus,
    NotifyStatus,
    PlaneStatus,
    RoleStatus,
    ScriptStatus,
    VrrpStatus,
    WitnessStatus,
)

NOW = 10_000.0
VIP = ipaddress.ip_address("192.168.2.240")
WEB = ServiceId(protocol=Protocol.TCP, address=VIP, port=80)
GONE = ServiceId(protocol=Protocol.TCP, address=VIP, port=81)


def check(service: ServiceId, last: int, up: bool | None, suspended: bool = False) -> CheckStatus:
    server = ServerId(address=ipaddress.ip_address(f"192.168.2.{last}"), port=80)
    at = None if up is None else NOW - 3
    return CheckStatus(
        target=CheckTarget(service=service, server=server),
        kind="TCP_CHECK",
        up=up,
        why="refused",
        at=at,
        attempts=1,
        suspended=suspended,
    )


def server(last: int, trouble: str | None = None) -> RealServerView:
    return RealServerView(
        server=RealServer(address=ipaddress.ip_address(f"192.168.2.{last}"), port=80, weight=Weight(3)),
        active=2,
        inactive=5,
        counters=Counters(connections=77),
        trouble=trouble,
    )


STATUS = DirectorStatus(
    version="0.1.0",
    files=("/etc/keepalived/keepalived.conf",),
    generation=2,
    started=NOW - 4000,
    notes=("last reload failed: x",),
    roles=(
        RoleStatus(role=Role.SUPERVISOR, pid=10, running=True, since=NOW - 4000),
        RoleStatus(role=Role.PLANE, pid=11, running=True, since=NOW - 90, restarts=1),
        RoleStatus(role=Role.CHECKS, pid=12, running=True, since=NOW - 5, responsive=False, silent_since=NOW - 2),
        RoleStatus(role=Role.NOTIFY, pid=None, running=False, since=NOW - 1, responsive=False, note="refused: no"),
    ),
    vrrp=VrrpStatus(
        instances=(
            InstanceStatus(
                name="VI_1",
                interface="eth0",
                vrid=Vrid(51),
                state=VrrpState.MASTER,
                priority=Priority(100),
                since=NOW - 61,
                reason="no advert heard",
                master=None,
                virtual_addresses=(VIP,),
                packets_refused={"bad checksum": 3, "authentication": 1},
            ),
        ),
        notes=("vrrp note",),
    ),
    plane=PlaneStatus(
        kind="xdp",
        ready=False,
        ready_reason="no completed check yet",
        services=(
            ServiceView(
                service=VirtualService(id=WEB, persistence=Seconds(60.0)), servers=(server(212), server(214, "no ARP"))
            ),
            ServiceView(service=VirtualService(id=ServiceId(protocol=Protocol.UDP, address=VIP, port=53)), ours=False),
        ),
        attachments=(AttachmentStatus(interface="eth0", mode="generic", note="the driver has no native mode"),),
        counters={"forwarded": 9, "no_server": 0},
        notes=("plane note",),
    ),
    checks=ChecksStatus(
        checks=(
            check(WEB, 212, True),
            check(WEB, 213, False),
            check(WEB, 214, None, suspended=True),
            check(GONE, 212, False),
        ),
        notes=("checks note",),
    ),
    notify=NotifyStatus(mails_sent=1, mails_waiting=2, mails_lost=3, last_error="refused", notes=("notify note",)),
)

TEXT = """\
bascule 0.1.0, up 1 h 6 min, configuration 2
  file /etc/keepalived/keepalived.conf

ROLE        PID  STATE                     SINCE       RESTARTS  NOTE
supervisor  10   running                   1 h 6 min   0
plane       11   running                   1 min 30 s  1
checks      12   unresponsive since 2.0 s  5.0 s       0
notify      -    not running               1.0 s       0         refused: no

INSTANCE  STATE   PRIO  SINCE      INTERFACE  MASTER  ADDRESSES      WHY
VI_1      MASTER  100   1 min 1 s  eth0/51    nobody  192.168.2.240  no advert heard
  VI_1 refused packets: 1 authentication, 3 bad checksum

Data plane xdp: not ready (no completed check yet)
  on eth0, generic mode (the driver has no native mode)
  packets: 9 forwarded

Service [192.168.2.240]:tcp:80 wlc persistent 60 s
  SERVER            WEIGHT  METHOD  ACTIVE  INACTIVE  CONNECTIONS  CHECK
  192.168.2.212:80  3       DR      2       5         77           up 3.0 s ago: refused
  192.168.2.214:80  3       DR      2       5         77           no result yet (suspended); no ARP
  192.168.2.213:80  -       -       -       -         -            DOWN 3.0 s ago: refused

Service [192.168.2.240]:udp:53 wlc (foreign: not ours, not touched)
  SERVER  WEIGHT  METHOD  ACTIVE  INACTIVE  CONNECTIONS  CHECK
  not in the table: [192.168.2.212]:tcp:80 of [192.168.2.240]:tcp:81: DOWN 3.0 s ago: refused

Mail: 1 sent, 2 waiting, 3 lost, last error: refused

Notes:
  - last reload failed: x
  - vrrp note
  - plane note
  - checks note
  - notify note"""


def test_everything_is_shown() -> None:
    assert "\n".join(lines(STATUS, NOW)) == TEXT


def test_checks_are_shown_without_the_plane() -> None:
    shown = list(lines(msgspec.structs.replace(STATUS, plane=None), NOW))
    assert "Checks (the data plane's role does not answer):" in shown
    assert "  [192.168.2.213]:tcp:80 of [192.168.2.240]:tcp:80: DOWN 3.0 s ago: refused" in shown


def test_what_does_not_run_is_not_shown() -> None:
    bare = DirectorStatus(version="1", files=(), generation=1, started=NOW, roles=STATUS.roles[:1])
    assert len(list(lines(bare, NOW))) == 4


def test_scripts_and_fifos_are_shown() -> None:
    scripts = (
        ScriptStatus(name="chk_web", up=True, status=0, runs=7, why="exited with status 0", at=97.0),
        ScriptStatus(name="chk_db", up=False, status=1, runs=2, why="timed out after 3 s", at=96.0, running_since=98.0),
        ScriptStatus(name="new", up=None, status=None, runs=0, why="has not run yet", at=None),
    )
    notify = NotifyStatus(
        scripts=scripts,
        scripts_running=("INSTANCE VI_1 MASTER",),
        scripts_failed=1,
        scripts_skipped=2,
        fifos=(FifoStatus(path="/run/fifo", written=5, lost=1),),
    )
    status = DirectorStatus(version="1", files=(), generation=1, started=0.0, roles=(), notify=notify)
    shown = "\n".join(lines(status, 100.0))
    assert (
        shown.partition("Mail: ")[2]
        == """0 sent, 0 waiting, 0 lost
Notify scripts: 1 failed, 2 skipped for newer ones
Notify script runs: INSTANCE VI_1 MASTER
FIFO /run/fifo: 5 lines, 1 lost
SCRIPT   STATE  RUNS  LAST
chk_web  up     7     exited with status 0, 3.0 s ago
chk_db   DOWN   2     timed out after 3 s, 4.0 s ago; runs since 2.0 s
new      -      0     has not run yet"""
    )


def test_bfd_sessions_stand_below_the_instances() -> None:
    peer = ipaddress.ip_address("192.168.2.211")
    sessions = (
        BfdStatus(name="up", neighbour=peer, state="UP", why="the neighbour says INIT", detection_time=Seconds(0.15)),
        BfdStatus(name="new", neighbour=peer, state="DOWN", why="not up yet", detection_time=None),
    )
    text = "\n".join(lines(msgspec.structs.replace(STATUS, vrrp=VrrpStatus(bfd=sessions)), NOW))
    assert "up   192.168.2.211  UP     0.150 s     the neighbour says INIT" in text
    assert "new  192.168.2.211  DOWN   -           not up yet" in text


def test_alarms_and_who_keeps_back_stand_below_the_instances() -> None:
    assert STATUS.vrrp is not None
    alarm = AlarmStatus(
        kind=AlarmKind.SECOND_ACTIVE, why="two actives: another password", since=NOW - 61, last=NOW - 2, count=60
    )
    shown = msgspec.structs.replace(STATUS.vrrp.instances[0], alarms=(alarm,), held=True, handed_to=VIP)
    status = msgspec.structs.replace(STATUS, vrrp=VrrpStatus(instances=(shown,)))
    text = list(lines(status, NOW))
    why = "(since 1 min 1 s, last 2.0 s ago): two actives: another password"
    assert f"  ALARM VI_1 second_active {why}" in text
    assert f"  VI_1 handed over to {VIP} and keeps back until `bascule failover --release`" in text
    shown = msgspec.structs.replace(shown, handed_to=None)
    status = msgspec.structs.replace(STATUS, vrrp=VrrpStatus(instances=(shown,)))
    assert "  VI_1 handed over and keeps back until `bascule failover --release`" in list(lines(status, NOW))


def test_witnesses() -> None:
    here, away, own = (ipaddress.ip_address(f"192.168.2.{last}") for last in (1, 2, 3))
    witnesses = (
        WitnessStatus(
            address=here, answers=True, asked=3, answered=2, last=NOW - 4, round_trip=Seconds(0.0005), trouble=None
        ),
        WitnessStatus(address=away, answers=False, asked=9, answered=0, last=None, round_trip=None, trouble="no route"),
        WitnessStatus(address=own, answers=False, asked=0, answered=0, last=None, round_trip=None, trouble=None),
    )
    assert STATUS.vrrp is not None
    status = msgspec.structs.replace(STATUS, vrrp=msgspec.structs.replace(STATUS.vrrp, witnesses=witnesses))
    assert [line for line in lines(status, NOW) if "witness" in line] == [
        "  witness 192.168.2.1: answers (last 4.0 s ago in 0.5 ms, 2 of 3)",
        "  witness 192.168.2.2: NO ANSWER (last never, 0 of 9): no route",
        "  witness 192.168.2.3: not asked yet (last never, 0 of 0)",
    ]


def test_lateness_is_one_line() -> None:
    assert STATUS.vrrp is not None
    minute = LatenessSpan(count=60, p50=Seconds(0.0002), p99=Seconds(0.001), max=Seconds(0.0014))
    whole = LatenessSpan(count=9000, p50=Seconds(0.0002), p99=Seconds(0.002), max=Seconds(0.0123))
    said = LatenessStatus(last_minute=minute, since_start=whole)
    status = msgspec.structs.replace(STATUS, vrrp=msgspec.structs.replace(STATUS.vrrp, lateness=said))
    assert [line for line in lines(status, NOW) if "late" in line] == [
        "  timers late: last minute 60, half within 0.2 ms, 99 % within 1.0 ms, worst 1.4 ms; "
        "since the start 9000, half within 0.2 ms, 99 % within 2.0 ms, worst 12.3 ms"
    ]
