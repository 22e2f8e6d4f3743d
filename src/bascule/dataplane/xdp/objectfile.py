# SPDX-License-Identifier: Apache-2.0
"""One compiled BPF object: opened, its constants set, its maps sized or taken from pins, loaded into the kernel."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from bascule.dataplane.xdp.btf import Btf
from bascule.dataplane.xdp.libbpf import check, library, take_messages
from bascule.errors import KernelRefusedError

FOLDER = Path(__file__).parent / "bpf"
RODATA = ".rodata"


class ObjectFile:
    """An opened object. `close` it when the descriptors of its maps and programs are no longer needed."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise KernelRefusedError(f"{path.name} is not built: run `make bpf`")
        self.path = path
        take_messages()
        self._object = ctypes.c_void_p(library().bpf_object__open_file(os.fsencode(path), None))
        if not self._object:
            check(-(ctypes.get_errno() or 1), f"cannot open {path.name}")
        self.btf = Btf(self._raw_btf())

    def _raw_btf(self) -> bytes:
        size = ctypes.c_uint32()
        btf = ctypes.c_void_p(library().bpf_object__btf(self._object))
        return ctypes.string_at(library().btf__raw_data(btf, ctypes.byref(size)), size.value)

    def _constant(self, name: str) -> tuple[int, int]:
        """Address and size of a `const volatile`."""
        offset, size = self.btf.variables(RODATA)[name]
        room = ctypes.c_size_t()
        start = library().bpf_map__initial_value(self._map(RODATA), ctypes.byref(room))
        return int(start) + offset, size

    def constant(self, name: str) -> int:
        """The value of an unsigned constant, as built or as set."""
        return int.from_bytes(ctypes.string_at(*self._constant(name)), "little")

    def set_constant(self, name: str, value: int) -> None:
        """Set an unsigned constant; only before `load`."""
        address, size = self._constant(name)
        ctypes.memmove(address, value.to_bytes(size, "little"), size)

    def _map(self, name: str) -> ctypes.c_void_p:
        found = library().bpf_object__find_map_by_name(self._object, name.encode())
        if not found:
            raise KernelRefusedError(f"{self.path.name} has no map {name}")
        return ctypes.c_void_p(found)

    def size_map(self, name: str, entries: int) -> None:
        """How many entries a map shall have; only before `load`."""
        check(library().bpf_map__set_max_entries(self._map(name), ctypes.c_uint32(entries)), f"cannot size map {name}")

    def reuse_map(self, name: str, descriptor: int) -> None:
        """Take a map that is there instead of making one; only before `load`."""
        check(library().bpf_map__reuse_fd(self._map(name), descriptor), f"cannot take over map {name}")

    def load(self) -> None:
        """Into the kernel. BpfError with the verifier's or the kernel's reason."""
        check(library().bpf_object__load(self._object), f"the kernel does not take {self.path.name}")

    def map(self, name: str) -> int:
        """A map's descriptor; the object's own, so not to be closed."""
        return check(library().bpf_map__fd(self._map(name)), f"map {name} is not loaded")

    def program(self, name: str) -> int:
        """A program's descriptor; likewise."""
        found = library().bpf_object__find_program_by_name(self._object, name.encode())
        if not found:
            raise KernelRefusedError(f"{self.path.name} has no program {name}")
        return check(library().bpf_program__fd(ctypes.c_void_p(found)), f"program {name} is not loaded")

    def close(self) -> None:
        """Let go of everything; what is pinned or attached stays."""
        if self._object:
            library().bpf_object__close(self._object)
            self._object = ctypes.c_void_p()
