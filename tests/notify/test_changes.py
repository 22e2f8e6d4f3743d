# SPDX-License-Identifier: Apache-2.0
"""Words, arguments and lines, as real keepalived 2.2.7 was seen to use them (tests/interop/test_notify.py compares)."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest

from bascule.model.base import Priority, Vrid
from bascule.model.configuration import (
    Configuration,
    GlobalDefinitions,
    RealServerConfig,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import QuorumChanged, ServerChanged
from bascule.model.scripts import Fifo, Notifies, Script, ScriptSettings, UpDown
from bascule.model.service import Protocol, ServerId, ServiceId
from bascule.model.tracking import SyncGroup, TrackScript
from bascule.notify.changes import (
    Kind,
    Word,
    all_scripts,
    check_line,
    check_steps,
    is_wanted,
    line,
    steps,
    word_of,
)


def script(name: str) -> Script:
    return Script(command=(f"/bin/{name}",))


FULL = Notifies(
    any=script("any"),
    master=script("master"),
    backup=script("backup"),
    fault=script("fault"),
    stop=script("stop"),
    deleted=script("deleted"),
    master_lower=script("lower"),
    says_deleted=True,
)
SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)
SERVER = ServerId(address=ipaddress.ip_address("192.168.2.212"), port=8080)
CONFIGURATION = Configuration(
    instances=(VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(1), notify=FULL),),
    sync_groups=(SyncGroup(name="G", members=("VI_1",), notify=Notifies(any=script("any"), master=script("group"))),),
    virtual_servers=(
        VirtualServerConfig(
            id=SERVICE,
            notify=UpDown(up=script("quorum_up"), down=script("quorum_down")),
            real_servers=(
                RealServerConfig(address=SERVER.address, port=8080, notify=UpDown(down=script("server_down"))),
                RealServerConfig(address=SERVER.address, port=81, notify=UpDown(down=script("other"))),
            ),
        ),
    ),
)


@pytest.mark.parametrize("state", [VrrpState.MASTER, VrrpState.BACKUP, VrrpState.FAULT])
def test_a_state_is_called_by_its_name(state: VrrpState) -> None:
    assert word_of(state, FULL, configured=True).value == state.value


def test_the_end_is_stop_or_what_the_block_calls_it() -> None:
    assert word_of(VrrpState.INIT, FULL, configured=True) is Word.STOP
    assert word_of(VrrpState.INIT, FULL, configured=False) is Word.DELETED
    assert word_of(VrrpState.INIT, Notifies(), configured=False) is Word.FAULT


@pytest.mark.parametrize("word", [Word.MASTER, Word.BACKUP, Word.FAULT, Word.STOP, Word.DELETED])
def test_first_the_state_s_own_script_then_notify_with_four_words(word: Word) -> None:
    own, last = steps(Kind.INSTANCE, "VI 1", word, Priority(110), FULL)
    assert own == (script(word.value.lower()), ())
    assert last == (script("any"), ("INSTANCE", "VI 1", word.value, "110"))


def test_only_its_own_script_hears_of_lower_priorities_and_none_of_another_priority() -> None:
    assert steps(Kind.INSTANCE, "A", Word.MASTER_RX_LOWER_PRI, Priority(1), FULL) == ((script("lower"), ()),)
    assert steps(Kind.INSTANCE, "A", Word.BACKUP_PRIORITY, Priority(1), FULL) == ()


def test_without_scripts_there_is_nothing_to_run() -> None:
    assert steps(Kind.GROUP, "A", Word.MASTER, Priority(0), Notifies()) == ()


def test_lines() -> None:
    assert line(Kind.INSTANCE, "VI_1", Word.MASTER, Priority(100)) == b'INSTANCE "VI_1" MASTER 100\n'
    assert line(Kind.GROUP, "G1", Word.BACKUP, Priority(0)) == b'GROUP "G1" BACKUP 0\n'


@pytest.mark.parametrize(("up", "how"), [(True, "UP"), (False, "DOWN")])
def test_checkers_lines_and_scripts(up: bool, how: str) -> None:
    quorum = QuorumChanged(service=SERVICE, up=up, why="", at=1.0)
    server = ServerChanged(service=SERVICE, server=SERVER, up=up, why="", at=1.0)
    assert check_line(quorum) == f"VS [192.168.2.240]:tcp:80 {how}\n".encode()
    assert check_line(server) == f"RS [192.168.2.212]:tcp:8080 [192.168.2.240]:tcp:80 {how}\n".encode()
    assert check_steps(quorum, CONFIGURATION) == ((script(f"quorum_{how.lower()}"), ()),)
    assert check_steps(server, CONFIGURATION) == (() if up else ((script("server_down"), ()),))
    assert check_steps(quorum, Configuration()) == ()


def test_every_script_is_found_once() -> None:
    names = {each.command[0].removeprefix("/bin/") for each in all_scripts(CONFIGURATION)}
    own = {"any", "master", "backup", "fault", "stop", "deleted", "lower"}
    assert names == own | {"group", "quorum_up", "quorum_down", "server_down", "other"}
    assert len(all_scripts(CONFIGURATION)) == len(names)


def test_what_needs_the_role() -> None:
    assert not is_wanted(Configuration())
    assert is_wanted(CONFIGURATION)
    assert is_wanted(Configuration(track_scripts=(TrackScript(name="chk", run=script("chk")),)))
    for name in ("fifo", "vrrp_fifo", "lvs_fifo"):
        settings = msgspec.structs.replace(ScriptSettings(), **{name: Fifo(path="/f")})
        assert is_wanted(Configuration(globals=GlobalDefinitions(scripts=settings)))
