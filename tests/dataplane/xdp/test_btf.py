# SPDX-License-Identifier: Apache-2.0
"""Twin of `btf`: a small object by hand, and one by the compiler."""

from __future__ import annotations

import pathlib
import struct
import subprocess

import pytest

from bascule.dataplane.xdp.btf import KIND_STRUCT, Btf
from bascule.dataplane.xdp.objectfile import ObjectFile

SOURCE = """
enum colour { RED = 0, BLUE = 7 };
union half { unsigned int whole; unsigned char parts[4]; };
struct sample {
	unsigned char first;
	unsigned long long second;
	union { unsigned int third; struct { unsigned short low, high; }; };
	union half fourth;
	enum colour colour;
} sample;
const volatile unsigned int answer = 42;
const volatile unsigned long long wide = 1ULL << 40;
__attribute__((section("socket"), used)) int program(void *context)
{
	return context != 0 && sample.first + answer + wide;
}
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


@pytest.fixture
def built(tmp_path: pathlib.Path) -> ObjectFile:
    source = tmp_path / "sample.c"
    source.write_text(SOURCE)
    target = tmp_path / "sample.o"
    command = ["clang-19", "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-c", str(source), "-o", str(target)]
    subprocess.run(command, check=True, timeout=60)
    return ObjectFile(target)


def test_a_compilers_object(built: ObjectFile) -> None:
    assert built.btf.size("sample") == 32
    offsets = {"first": 0, "second": 8, "third": 16, "low": 16, "high": 18, "fourth": 20, "colour": 24}
    assert built.btf.members("sample") == offsets
    assert {name: size for name, (_, size) in built.btf.variables(".rodata").items()} == {"answer": 4, "wide": 8}
    assert (built.constant("answer"), built.constant("wide")) == (42, 1 << 40)
    built.close()


def test_what_is_not_there(built: ObjectFile) -> None:
    with pytest.raises(KeyError, match="nothing"):
        built.btf.find(KIND_STRUCT, "nothing")
    built.close()


def test_not_btf() -> None:
    with pytest.raises(ValueError, match="not BTF"):
        Btf(struct.pack("<HBBIIIII", 0xDEAD, 1, 0, 24, 0, 0, 0, 0))


def test_no_types() -> None:
    assert len(Btf(struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 1) + b"\0").types) == 1
