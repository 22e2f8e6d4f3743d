# SPDX-License-Identifier: Apache-2.0
"""A reader of BTF, the BPF type format (Documentation/bpf/btf.rst): sizes, member offsets, and where the
variables of a data section lie. It reads what clang put into our own object, and is no general library.
"""

from __future__ import annotations

import dataclasses
import struct

HEADER = struct.Struct("<HBBIIIII")
TYPE = struct.Struct("<III")
MAGIC = 0xEB9F

KIND_INT = 1
KIND_ARRAY = 3
KIND_STRUCT = 4
KIND_UNION = 5
KIND_ENUM = 6
KIND_TYPEDEF = 8
KIND_VOLATILE = 9
KIND_CONST = 10
KIND_VAR = 14
KIND_DATASEC = 15

_ENTRY_BYTES = {KIND_STRUCT: 12, KIND_UNION: 12, KIND_ENUM: 8, 13: 8, KIND_DATASEC: 12, 19: 12}
_EXTRA_BYTES = {KIND_INT: 4, KIND_ARRAY: 12, KIND_VAR: 4, 17: 4}
_ALIASES = frozenset({KIND_TYPEDEF, KIND_VOLATILE, KIND_CONST, KIND_VAR})


@dataclasses.dataclass(frozen=True, slots=True)
class BtfType:
    """One type; `size` of struct, union, int and enum in bytes, `target` of the kinds that point at another."""

    name: str
    kind: int
    size: int
    entries: tuple[tuple[int, ...], ...]
    strings: tuple[str, ...]
    """The names of the entries."""

    @property
    def target(self) -> int:
        """The type that this one refers to (the word that is a size for others)."""
        return self.size


class Btf:
    """The types of one object."""

    def __init__(self, raw: bytes) -> None:
        magic, _version, _flags, header, type_at, type_length, string_at, string_length = HEADER.unpack_from(raw)
        if magic != MAGIC:
            raise ValueError("not BTF")
        self._strings: bytes = raw[header + string_at : header + string_at + string_length]
        self.types: list[BtfType] = [BtfType("void", 0, 0, (), ())]
        at = header + type_at
        end = at + type_length
        while at < end:
            at = self._read(raw, at)

    def _string(self, offset: int) -> str:
        return self._strings[offset : self._strings.index(b"\0", offset)].decode()

    def _read(self, raw: bytes, at: int) -> int:
        name, information, size = (int(word) for word in TYPE.unpack_from(raw, at))
        kind, count = information >> 24 & 0x1F, information & 0xFFFF
        at += TYPE.size
        step = _ENTRY_BYTES.get(kind, 0)
        words = struct.Struct(f"<{step // 4}I")
        entries = tuple(words.unpack_from(raw, at + step * i) for i in range(count)) if step else ()
        if kind == KIND_ARRAY:
            entries = (struct.unpack_from("<3I", raw, at),)
        named = kind not in (KIND_ARRAY, KIND_DATASEC)
        strings = tuple(self._string(entry[0]) for entry in entries) if named else ()
        self.types.append(BtfType(self._string(name), kind, size, entries, strings))
        return at + step * count + _EXTRA_BYTES.get(kind, 0)

    def find(self, kind: int, name: str) -> BtfType:
        """The type of this kind and name; KeyError if there is none."""
        for candidate in self.types:
            if candidate.kind == kind and candidate.name == name:
                return candidate
        raise KeyError(name)

    def members(self, name: str) -> dict[str, int]:
        """Offsets in bytes of a struct's members; those of unnamed unions and structs stand among them."""
        return self._members(self.find(KIND_STRUCT, name), 0)

    def _members(self, record: BtfType, base: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for label, (_, target, bits) in zip(record.strings, record.entries, strict=True):
            offset = base + bits // 8
            inner = self.types[target]
            if label:
                found[label] = offset
            elif inner.kind in (KIND_STRUCT, KIND_UNION):
                found |= self._members(inner, offset)
        return found

    def size(self, name: str) -> int:
        """Size in bytes of a struct."""
        return self.find(KIND_STRUCT, name).size

    def variables(self, section: str) -> dict[str, tuple[int, int]]:
        """Offset and size of each variable in a data section such as `.rodata`."""
        return {self.types[entry[0]].name: (entry[1], entry[2]) for entry in self.find(KIND_DATASEC, section).entries}
