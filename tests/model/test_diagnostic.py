# SPDX-License-Identifier: Apache-2.0
"""The form of findings that editors and scripts read."""

from __future__ import annotations

import json

from bascule.model.base import to_json
from bascule.model.diagnostic import EXIT_STATUS, Diagnostic, Severity


def test_the_json_of_a_finding() -> None:
    found = Diagnostic(
        severity=Severity.ERROR, code="bad-word", file="k", line=2, column=3, end_column=5, message="m", source="s"
    )
    assert json.loads(to_json(found)) == {
        "severity": "error",
        "code": "bad-word",
        "file": "k",
        "line": 2,
        "column": 3,
        "end_column": 5,
        "message": "m",
        "hint": None,
        "source": "s",
    }


def test_a_finding_about_a_whole_file_has_no_line() -> None:
    assert Diagnostic(severity=Severity.FATAL, code="unreadable-file", file="k", message="m").line is None


def test_exit_statuses() -> None:
    assert [EXIT_STATUS[severity] for severity in Severity] == [0, 0, 1, 2]
