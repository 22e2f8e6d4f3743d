# SPDX-License-Identifier: Apache-2.0
"""Twin of `links`: on a veth pair in a namespace of its own: attached, updated, outliving, severed, taken off."""

from __future__ import annotations

import errno
import os
import pathlib
import socket
import subprocess
from collections.abc import Iterator

import pytest

from bascule.dataplane.xdp import links
from bascule.dataplane.xdp.libbpf import BpfError
from bascule.dataplane.xdp.links import AttachMode
from bascule.dataplane.xdp.objectfile import FOLDER, ObjectFile
from bascule.linux import namespaces

pytestmark = pytest.mark.root


@pytest.fixture
def interface() -> Iterator[int]:
    """A veth end's index; the test runs in its namespace."""
    name = f"links-{os.getpid()}"
    namespaces.create(name)
    try:
        with namespaces.entered(name):
            subprocess.run(["ip", "link", "add", "one", "type", "veth", "peer", "name", "two"], check=True)
            yield socket.if_nametoindex("one")
    finally:
        namespaces.remove(name)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A bpffs."""
    subprocess.run(["mount", "-t", "bpf", "bpf", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def loaded() -> ObjectFile:
    found = ObjectFile(FOLDER / "pass.bpf.o")
    found.load()
    return found


@pytest.mark.parametrize("mode", list(AttachMode))
def test_a_link_outlives_its_maker_and_takes_another_program(
    interface: int, folder: pathlib.Path, mode: AttachMode
) -> None:
    path = folder / "link"
    first = loaded()
    links.attach(first.program("pass"), interface, mode, path)
    first.close()
    before = links.state(path)
    assert before.ifindex == interface
    second = loaded()
    links.update(second.program("pass"), path)
    after = links.state(path)
    second.close()
    assert (after.ifindex, after.program_id != before.program_id) == (interface, True)
    links.detach(path)
    assert not path.exists()
    shown = subprocess.run(["ip", "link", "show", "dev", "one"], check=True, capture_output=True, text=True).stdout
    assert "xdp" not in shown


def test_a_taken_interface_is_refused(interface: int, folder: pathlib.Path) -> None:
    program = loaded()
    links.attach(program.program("pass"), interface, AttachMode.NATIVE, folder / "link")
    with pytest.raises(BpfError, match="native mode: ") as caught:
        links.attach(program.program("pass"), interface, AttachMode.NATIVE, folder / "other")
    assert caught.value.errno == errno.EBUSY
    assert not (folder / "other").exists()
    program.close()


def test_a_severed_link_says_so_and_can_be_forgotten(interface: int, folder: pathlib.Path) -> None:
    path = folder / "link"
    program = loaded()
    links.attach(program.program("pass"), interface, AttachMode.GENERIC, path)
    program.close()
    subprocess.run(["ip", "link", "delete", "one"], check=True)
    assert links.state(path).ifindex == 0
    links.detach(path)
    assert not path.exists()


def test_an_interface_that_is_not_there(interface: int, folder: pathlib.Path) -> None:
    program = loaded()
    with pytest.raises(BpfError, match=f"interface {interface + 9000}"):
        links.attach(program.program("pass"), interface + 9000, AttachMode.GENERIC, folder / "link")
    program.close()
