# SPDX-License-Identifier: Apache-2.0
"""The same file, the same happenings, keepalived 2.2.7 and bascule: scripts called alike, FIFOs given the same."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import pathlib
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from bascule.lab.directors import Director, program
from bascule.lab.network import LabHost, Network
from bascule.lab.waiting import wait_for
from bascule.linux import rawsocket
from bascule.model.base import Priority, Seconds, Vrid
from bascule.vrrp import packet
from bascule.vrrp.packet import Advert

pytestmark = [pytest.mark.root, pytest.mark.lab]

SCRIPT = """#!/bin/sh
line="$(id -u)"
for word in "$@"; do line="$line|$word"; done
echo "$line" >> {folder}/calls
"""

GLOBAL = """
global_defs {{
    router_id DIRECTOR
    script_user root
    notify_fifo {folder}/all
    vrrp_notify_fifo {folder}/vrrp
    vrrp_notify_priority_changes
}}
vrrp_script chk {{
    script "/usr/bin/test -e {folder}/ok"
    user nobody
    weight 10
}}
vrrp_sync_group G {{
    group {{
        VI_4
    }}
    notify "{folder}/call g-any"
    notify_master "{folder}/call g-master"
    notify_backup "{folder}/call g-backup"
    notify_fault "{folder}/call g-fault"
    notify_stop "{folder}/call g-stop"
}}
"""

INSTANCES = {
    "VI_1": r"""
    notify "{folder}/call 1-any 'one word' \"another one\" $HOME ; | &"
    notify_master "{folder}/call 1-master" nobody
    notify_backup "{folder}/call 1-backup" nobody daemon
    notify_fault '{folder}/call 1-fault x'
    notify_stop "{folder}/call 1-stop \x41\102\\\\"
    notify_master_rx_lower_pri "{folder}/call 1-lower"
""",
    "VI_2": """
    notify "{folder}/call 2-any" nobody
    notify_deleted "{folder}/call 2-deleted"
""",
    "VI_3": """
    notify {folder}/call
    notify_fault "{folder}/call 3-fault" some more words
""",
    "VI_4": """
    notify "{folder}/call 4-any"
""",
    "VI_5": """
    track_script {{
        chk
    }}
""",
}

INSTANCE = """
vrrp_instance {name} {{
    state BACKUP
    interface eth0
    virtual_router_id {vrid}
    priority 100
    advert_int 1
    virtual_ipaddress {{
        192.168.2.{vrid}/24
    }}
{lines}
}}
"""


def configuration(folder: pathlib.Path, *names: str) -> str:
    text = GLOBAL.format(folder=folder)
    for name in names:
        lines = INSTANCES[name].format(folder=folder)
        text += INSTANCE.format(name=name, vrid=100 + int(name[-1]), lines=lines)
    return text


class Program(Protocol):
    """Either program in a host."""

    def start(self) -> None: ...

    def reload(self) -> None: ...

    def stop(self) -> None: ...


class Keepalived:
    def __init__(self, host: LabHost, file: pathlib.Path) -> None:
        self._host, self._file = host, file
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        pids = ["--pid", str(self._host.folder / "pid"), "--vrrp_pid", str(self._host.folder / "vrrp.pid")]
        command = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(self._file), *pids]
        self._process = self._host.popen(command, log="keepalived")

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


class Bascule:
    def __init__(self, host: LabHost, file: pathlib.Path) -> None:
        self._director = Director(host, file)

    def start(self) -> None:
        self._director.launch()
        wait_for(lambda: self._director.status() is not None, 20, "the director", evidence=self._director.log)
        self._director.host.popen(
            [program(), "events", "--json", "--run-dir", str(self._director.run_dir)], log="events"
        )

    def reload(self) -> None:
        self._director.host.run([program(), "reload", "--run-dir", str(self._director.run_dir)], timeout=60)

    def stop(self) -> None:
        self._director.host.run([program(), "stop", "--run-dir", str(self._director.run_dir)], timeout=60)


class FifoReader:
    """Reads a FIFO that somebody else makes, and the next of its name."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._open: dict[int, int] = {}
        self._text: dict[int, bytes] = {}

    def look(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            number = self._path.stat().st_ino
            if number not in self._open:
                self._open[number] = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        for number, descriptor in self._open.items():
            while select.select([descriptor], [], [], 0)[0]:
                self._text[number] = self._text.get(number, b"") + os.read(descriptor, 65536)
        return b"".join(self._text.values()).decode().splitlines()

    def close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)


class Record:
    """What a program's scripts were called with and its FIFOs were given."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        self.folder = folder
        self._calls = folder / "calls"
        self._calls.touch()
        self._calls.chmod(0o666)
        script = folder / "call"
        script.write_text(SCRIPT.format(folder=folder))
        script.chmod(0o755)
        self._fifos = {name: FifoReader(folder / name) for name in ("all", "vrrp")}

    def close(self) -> None:
        for fifo in self._fifos.values():
            fifo.close()

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()

    def fifo(self, name: str) -> list[str]:
        return self._fifos[name].look()

    def until(self, *lines: str) -> None:
        """Wait until both FIFOs have had all these lines."""

        def there() -> bool:
            return all(set(lines) <= set(self.fifo(name)) for name in self._fifos)

        wait_for(there, 40, f"{lines}", evidence=lambda: f"{self.fifo('all')}\n{self.calls()}")

    def until_calls(self, count: int) -> None:
        wait_for(lambda: len(self.calls()) >= count, 40, f"{count} calls", evidence=lambda: "\n".join(self.calls()))


def each(word: str, *names: str) -> tuple[str, ...]:
    """VI_5 has more once its script succeeds, which is after it has become active."""
    later = {"VI_5": 110} if word == "FAULT" else {}
    return tuple(f'INSTANCE "{name}" {word} {later.get(name, 100)}' for name in names)


def lower_advert(network: Network) -> None:
    address = ipaddress.ip_address("192.168.2.101")
    advert = Advert(vrid=Vrid(101), priority=Priority(50), interval=Seconds(1.0), addresses=(address,))
    source = ipaddress.ip_address("192.168.2.211")
    with network.host("d2").entered():
        rawsocket.send_once("eth0", source, packet.GROUP_IPV4, 255, packet.encode(advert, source, packet.GROUP_IPV4))


def play(network: Network, make: Callable[[LabHost, pathlib.Path], Program], folder: pathlib.Path) -> Record:
    """Start, become active, hear a lower priority, lose and regain the interface, lose instances by a reload, stop."""
    host = network.host("d1")
    record = Record(folder)
    file = folder / "file.conf"
    file.write_text(configuration(folder, *INSTANCES))
    program_here = make(host, file)
    program_here.start()
    record.until(*each("BACKUP", *INSTANCES), 'GROUP "G" BACKUP 0')
    record.until(*each("MASTER", *INSTANCES), 'GROUP "G" MASTER 0')
    (folder / "ok").touch()
    record.until('INSTANCE "VI_5" MASTER_PRIORITY 110')
    lower_advert(network)
    record.until('INSTANCE "VI_1" MASTER_RX_LOWER_PRI 100')
    record.until_calls(15)
    host.run(["ip", "link", "set", "eth0", "down"])
    record.until(*each("FAULT", *INSTANCES), 'GROUP "G" FAULT 0')
    record.until_calls(22)
    host.run(["ip", "link", "set", "eth0", "up"])
    wait_for(
        lambda: all(record.fifo("all").count(line) == 2 for line in each("MASTER", "VI_1", "VI_2", "VI_3", "VI_4")),
        40,
        "recovery",
    )
    record.until('INSTANCE "VI_5" MASTER 110')
    record.until_calls(36)
    file.write_text(configuration(folder, "VI_1", "VI_4"))
    program_here.reload()
    record.until(*each("DELETED", "VI_2"))
    record.until_calls(39)
    program_here.stop()
    record.until(*each("STOP", "VI_1", "VI_4"), 'GROUP "G" STOP 0')
    record.until_calls(44)
    return record


def subject(line: str) -> str:
    """Whom a line of a FIFO is about."""
    return " ".join(line.split()[:2])


def by(lines: list[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    """In their order for each key."""
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(key(line), []).append(line)
    return found


@pytest.fixture
def records(network: Network) -> Iterator[list[Record]]:
    made: list[Record] = []
    for name, make in (("keepalived", Keepalived), ("bascule", Bascule)):
        made.append(play(network, make, network.host("d1").folder / name))
    yield made
    for record in made:
        record.close()


def test_scripts_and_fifos_hear_from_both_the_same(records: list[Record], network: Network) -> None:
    theirs, ours = records
    for name in ("all", "vrrp"):
        assert by(ours.fifo(name), subject) == by(theirs.fifo(name), subject)

    def kind(call: str) -> str:
        return call.split("|")[1]

    # keepalived runs the scripts of one change side by side: only those of one kind are in its order.
    assert by(ours.calls(), kind) == by(theirs.calls(), kind)
    assert "0|1-stop|AB\\" in ours.calls()
    assert "0|1-any|one word|another one|$HOME|;|||&|INSTANCE|VI_1|MASTER|100" in ours.calls()

    told = [json.loads(line) for line in network.host("d1").log_file("events").read_text().splitlines()]
    states = [event["state"] for event in told if event["type"] == "instance_changed" and event["instance"] == "VI_1"]
    assert states[-5:] == ["MASTER", "FAULT", "BACKUP", "MASTER", "INIT"]
    assert [event["heard"] for event in told if event["type"] == "lower_priority_heard"] == [50]
