# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pathlib
import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.dataplane.xdp import pins
from bascule.dataplane.xdp.pins import Pins, is_bpf_mounted, namespace_name
from bascule.lab.network import Network
from bascule.lab.topologies import PAIR


def test_paths_are_a_namespaces_own(tmp_path: pathlib.Path) -> None:
    found = Pins(tmp_path)
    assert found.namespace == namespace_name()
    assert found.namespace.isdigit()
    assert found.maps == tmp_path / "bpf" / found.namespace / "maps"
    assert found.link("eth0.100") == tmp_path / "bpf" / found.namespace / "links" / "eth0%2e100" / "link"
    assert found.interfaces() == ()
    assert not (tmp_path / "bpf").exists(), "looking makes nothing"


@given(st.text(st.characters(codec="ascii", exclude_characters="/\0"), min_size=1, max_size=15))
def test_any_interface_name_survives_a_file_system_without_dots(name: str) -> None:
    escaped = pins._escaped(name)
    assert "." not in escaped
    assert pins._plain(escaped) == name


def test_an_ordinary_folder_is_no_bpf_file_system(tmp_path: pathlib.Path) -> None:
    assert not is_bpf_mounted(tmp_path)
    assert not is_bpf_mounted(tmp_path / "absent")


@pytest.mark.root
def test_the_file_system_comes_and_goes(tmp_path: pathlib.Path) -> None:
    found = Pins(tmp_path / "run")
    found.prepare()
    try:
        assert is_bpf_mounted(found.root)
        found.prepare()
        (found.links / "eth0").mkdir()
        mounted = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        assert mounted.count(str(found.root)) == 1, "mounted once"
    finally:
        found.release()
    assert not is_bpf_mounted(found.root)
    assert list(found.root.iterdir()) == []


@pytest.mark.root
def test_the_mount_stays_while_another_namespace_uses_it(tmp_path: pathlib.Path) -> None:
    found = Pins(tmp_path)
    found.prepare()
    other = found.root / "12345"
    other.mkdir()
    try:
        found.release()
        assert is_bpf_mounted(found.root)
        assert not found.folder.exists()
    finally:
        other.rmdir()
        found.release()
    assert not is_bpf_mounted(found.root)


SCRIPT = """
import pathlib, sys
from bascule.dataplane.xdp.pins import Pins, is_bpf_mounted
made = Pins(pathlib.Path(sys.argv[1]))
made.prepare()
print(is_bpf_mounted(made.root), made.note is None)
"""


@pytest.mark.root
@pytest.mark.lab
@pytest.mark.parametrize(
    ("propagation", "said", "left"),
    [("shared", "True True", "1"), ("private", "True False", "0")],
    ids=["a host whose mounts come through", "a host that is out of reach"],
)
def test_under_ip_netns_exec_the_mount_is_the_hosts(
    tmp_path: pathlib.Path, propagation: str, said: str, left: str
) -> None:
    """A host of its own: its first process is a shell, which runs us as an operator would."""
    with Network(PAIR) as network:
        inside = ["ip", "netns", "exec", network.host("d1").namespace, sys.executable, "-c", SCRIPT, str(tmp_path)]
        shell = f"{shlex.join(inside)}; grep -c ' {tmp_path / 'bpf'} ' /proc/mounts"
        host = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--propagation",
            propagation,
            "sh",
            "-c",
            shell,
        ]
        done = subprocess.run(host, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.split("\n") == [said, left, ""], done.stderr


@pytest.mark.parametrize(
    ("mounts", "hosts"),
    [
        ({1: "host", 10: "host", 11: "host", 12: "host"}, True),
        ({1: "host", 10: "host", 11: "own", 12: "own"}, False),
        ({10: "host", 11: "host", 12: "host"}, True),
        ({10: "host", 11: "own", 12: "own"}, False),
        ({12: "own"}, True),
    ],
    ids=[
        "everybody's",
        "a supervisor under `ip netns exec`",
        "the first process hides its mounts",
        "it hides them, and a supervisor under `ip netns exec`",
        "nobody else shows any",
    ],
)
def test_whose_mounts_ours_are(tmp_path: pathlib.Path, mounts: dict[int, str], hosts: bool) -> None:
    """Process 12 is a role, 11 its supervisor, 10 the shell, 1 the first process."""
    for process, parent in ((1, 0), (10, 1), (11, 10), (12, 11)):
        folder = tmp_path / str(process) / "ns"
        folder.mkdir(parents=True)
        (folder.parent / "stat").write_text(f"{process} (a) name) S {parent} 0 0")
        if process in mounts:
            (folder / "mnt").symlink_to(mounts[process])
    assert pins._in_host_namespace(tmp_path, 12) is hosts
