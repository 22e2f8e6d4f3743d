# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ctypes
import pathlib

import pytest

from bascule.dataplane.choose import open_plane, open_reader, preflight
from bascule.dataplane.xdp import libbpf
from bascule.errors import ConfigurationError, KernelRefusedError
from bascule.model.configuration import BasculeOptions, Configuration, DataPlaneChoice

EVERYTHING = "000001ffffffffff"


def machine(
    folder: pathlib.Path, capabilities: str = EVERYTHING, systems: str = "nodev\tbpf\n", btf: bool = True
) -> tuple[pathlib.Path, pathlib.Path]:
    """/proc and /sys of a machine."""
    proc, system = folder / "proc", folder / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "status").write_text(f"Name:\tpython\nCapEff:\t{capabilities}\n")
    (proc / "filesystems").write_text(f"nodev\tsysfs\n{systems}\text4\n")
    (system / "kernel" / "btf").mkdir(parents=True)
    if btf:
        (system / "kernel" / "btf" / "vmlinux").touch()
    return proc, system


def test_a_machine_that_has_everything(tmp_path: pathlib.Path) -> None:
    preflight(*machine(tmp_path))


@pytest.mark.parametrize(
    ("lacks", "text"),
    [
        ({"capabilities": "0000000000000000"}, r"needs root \(CAP_NET_ADMIN and CAP_SYS_ADMIN missing\)"),
        ({"capabilities": "0000000000001000"}, r"needs root \(CAP_SYS_ADMIN missing\)"),
        ({"systems": ""}, "needs a kernel with BPF"),
        ({"btf": False}, "needs a kernel with BTF"),
    ],
)
def test_what_is_missing_is_named_in_one_line(tmp_path: pathlib.Path, lacks: dict[str, object], text: str) -> None:
    with pytest.raises(KernelRefusedError, match=text) as caught:
        preflight(*machine(tmp_path, **lacks))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_the_library_is_looked_for_before_anything_is_touched(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> ctypes.CDLL:
        raise OSError("libbpf.so.1: cannot open shared object file")

    libbpf.library.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", absent)
    try:
        with pytest.raises(KernelRefusedError, match=r"libbpf\.so\.1 is not installed"):
            preflight(*machine(tmp_path))
    finally:
        libbpf.library.cache_clear()


def test_ipvs_is_not_built_yet(tmp_path: pathlib.Path) -> None:
    wanted = Configuration(options=BasculeOptions(data_plane=DataPlaneChoice.IPVS))
    with pytest.raises(ConfigurationError, match="data_plane ipvs is not built yet"):
        open_plane(wanted, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_reader_needs_a_plane(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KernelRefusedError, match="no data plane of bascule"):
        open_reader(tmp_path)
