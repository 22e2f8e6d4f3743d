# SPDX-License-Identifier: Apache-2.0
"""libbpf.so.1 by ctypes: the few calls that we need, with the library's own words in the errors.

Not a policy and not a table: see `loader`. Descriptors are plain integers and the caller's to close. The library is
loaded at the first call, so that importing this module costs and demands nothing.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

from bascule.errors import KernelRefusedError

SONAME = "libbpf.so.1"
MESSAGES_KEPT = 200
MESSAGE_BYTES = 1 << 16
LOG_BEGINS = "BEGIN PROG LOAD LOG"
LOG_TRIMMINGS = ("-- ", "processed ", "stack depth ", "verification time ", "libbpf: ")
"""Lines of the verifier's log that do not say what is wrong."""
LEVEL_WARN = 0


class BpfError(KernelRefusedError):
    """A call of libbpf failed; `errno` is the kernel's reason."""

    def __init__(self, what: str, errno: int, detail: str = "") -> None:
        self.errno = errno
        super().__init__(f"{what}: {os.strerror(errno)}{f' ({detail})' if detail else ''}")


class TestRunOptions(ctypes.Structure):
    """`struct bpf_test_run_opts`."""

    __test__ = False
    _fields_ = [
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    ]


class LinkCreateOptions(ctypes.Structure):
    """The first two members of `struct bpf_link_create_opts`; `sz` says that there are no more."""

    _fields_ = [("sz", ctypes.c_size_t), ("flags", ctypes.c_uint32)]


class MapInfo(ctypes.Structure):
    """`struct bpf_map_info`, as far as we read it."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("key_size", ctypes.c_uint32),
        ("value_size", ctypes.c_uint32),
        ("max_entries", ctypes.c_uint32),
        ("map_flags", ctypes.c_uint32),
    ]


class LinkInfo(ctypes.Structure):
    """`struct bpf_link_info` of an XDP link."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("prog_id", ctypes.c_uint32),
        ("padding", ctypes.c_uint32),
        ("ifindex", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 44),
    ]


_messages: list[str] = []


def _keep_message(level: int, form: bytes, arguments: int) -> int:
    """What libbpf warns of, kept for the error that follows."""
    if level == LEVEL_WARN and len(_messages) < MESSAGES_KEPT:
        buffer = ctypes.create_string_buffer(MESSAGE_BYTES)
        ctypes.CDLL(None).vsnprintf(buffer, ctypes.c_size_t(MESSAGE_BYTES), form, ctypes.c_void_p(arguments))
        _messages.append(buffer.value.decode(errors="replace").strip())
    return 0


_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_keep_message_in_c = _PRINT(_keep_message)  # as long as the module lives, for C holds its address


def take_messages() -> list[str]:
    """The library's warnings since the last time."""
    taken = _messages[:]
    _messages.clear()
    return taken


_POINTERS = (
    "bpf_object__open_file",
    "bpf_object__next_map",
    "bpf_object__find_map_by_name",
    "bpf_object__find_program_by_name",
    "bpf_object__btf",
    "bpf_map__initial_value",
    "btf__raw_data",
)


@functools.cache
def library() -> ctypes.CDLL:
    """The library; KernelRefusedError in one line when it is not installed."""
    try:
        loaded = ctypes.CDLL(SONAME, use_errno=True)
    except OSError:
        raise KernelRefusedError(
            f"{SONAME} is not installed: the XDP data plane needs it (Debian: package libbpf1)"
        ) from None
    for name in _POINTERS:
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.libbpf_set_print(_keep_message_in_c)
    return loaded


def check(result: int, what: str) -> int:
    """`result` of a call that says -errno, or -1 and errno; BpfError if negative."""
    if result >= 0:
        return result
    errno = -result if result < -1 else (ctypes.get_errno() or 1)
    raise BpfError(what, errno, _reason(take_messages()))


def _reason(messages: list[str]) -> str:
    """The line that tells: the verifier's last word, else the library's."""
    for message in messages:
        if LOG_BEGINS in message:
            lines = [line for line in message.splitlines() if line and not line.startswith(LOG_TRIMMINGS)]
            return lines[-1] if len(lines) > 1 else message.splitlines()[0]
    return messages[-1].removeprefix("libbpf: ") if messages else ""


def pin(descriptor: int, path: Path) -> None:
    """Give a map, program or link a name on a bpffs."""
    check(library().bpf_obj_pin(descriptor, os.fsencode(path)), f"cannot pin {path}")


def get_pinned(path: Path) -> int:
    """A descriptor of what is pinned there."""
    return check(library().bpf_obj_get(os.fsencode(path)), f"cannot open {path}")


def map_info(descriptor: int) -> MapInfo:
    """Type and sizes of a map."""
    info = MapInfo()
    size = ctypes.c_uint32(ctypes.sizeof(info))
    check(library().bpf_obj_get_info_by_fd(descriptor, ctypes.byref(info), ctypes.byref(size)), "cannot look at a map")
    return info


def link_info(descriptor: int) -> LinkInfo:
    """The program and the interface of an XDP link; interface 0 = it is severed."""
    info = LinkInfo()
    size = ctypes.c_uint32(ctypes.sizeof(info))
    check(library().bpf_obj_get_info_by_fd(descriptor, ctypes.byref(info), ctypes.byref(size)), "cannot look at a link")
    return info


def possible_cpus() -> int:
    """How many values an element of a per-CPU map has."""
    return check(library().libbpf_num_possible_cpus(), "cannot count the CPUs")


class TestRun:
    """A prepared BPF_PROG_TEST_RUN, to be run many times. Buffers live as long as this object."""

    __test__ = False

    def __init__(
        self, program: int, *, data: bytes = b"", context: bytes = b"", repeat: int = 1, room: int = 0
    ) -> None:
        self.program = program
        self.data_in = ctypes.create_string_buffer(data, len(data)) if data else None
        self.data_out = ctypes.create_string_buffer(room) if room else None
        self.context = ctypes.create_string_buffer(context, len(context)) if context else None
        self.room = room
        self.options = TestRunOptions(sz=ctypes.sizeof(TestRunOptions), repeat=repeat)
        if self.data_in is not None:
            self.options.data_in = ctypes.addressof(self.data_in)
            self.options.data_size_in = len(data)
        if self.data_out is not None:
            self.options.data_out = ctypes.addressof(self.data_out)
        if self.context is not None:
            self.options.ctx_in = ctypes.addressof(self.context)
            self.options.ctx_size_in = len(context)

    def run(self) -> int:
        """The program's return value. The kernel's lock on Python is released while it runs."""
        self.options.data_size_out = self.room
        result = library().bpf_prog_test_run_opts(self.program, ctypes.byref(self.options))
        check(result, "cannot run a BPF program")
        return int(self.options.retval)

    def output(self) -> bytes:
        """The packet as the last run left it."""
        return b"" if self.data_out is None else self.data_out.raw[: self.options.data_size_out]


def run_with_context(program: int, context: ctypes.Array[ctypes.c_char]) -> int:
    """Run a program of type SYSCALL over its context, which it may change."""
    options = TestRunOptions(sz=ctypes.sizeof(TestRunOptions))
    options.ctx_in = ctypes.addressof(context)
    options.ctx_size_in = len(context)
    check(library().bpf_prog_test_run_opts(program, ctypes.byref(options)), "cannot run a BPF program")
    return int(options.retval)
