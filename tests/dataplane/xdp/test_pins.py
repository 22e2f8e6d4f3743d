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
