# SPDX-License-Identifier: Apache-2.0
"""A network namespace for the thread of a test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bascule.linux import namespaces


@pytest.fixture
def inside() -> Iterator[None]:
    """The test's thread is in a namespace of its own, with lo alone."""
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    try:
        with namespaces.entered(name):
            yield
    finally:
        namespaces.remove(name)
