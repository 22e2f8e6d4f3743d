# SPDX-License-Identifier: Apache-2.0
"""Values handed from process to process in anonymous memory (memfd_create(2)): gone with the last descriptor."""

from __future__ import annotations

import os


def make(name: str, data: bytes) -> int:
    """A descriptor whose content is `data`; not inherited unless asked for. The caller closes it."""
    descriptor = os.memfd_create(name)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor


def read_all(descriptor: int) -> bytes:
    """The whole content, wherever any sharer of the descriptor has read to."""
    size = os.fstat(descriptor).st_size
    parts: list[bytes] = []
    offset = 0
    while offset < size:
        part = os.pread(descriptor, size - offset, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
