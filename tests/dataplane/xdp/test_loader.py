# SPDX-License-Identifier: Apache-2.0
"""Twin of `loader`: made, pinned, adopted with all that is in it, read beside, refused when of another layout."""

from __future__ import annotations

import pathlib
import subprocess
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

import numpy as np
import pytest

from bascule.dataplane.xdp import loader
from bascule.dataplane.xdp.layout import (
    ACCEPTED,
    MAX_ACCEPTED,
    RELAY,
    TIMEOUTS,
    State,
    connection_key,
    connection_value,
    mac_word,
)
from bascule.dataplane.xdp.libbpf import map_info, pin
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.maps import MappedArray, hash_values
from bascule.errors import KernelRefusedError

pytestmark = pytest.mark.root

VIP = IPv4Address("192.168.2.240")
MAC = bytes.fromhex("02000000d001")


@pytest.fixture
def pins(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder on a bpffs."""
    subprocess.run(["mount", "-t", "bpf", "bpf", str(tmp_path)], check=True)
    yield tmp_path / "maps"
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_new_director(pins: pathlib.Path) -> None:
    made = Director.open(pins, lines=64)
    assert not made.adopted
    assert len(made.table) == 256
    assert made.hz in loader.TICK_RATES
    assert int(made.settings["seed"])
    assert int(made.settings["timeouts"][State.FIN_WAIT]) == TIMEOUTS[State.FIN_WAIT] * made.hz
    assert set(made.verdicts().values()) == {0}
    assert {path.name for path in pins.iterdir()} == set(loader.PINS)
    made.close()
    Director.remove_pins(pins)
    assert not pins.exists()
    Director.remove_pins(pins)


def test_an_adopted_director_has_what_was_there(pins: pathlib.Path) -> None:
    first = Director.open(pins, lines=64)
    seed = int(first.settings["seed"])
    first.publish_service(VIP, 80, 6, 1)
    first.servers["active"][3] = 0
    keys = np.array([connection_key(1, 2, 1)], dtype=np.uint64)
    values = np.array([connection_value(server=3, state=State.ESTABLISHED, stamp=first.now())], dtype=np.uint64)
    assert first.restore(keys, values) == 1
    first.close()
    second = Director.open(pins, lines=128)
    assert second.adopted
    assert (len(second.table), int(second.settings["seed"])) == (256, seed)
    assert second.directory_entries() == {(VIP, 80, 6): 1}
    assert int(second.servers["active"][3]) == 1
    assert second.restore(keys, values) == 0
    second.close()


def test_a_reader_looks_and_does_not_touch(pins: pathlib.Path) -> None:
    with pytest.raises(KernelRefusedError, match="no XDP director is pinned"):
        Director.reader(pins)
    made = Director.open(pins, lines=64)
    reader = Director.reader(pins)
    made.servers["weight"][1] = 5
    assert int(reader.servers["weight"][1]) == 5
    made.close()
    assert abs(reader.now() - reader.now()) < reader.hz
    assert reader.verdicts()["tx"] == 0
    with pytest.raises(ValueError, match="read-only"):
        reader.servers["weight"][1] = 6
    with pytest.raises(KernelRefusedError, match="no programs"):
        reader.program()
    reader.close()


def test_an_interrupted_creation_is_begun_anew(pins: pathlib.Path) -> None:
    Director.open(pins, lines=64).close()
    (pins / "settings").unlink()
    again = Director.open(pins, lines=32)
    assert (again.adopted, len(again.table)) == (False, 128)
    again.close()


def test_relays_are_adopted_with_the_rest_and_replaced_and_forgotten(pins: pathlib.Path) -> None:
    first = Director.open(pins, lines=64)
    first.relay(VIP, 2, MAC, MAC, 1 << 40)
    first.close()
    second = Director.open(pins, lines=64)
    second.relay(VIP, 2, MAC, bytes(6), 7)
    second.relay(VIP, 3, MAC, MAC, 8)
    held = hash_values(second.map("relays"), RELAY, 8)
    assert sorted(held["until"].tolist()) == [7, 8]
    assert set(held["mac"].tolist()) == {mac_word(MAC)}
    second.forget_relays()
    assert len(hash_values(second.map("relays"), RELAY, 8)) == 0
    second.close()


def refused(pins: pathlib.Path) -> None:
    """Opening and reading say that another layout is pinned, and leave it alone."""
    held = {path.name for path in pins.iterdir()}
    for opening in (Director.open, Director.reader):
        with pytest.raises(KernelRefusedError, match="another version of bascule"):
            opening(pins)
    assert {path.name for path in pins.iterdir()} == held


def test_another_layouts_version_is_refused(pins: pathlib.Path) -> None:
    made = Director.open(pins, lines=64)
    made.settings["layout_version"] = 999
    made.close()
    refused(pins)


def test_a_map_that_is_missing_is_refused(pins: pathlib.Path) -> None:
    Director.open(pins, lines=64).close()
    (pins / "cursors").unlink()
    refused(pins)


def test_a_map_of_another_size_is_refused(pins: pathlib.Path) -> None:
    made = Director.open(pins, lines=64)
    (pins / "servers").unlink()
    pin(made.map("verdicts"), pins / "servers")
    made.close()
    refused(pins)


def test_pins_that_cannot_be_made_leave_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KernelRefusedError, match="cannot pin"):
        Director.open(tmp_path / "not-a-bpffs", lines=64)
    assert list((tmp_path / "not-a-bpffs").iterdir()) == []


def test_the_clock_goes_with_the_kernels(pins: pathlib.Path) -> None:
    made = Director.open(pins, lines=64)
    jiffies, nanoseconds = made.clock()
    assert abs(time.monotonic_ns() - nanoseconds) < 1e9
    deadline = time.monotonic() + 5
    while made.clock()[0] == jiffies:
        assert time.monotonic() < deadline
    now = made.now()
    assert (made.clock()[0] - now) & 0xFFFFFFFF < made.hz
    made.close()


def test_accepted_frames_are_listed_in_place() -> None:
    made = Director.open(None, lines=64)
    entries = MappedArray(made.map("accepted"), ACCEPTED, writable=False).array
    made.accept([(2, MAC), (3, MAC)])
    assert entries["ifindex"][:3].tolist() == [2, 3, 0]
    assert entries["mac"][:3].tolist() == [mac_word(MAC), mac_word(MAC), 0]
    made.accept([(3, MAC)])
    assert entries["ifindex"][:3].tolist() == [3, 0, 0]
    with pytest.raises(KernelRefusedError, match="more than 64"):
        made.accept([(1, MAC)] * (MAX_ACCEPTED + 1))
    assert entries["ifindex"][:2].tolist() == [3, 0]
    made.close()


def test_services_come_and_go() -> None:
    made = Director.open(None, lines=64)
    made.publish_service(VIP, 80, 6, 1)
    made.publish_service(VIP, 53, 17, 2)
    made.withdraw_service(VIP, 80, 6)
    assert made.directory_entries() == {(VIP, 53, 17): 2}
    made.close()


def test_sizes_of_the_maps() -> None:
    made = Director.open(None, lines=64)
    assert all(map_info(made.map(name)).max_entries for name in loader.MAPS)
    made.close()
