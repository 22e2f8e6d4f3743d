# SPDX-License-Identifier: Apache-2.0
"""Trackers and sync groups: weights resolved, what keepalived 2.2.7 ignores ignored, what nobody follows left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble import bfd
from bascule.config.assemble.globals import merged
from bascule.config.assemble.instances import instances
from bascule.config.assemble.tracking import Following, following
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.base import Seconds
from bascule.model.scripts import Script
from bascule.model.tracking import (
    ParameterMatch,
    SyncGroup,
    Tracked,
    TrackerKind,
    TrackFile,
    TrackProcess,
    TrackScript,
)

Read = Callable[[str], tuple[Section, Findings]]

INTERFACE, SCRIPT, FILE, PROCESS = (
    TrackerKind.INTERFACE,
    TrackerKind.SCRIPT,
    TrackerKind.FILE,
    TrackerKind.PROCESS,
)
ALIVE = 'vrrp_script alive {{\nscript "/bin/true"\n{}\n}}\n'


def instance(name: str, body: str = "", vrid: int = 1) -> str:
    return f"vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\n{body}\n}}\n"


def group(name: str, *members: str, body: str = "") -> str:
    return f"vrrp_sync_group {name} {{\ngroup {{\n" + "\n".join(members) + f"\n}}\n{body}\n}}\n"


def read(read_text: Read, text: str) -> tuple[Following, list[str]]:
    top, _ = read_text(text)
    findings, defaults = Findings(), merged(top, "global_defs")
    found = following(top, defaults, instances(top, defaults, findings), findings, bfd.sessions(top, findings))
    return found, [each.message for each in findings.sorted()]


def follow(read_text: Read, blocks: str, lines: str, more: str = "") -> tuple[Tracked, ...]:
    found, _ = read(read_text, blocks + instance("A", f"{lines}\n{more}"))
    return found.instances[0].tracked


@pytest.mark.parametrize(
    ("block", "line", "weight", "reverse"),
    [
        ("", "alive", 0, False),
        ("weight -20", "alive", -20, False),
        ("weight -20 reverse", "alive", -20, True),
        ("weight -20 reverse", "alive weight 5", 5, True),
        ("weight -20 reverse", "alive weight 5 noreverse", 5, False),
        ("weight -20", "alive weight 5 reverse", 5, True),
        ("weight -20", "alive weight 0", 0, False),
    ],
)
def test_a_line_says_more_than_its_block(read_text: Read, block: str, line: str, weight: int, reverse: bool) -> None:
    expected = Tracked(kind=SCRIPT, name="alive", weight=weight, reverse=reverse)
    assert follow(read_text, ALIVE.format(block), f"track_script {{\n{line}\n}}") == (expected,)


def test_every_kind(read_text: Read) -> None:
    blocks = "track_file f {\nfile /run/f\n}\nvrrp_track_process p {\nprocess nginx\n}\n"
    lines = "track_interface {\neth1\neth2 weight -5\n}\ntrack_file {\nf\n}\ntrack_process {\np weight 3\n}"
    assert follow(read_text, blocks, lines) == (
        Tracked(kind=INTERFACE, name="eth1"),
        Tracked(kind=INTERFACE, name="eth2", weight=-5),
        Tracked(kind=FILE, name="f", weight=1),
        Tracked(kind=PROCESS, name="p", weight=3),
    )


def test_sessions_that_run(read_text: Read) -> None:
    block = "bfd_instance {} {{\nneighbor_ip 10.0.0.1\nweight -9\n}}\n"
    blocks = block.format("one") + block.format("same_neighbour")
    lines = "track_bfd {\none\nsame_neighbour\nnone\n}"
    assert follow(read_text, blocks, lines) == (Tracked(kind=TrackerKind.BFD, name="one", weight=-9),)


def test_what_is_defined_below_or_nowhere_is_not_followed(read_text: Read) -> None:
    lines = "track_script {\nalive\nother\nalive weight 3\n}"
    found, _ = read(read_text, instance("A", lines) + ALIVE.format(""))
    assert found.instances[0].tracked == ()
    assert found.scripts == ()
    assert follow(read_text, ALIVE.format(""), lines) == (Tracked(kind=SCRIPT, name="alive"),)


def test_scripts_with_all_they_say_and_only_those_that_are_followed(read_text: Read) -> None:
    more = "interval 5\ntimeout 3\nrise 2\nfall 3\nuser nobody nogroup\ninit_fail"
    idle = ALIVE.format("").replace("alive", "idle")
    found, _ = read(read_text, idle + ALIVE.format(more) + instance("A", "track_script {\nalive\n}"))
    run = Script(command=("/bin/true",), user="nobody", group="nogroup")
    assert found.scripts == (
        TrackScript(name="alive", run=run, interval=Seconds(5.0), timeout=Seconds(3.0), rise=2, fall=3, init_fail=True),
    )
    found, _ = read(read_text, ALIVE.format("interval 7") + instance("A", "track_script {\nalive\n}"))
    assert found.scripts[0].timeout == 7.0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("process nginx", TrackProcess(name="p", command="nginx")),
        (
            'process "/usr/sbin/a b" -x "c d"\nparam_match partial\nfull_command',
            TrackProcess(
                name="p",
                command="/usr/sbin/a b",
                parameters=("-x", "c d"),
                match=ParameterMatch.PARTIAL,
                full_command=True,
            ),
        ),
        ("process a b", TrackProcess(name="p", command="a", parameters=("b",), match=ParameterMatch.EXACT)),
        ("process a\nparam_match", TrackProcess(name="p", command="a", match=ParameterMatch.EXACT)),
        (
            "process a\nquorum 2\nquorum_max 3\ndelay 2\nfork_delay 1.5",
            TrackProcess(
                name="p",
                command="a",
                quorum=2,
                quorum_max=3,
                fork_delay=Seconds(1.5),
                terminate_delay=Seconds(2.0),
            ),
        ),
    ],
)
def test_processes(read_text: Read, body: str, expected: TrackProcess) -> None:
    block = f"vrrp_track_process p {{\n{body}\n}}\n"
    found, _ = read(read_text, block + instance("A", "track_process {\np\n}"))
    assert found.processes == (expected,)


@pytest.mark.parametrize(
    ("body", "value", "overwrite"),
    [("", None, False), ("init_file", 0, False), ("init_file 7", 7, False), ("init_file 7 overwrite", 7, True)],
)
def test_files(read_text: Read, body: str, value: int | None, overwrite: bool) -> None:
    block = f"track_file f {{\nfile /run/f\n{body}\n}}\n"
    found, _ = read(read_text, block + instance("A", "track_file {\nf\n}"))
    assert found.files == (TrackFile(name="f", path="/run/f", init_value=value, overwrite=overwrite),)


def test_a_group_has_the_instances_that_there_are_each_in_one(read_text: Read) -> None:
    text = group("G", "A", "B", "X") + group("H", "B", "C") + group("G", "C") + group("E", "X")
    found, _ = read(read_text, text + instance("A") + instance("B", vrid=2) + instance("C", vrid=3))
    assert found.groups == (SyncGroup(name="G", members=("A", "B")), SyncGroup(name="H", members=("C",)))
    assert [each.sync_group for each in found.instances] == ["G", "G", "H"]


@pytest.mark.parametrize(
    ("defaults", "body", "mails"),
    [
        ("", "", False),
        ("", "smtp_alert", True),
        ("smtp_alert", "", True),
        ("smtp_alert\nsmtp_alert_vrrp off", "", False),
        ("smtp_alert_vrrp", "smtp_alert off", False),
    ],
)
def test_a_group_is_mailed_if_it_or_global_defs_say_so(read_text: Read, defaults: str, body: str, mails: bool) -> None:
    text = f"global_defs {{\n{defaults}\n}}\n" + group("G", "A", "B", body=body)
    found, _ = read(read_text, text + instance("A") + instance("B", vrid=2))
    assert [each.smtp_alert for each in found.groups] == [mails]


def test_in_a_group_weights_belong_to_the_group(read_text: Read) -> None:
    lines = "track_script {\nalive\n}\ntrack_interface {\neth1\n}"
    members = instance("A", lines) + instance("B", vrid=2)
    shared = group("G", "A", "B", body="track_script {\nalive weight 7\n}")
    found, said = read(read_text, ALIVE.format("weight -5") + shared + members)
    assert found.groups[0].tracked == (Tracked(kind=SCRIPT, name="alive", weight=7),)
    assert found.instances[0].tracked == (Tracked(kind=INTERFACE, name="eth1"),)
    assert said == ["'alive' has the weight -5, and 'A' is in vrrp_sync_group 'G': it is not followed"]
    shared = group("G", "A", "B", body="sync_group_tracking_weight")
    found, said = read(read_text, ALIVE.format("weight -5") + shared + members)
    assert Tracked(kind=SCRIPT, name="alive", weight=-5) in found.instances[0].tracked
    assert (found.groups[0].weighted, said) == (True, [])


def test_an_owner_follows_nothing_with_a_weight(read_text: Read) -> None:
    lines = "priority 255\ntrack_script {\nalive\n}\ntrack_interface {\neth1\n}"
    found, said = read(read_text, ALIVE.format("weight -5") + instance("A", lines))
    assert found.instances[0].tracked == (Tracked(kind=INTERFACE, name="eth1"),)
    assert found.scripts == ()
    assert said == ["'alive' has the weight -5, and 'A' owns its addresses (priority 255): it is not followed"]


def test_the_own_interface_may_be_left_out_of_account(read_text: Read) -> None:
    found, _ = read(read_text, instance("A", "dont_track_primary") + instance("B", vrid=2))
    assert [each.track_primary for each in found.instances] == [False, True]
