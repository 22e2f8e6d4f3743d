# SPDX-License-Identifier: Apache-2.0
"""Twin of `libbpf`: one line when the library is missing, the kernel's and the library's words in errors, test runs."""

from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import subprocess

import pytest

from bascule.dataplane.xdp import libbpf
from bascule.dataplane.xdp.libbpf import BpfError, TestRun, check, map_info
from bascule.dataplane.xdp.objectfile import FOLDER, ObjectFile
from bascule.errors import KernelRefusedError

FRAME = bytes(range(64))


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libbpf, "SONAME", "libbpf.so.none")
    libbpf.library.cache_clear()
    try:
        with pytest.raises(KernelRefusedError, match=r"libbpf\.so\.none is not installed.*libbpf1\)$"):
            libbpf.library()
    finally:
        libbpf.library.cache_clear()


@pytest.mark.parametrize("result", [-errno.EBUSY, -1])
def test_both_ways_of_saying_no(result: int) -> None:
    ctypes.set_errno(errno.EBUSY)
    with pytest.raises(BpfError, match="cannot do it: Device or resource busy") as caught:
        check(result, "cannot do it")
    assert caught.value.errno == errno.EBUSY


def test_yes_is_passed_on() -> None:
    assert check(7, "cannot do it") == 7


def test_a_pin_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BpfError, match=r"cannot open .*nothing: No such file or directory"):
        libbpf.get_pinned(tmp_path / "nothing")


def test_the_librarys_own_words_are_kept(tmp_path: pathlib.Path) -> None:
    broken = tmp_path / "broken.bpf.o"
    broken.write_bytes(b"this is no object")
    libbpf.take_messages()
    with pytest.raises(BpfError, match=r"cannot open broken\.bpf\.o: .*\(.*broken.*\)"):
        ObjectFile(broken)
    assert libbpf.take_messages() == []


BROKEN = """
struct context { unsigned int data, data_end; };
__attribute__((section("xdp"), used)) int broken(struct context *context)
{
	return *(int *)(long)context->data;
}
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


@pytest.mark.root
def test_the_verifiers_reason_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "broken.c").write_text(BROKEN)
    command = ["clang-19", "-O2", "-g", "-target", "bpf", "-c", "broken.c", "-o", "broken.bpf.o"]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path)
    opened = ObjectFile(tmp_path / "broken.bpf.o")
    try:
        said = r"does not take broken\.bpf\.o: Permission denied \(R1 offset is outside of the packet"
        with pytest.raises(BpfError, match=said):
            opened.load()
    finally:
        opened.close()


@pytest.mark.root
def test_a_test_run_gives_the_verdict_and_the_packet() -> None:
    loaded = ObjectFile(FOLDER / "pass.bpf.o")
    try:
        loaded.load()
        run = TestRun(loaded.program("pass"), data=FRAME, room=128, repeat=3)
        assert (run.run(), run.output()) == (2, FRAME)
        assert (run.run(), run.output()) == (2, FRAME)
        with pytest.raises(BpfError, match="cannot run a BPF program"):
            TestRun(loaded.program("pass"), data=FRAME[:4]).run()
    finally:
        loaded.close()


@pytest.mark.root
def test_a_descriptor_that_is_no_map() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(BpfError, match="cannot look at a map"):
            map_info(reader)
    finally:
        os.close(reader)
        os.close(writer)


def test_cpus_are_counted() -> None:
    assert libbpf.possible_cpus() >= len(os.sched_getaffinity(0))
