# SPDX-License-Identifier: Apache-2.0
"""Text in, findings and values out: what every test of the configuration language starts from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config import tree
from bascule.config.diagnostics import Findings
from bascule.config.keywords.top import TOP
from bascule.config.loader import Loaded, load_sources
from bascule.config.reader import Reader, Section
from bascule.config.source import Source


@pytest.fixture
def load_text() -> Callable[[str], Loaded]:
    """Text as if it stood in `k.conf`."""
    return lambda text: load_sources([Source("k.conf", text)], Findings())


@pytest.fixture
def read_text() -> Callable[[str], tuple[Section, Findings]]:
    """Text up to its sections, and what was found on the way."""

    def read(text: str) -> tuple[Section, Findings]:
        findings = Findings()
        statements = tree.build(Source("k.conf", text), TOP.shape, findings)
        return Reader(findings).section(TOP, None, statements), findings

    return read
