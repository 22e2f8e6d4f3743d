# SPDX-License-Identifier: Apache-2.0
"""Twin of `errors`: one tree, each with the exit status that the manual promises."""

from __future__ import annotations

import pytest

from bascule import errors


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.BasculeError, 1),
        (errors.UsageError, 2),
        (errors.ConfigurationError, 2),
        (errors.KernelRefusedError, 1),
        (errors.PeerMisbehavedError, 1),
    ],
)
def test_exit_statuses(kind: type[errors.BasculeError], status: int) -> None:
    assert issubclass(kind, errors.BasculeError)
    assert kind("why").exit_status == status


def test_the_tree_holds_every_error_of_the_module() -> None:
    defined = {value for value in vars(errors).values() if isinstance(value, type)}
    assert all(issubclass(kind, errors.BasculeError) for kind in defined)
    assert not issubclass(errors.BasculeError, OSError)
