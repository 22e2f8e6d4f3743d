# SPDX-License-Identifier: Apache-2.0
"""Values in anonymous memory."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from bascule.daemon import memfd


@given(st.binary(max_size=5000))
def test_what_goes_in_comes_out_and_the_offset_does_not_matter(data: bytes) -> None:
    descriptor = memfd.make("test", data)
    try:
        assert memfd.read_all(descriptor) == data
        os.lseek(descriptor, 3, os.SEEK_SET)
        assert memfd.read_all(descriptor) == data
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)
