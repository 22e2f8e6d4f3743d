# SPDX-License-Identifier: Apache-2.0
"""`bascule explain`: what it prints, and what it says of a code that is none."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from bascule.cli.explain import explain
from bascule.config.codes import CODES
from bascule.config.stories.telling import told
from bascule.errors import UsageError


def run(*arguments: str) -> Result:
    """The verb, here."""
    return CliRunner().invoke(explain, arguments)


@pytest.mark.parametrize("code", ["meaning/dr-port", "[meaning/dr-port]"])
def test_the_story_of_a_code_as_it_is_copied_from_a_finding(code: str) -> None:
    done = run(code)
    assert done.exit_code == 0
    assert done.output == told("meaning/dr-port")


def test_the_list() -> None:
    assert len(run("--list").output.splitlines()) == len(CODES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which code? `bascule explain --list` has all"),
        (("dr-prt",), "no finding is called 'dr-prt': did you mean 'meaning/dr-port'?"),
        (("zzzzzzzz",), "no finding is called 'zzzzzzzz'"),
    ],
)
def test_what_is_no_code(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == said
