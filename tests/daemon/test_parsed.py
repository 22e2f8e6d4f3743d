# SPDX-License-Identifier: Apache-2.0
"""When a reading can be run, and what is said when not."""

from __future__ import annotations

import pytest

from bascule.config.codes import CODES
from bascule.daemon.parsed import OPEN_END, Parsed, usable
from bascule.errors import ConfigurationError
from bascule.model.diagnostic import Diagnostic, Severity


def finding(severity: Severity, line: int, code: str = "c") -> Diagnostic:
    return Diagnostic(
        severity=severity, code=code, file="a.conf", line=line, column=5, end_column=6, message=f"wrong {line}"
    )


def test_a_configuration_is_usable_whatever_else_was_found() -> None:
    assert usable(Parsed(configuration=b"packed", diagnostics=(finding(Severity.ERROR, 1),))) == b"packed"


@pytest.mark.parametrize(
    ("parsed", "says"),
    [
        (Parsed(), "the files cannot be run"),
        (
            Parsed(diagnostics=(finding(Severity.WARNING, 1), finding(Severity.FATAL, 2), finding(Severity.FATAL, 3))),
            "a.conf:2:5: wrong 2; a.conf:3:5: wrong 3",
        ),
        (Parsed(configuration=b"packed", missing=("no eth9", "no eth8")), "no eth9; no eth8"),
        (
            Parsed(configuration=b"packed", idle=True, diagnostics=(finding(Severity.ERROR, 2),)),
            "nothing is left to run: a.conf:2:5: wrong 2",
        ),
    ],
)
def test_what_cannot_be_run_says_why_in_one_line(parsed: Parsed, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        usable(parsed)
    assert str(refused.value) == says


def test_nothing_to_do_is_no_error_where_nothing_was_lost() -> None:
    assert usable(Parsed(configuration=b"packed", idle=True, diagnostics=(finding(Severity.WARNING, 1),))) == b"packed"


def test_a_running_director_takes_no_file_with_a_block_left_open() -> None:
    parsed = Parsed(configuration=b"packed", diagnostics=(finding(Severity.ERROR, 7, OPEN_END),))
    assert usable(parsed) == b"packed"
    with pytest.raises(ConfigurationError, match="wrong 7"):
        usable(parsed, running=True)


def test_that_is_how_the_reader_of_files_calls_it() -> None:
    assert OPEN_END in CODES
