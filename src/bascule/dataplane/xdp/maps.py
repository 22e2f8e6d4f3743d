# SPDX-License-Identifier: Apache-2.0
"""Maps as Python sees them: arrays mmapped as numpy, per-CPU counters summed, hash maps listed."""

from __future__ import annotations

import ctypes
import mmap
import os

import numpy as np
import numpy.typing as npt

from bascule.dataplane.xdp.libbpf import check, library, map_info, possible_cpus

WORD = 8  # values of per-CPU maps are rounded up to this many bytes


class MappedArray:
    """A BPF_F_MMAPABLE array as a numpy array over the same memory. Writes of one field are single aligned stores."""

    def __init__(self, descriptor: int, dtype: npt.DTypeLike, *, writable: bool) -> None:
        info = map_info(descriptor)
        self.entries = int(info.max_entries)
        length = int(info.value_size) * self.entries
        rounded = -(-length // mmap.PAGESIZE) * mmap.PAGESIZE
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self._memory = mmap.mmap(descriptor, rounded, flags=mmap.MAP_SHARED, prot=protection)
        self.array: npt.NDArray[np.void] = np.frombuffer(
            self._memory, dtype=dtype, count=length // np.dtype(dtype).itemsize
        )


def per_cpu_counters(descriptor: int, dtype: npt.DTypeLike, count: int) -> npt.NDArray[np.void]:
    """The first `count` elements of a per-CPU array of unsigned 64-bit words, summed over the CPUs."""
    record = np.dtype(dtype)
    cpus = possible_cpus()
    values = np.zeros((count, cpus, record.itemsize // WORD), dtype="<u8")
    keys = np.zeros(count, dtype="<u4")
    wanted, position = ctypes.c_uint32(count), ctypes.c_uint32()
    if count:
        result = library().bpf_map_lookup_batch(
            descriptor,
            None,
            ctypes.byref(position),
            keys.ctypes.data_as(ctypes.c_void_p),
            values.ctypes.data_as(ctypes.c_void_p),
            ctypes.byref(wanted),
            None,
        )
        _check_batch(result)
    return np.ascontiguousarray(values.sum(axis=1, dtype="<u8")).view(record).reshape(count)


def _check_batch(result: int) -> bool:
    """True at the end of the map, which a batch says by ENOENT and a valid count."""
    if result < 0 and ctypes.get_errno() == 2:
        return True
    check(result, "cannot read a map")
    return False


def clear_per_cpu(descriptor: int, index: int, size: int) -> None:
    """Zero one element of a per-CPU array on all CPUs; `size` in bytes."""
    key = ctypes.c_uint32(index)
    zeros = ctypes.create_string_buffer(size * possible_cpus())
    check(
        library().bpf_map_update_elem(descriptor, ctypes.byref(key), zeros, ctypes.c_uint64(0)), "cannot clear counters"
    )


def hash_values(descriptor: int, dtype: npt.DTypeLike, entries: int) -> npt.NDArray[np.void]:
    """Copies of all values of a hash map with 8-byte keys, at most `entries`."""
    keys = np.zeros(entries, dtype="<u8")
    values = np.zeros(entries, dtype=dtype)
    position = ctypes.create_string_buffer(WORD)
    first, done = True, 0
    while done < entries:
        room = ctypes.c_uint32(entries - done)
        result = library().bpf_map_lookup_batch(
            descriptor,
            None if first else position,
            position,
            ctypes.c_void_p(keys.ctypes.data + keys.itemsize * done),
            ctypes.c_void_p(values.ctypes.data + values.itemsize * done),
            ctypes.byref(room),
            None,
        )
        ended = _check_batch(result)
        first, done = False, done + room.value
        if ended:
            break
    return values[:done]


def put_element(descriptor: int, key: bytes, value: bytes) -> None:
    """Put an element into a hash map, in place of one with this key: in one step, for a program that looks."""
    result = library().bpf_map_update_elem(descriptor, key, value, ctypes.c_uint64(0))
    check(result, "cannot write into a map")


def empty(descriptor: int, key_size: int) -> None:
    """Take every element out of a hash map."""
    key = ctypes.create_string_buffer(key_size)
    while library().bpf_map_get_next_key(descriptor, None, key) == 0:
        check(library().bpf_map_delete_elem(descriptor, key), "cannot empty a map")


def close_all(descriptors: list[int]) -> None:
    """Close descriptors that are ours."""
    while descriptors:
        os.close(descriptors.pop())
