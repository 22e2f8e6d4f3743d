# SPDX-License-Identifier: Apache-2.0
"""The netlink core: its bytes as properties, its exchanges with the real kernel."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.linux import namespaces, netlink
from bascule.linux.interfaces import GET_LINK
from bascule.linux.netlink import Monitor, Netlink, NetlinkError, NetlinkTimeoutError

INFO = struct.pack("=BxHiII", 0, 0, 0, 0, 0)


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=64), max_size=20))
def test_attributes_that_are_written_are_read_again(wanted: dict[int, bytes]) -> None:
    data = b"".join(netlink.attribute(kind, payload) for kind, payload in wanted.items())
    assert len(data) % 4 == 0
    assert netlink.attributes(data) == wanted


@given(st.binary(max_size=300))
def test_random_bytes_are_taken_apart_without_an_error(data: bytes) -> None:
    assert all(len(payload) <= len(data) for payload in netlink.attributes(data).values())
    assert all(len(body) <= len(data) for _, _, _, body in netlink.split(data))


def test_the_flags_in_an_attributes_number_are_no_part_of_it() -> None:
    assert netlink.attributes(struct.pack("=HH4s", 8, 0x8000 | 7, b"abcd")) == {7: b"abcd"}


def test_links_are_dumped_over_one_socket_again_and_again() -> None:
    with Netlink() as kernel:
        first = kernel.dump(GET_LINK, INFO, "list the links")
        assert first
        assert kernel.dump(GET_LINK, INFO, "list the links")


def test_an_error_has_the_kernels_number_and_our_words_and_leaves_the_socket_usable() -> None:
    body = INFO + netlink.attribute(3, b"no-such-iface\0")
    with Netlink() as kernel:
        for _ in range(2):
            with pytest.raises(NetlinkError, match=r"look for it: No such device") as caught:
                kernel.get(GET_LINK, body, "look for it")
            assert caught.value.errno == errno.ENODEV
        with pytest.raises(NetlinkError) as caught:
            kernel.request(9999, 0, b"", "do nonsense")
        assert caught.value.errno == errno.EOPNOTSUPP
        assert kernel.dump(GET_LINK, INFO, "list the links")


class Silent(Netlink):
    """A kernel that does not answer, or with what is not for us."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__(timeout=0.05)
        self.close()
        self._socket, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for answer in answers:
            self.kernel.send(answer)


def message(kind: int, sequence: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def test_a_kernel_that_does_not_answer_is_given_up_after_the_deadline() -> None:
    kernel = Silent()
    with pytest.raises(NetlinkTimeoutError, match=r"ask: no answer from the kernel within 0\.05 s"):
        kernel.request(1, 0, b"", "ask")
    kernel.kernel.close()
    kernel.close()


def test_a_late_answer_to_an_earlier_request_is_not_taken_for_this_one() -> None:
    late_error = message(2, 77, struct.pack("=i", -errno.EPERM))
    acknowledged = message(2, 1, struct.pack("=i", 0))
    kernel = Silent(late_error, acknowledged)
    kernel.request(1, 0, b"", "ask")
    kernel.kernel.close()
    kernel.close()


def test_a_dump_that_was_interrupted_is_asked_for_again_a_bounded_number_of_times() -> None:
    rounds = [message(16, number, b"x" * 8, 0x10) + message(3, number, b"\0" * 4, 0x10) for number in range(1, 6)]
    kernel = Silent(*rounds)
    with pytest.raises(NetlinkError) as caught:
        kernel.dump(GET_LINK, INFO, "list")
    assert caught.value.errno == errno.EINTR
    whole = message(16, 6, b"x" * 8) + message(3, 6, b"\0" * 4)
    kernel.kernel.send(whole)
    assert kernel.dump(GET_LINK, INFO, "list")[0].body == b"x" * 8
    kernel.kernel.close()
    kernel.close()


def test_an_answer_that_is_cut_short_is_an_error() -> None:
    kernel = Silent(message(2, 1, b"\0"))
    with pytest.raises(NetlinkError) as caught:
        kernel.request(1, 0, b"", "ask")
    assert caught.value.errno == errno.EBADMSG
    kernel.kernel.close()
    kernel.close()


def test_of_several_orders_those_that_are_refused_are_named_and_the_others_done() -> None:
    orders = [netlink.Order(16, 0, b"x", f"do {number}") for number in range(1, 5)]
    earlier = message(2, 77, struct.pack("=i", -errno.EPERM))
    second, last = message(2, 2, struct.pack("=i", -errno.ENODEV)), message(2, 4, struct.pack("=i", -errno.EBUSY))
    kernel = Silent(earlier, second, last)
    refused = kernel.request_all(orders)
    assert [(error.errno, str(error)) for error in refused] == [
        (errno.ENODEV, "do 2: No such device"),
        (errno.EBUSY, "do 4: Device or resource busy"),
    ]
    asked = list(netlink.split(kernel.kernel.recv(4096)))
    assert [(flags, sequence) for _, flags, sequence, _ in asked] == [(1, 1), (1, 2), (1, 3), (5, 4)]
    with pytest.raises(NetlinkTimeoutError, match="do 4: no answer"):
        kernel.request_all(orders)
    assert kernel.request_all([]) == []
    kernel.kernel.close()
    kernel.close()


@pytest.fixture
def quiet() -> Iterator[None]:
    """A namespace in which nobody else changes anything."""
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    try:
        with namespaces.entered(name):
            yield
    finally:
        namespaces.remove(name)


def put_and_take(kernel: Netlink, last: int) -> None:
    address = bytes((127, 9, 9, last))
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 254, 1)
    body += netlink.attribute(2, address) + netlink.attribute(1, address)
    kernel.request(20, netlink.CREATE | netlink.EXCLUSIVE, body, "put")
    kernel.request(21, 0, body, "take")


@pytest.mark.root
@pytest.mark.usefixtures("quiet")
def test_changes_are_heard() -> None:
    monitor = Monitor((netlink.GROUP_IPV4_ADDRESS,))
    assert monitor.receive() == ([], True)
    with Netlink() as kernel:
        put_and_take(kernel, 9)
    assert select.select([monitor], [], [], 5)[0]
    heard, complete = monitor.receive()
    assert [entry.kind for entry in heard] == [20, 21]
    assert complete
    monitor.close()


@pytest.mark.root
@pytest.mark.usefixtures("quiet")
def test_changes_that_were_too_many_are_reported_as_incomplete() -> None:
    monitor = Monitor((netlink.GROUP_IPV4_ADDRESS,))
    monitor._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    with Netlink() as kernel:
        for last in range(1, 60):
            put_and_take(kernel, last)
    _, complete = monitor.receive()
    assert not complete
    assert monitor.receive() == ([], True)
    monitor.close()
