# SPDX-License-Identifier: Apache-2.0
"""Twin of `objectfile`: constants set before the load hold after it; what is missing is named."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from bascule.dataplane.xdp.libbpf import map_info
from bascule.dataplane.xdp.loader import OBJECT
from bascule.dataplane.xdp.maps import MappedArray
from bascule.dataplane.xdp.objectfile import ObjectFile
from bascule.errors import KernelRefusedError


@pytest.fixture
def opened() -> Iterator[ObjectFile]:
    found = ObjectFile(OBJECT)
    yield found
    found.close()


def test_an_object_that_is_not_built(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KernelRefusedError, match=r"other\.bpf\.o is not built: run `make bpf`"):
        ObjectFile(tmp_path / "other.bpf.o")


def test_constants(opened: ObjectFile) -> None:
    opened.set_constant("table_mask", 0x0A0B0C0D)
    assert opened.constant("table_mask") == 0x0A0B0C0D


def test_names_that_are_not_there(opened: ObjectFile) -> None:
    with pytest.raises(KernelRefusedError, match="has no map nowhere"):
        opened.size_map("nowhere", 1)
    with pytest.raises(KernelRefusedError, match="has no program nothing"):
        opened.program("nothing")


def test_before_the_load_there_are_no_descriptors(opened: ObjectFile) -> None:
    with pytest.raises(KernelRefusedError, match="map table is not loaded"):
        opened.map("table")


@pytest.mark.root
def test_sizes_and_reuse(opened: ObjectFile) -> None:
    opened.size_map("table", 32)
    opened.load()
    assert map_info(opened.map("table")).max_entries == 32
    MappedArray(opened.map("table"), "<u8", writable=True).array[5] = 77
    other = ObjectFile(OBJECT)
    try:
        other.reuse_map("table", opened.map("table"))
        other.load()
        assert int(MappedArray(other.map("table"), "<u8", writable=False).array[5]) == 77
    finally:
        other.close()


def test_closing_twice_is_no_matter() -> None:
    found = ObjectFile(OBJECT)
    found.close()
    found.close()
