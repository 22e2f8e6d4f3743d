# SPDX-License-Identifier: Apache-2.0
"""The services of several directors beside each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.service_pairs import compare_services

Read = Callable[[str], tuple[Section, Findings]]

SERVER = "real_server 10.0.0.2 80 {\n}\n"
SERVICE = "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo wlc\n%s}\n"


def said(read_text: Read, *texts: str) -> list[str]:
    """The messages about some directors."""
    findings = Findings()
    compare_services([(f"{name}.conf", read_text(text)[0]) for name, text in zip("abc", texts, strict=False)], findings)
    assert {found.code for found in findings.sorted()} <= {"meaning/peer-service"}
    return [found.message for found in findings.sorted()]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (SERVICE % SERVER, SERVICE % SERVER, []),
        (SERVICE % SERVER, SERVICE % "real_server 10.0.0.2 {\nweight 1\n}\n", []),
        (SERVICE % SERVER, SERVICE % ("Lb_kind DR\n" + SERVER), []),
        (SERVICE % SERVER, SERVICE % "Real_server 10.0.0.2 80 {\n}\n", []),
        (
            SERVICE % SERVER,
            SERVICE % ("lb_kind DR\n" + SERVER),
            ["lb_kind is DR here, not set in k.conf:1"],
        ),
        (
            SERVICE % ("persistence_timeout 60\n" + SERVER),
            SERVICE % ("persistence_timeout\n" + SERVER),
            ["persistence_timeout is set here, 60 in k.conf:1"],
        ),
        (
            SERVICE % SERVER,
            SERVICE % "real_server 10.0.0.2 80 {\nweight 2\n}\n",
            ["real_server 10.0.0.2 80 has weight 2 here, 1 in k.conf:4"],
        ),
        (
            SERVICE % SERVER,
            SERVICE % "real_server 10.0.0.3 80 {\n}\n",
            [
                "virtual_server 10.0.0.1 80 lacks the real_server 10.0.0.2 80 of k.conf:4",
                "real_server 10.0.0.3 80 is not in the service in k.conf:1",
            ],
        ),
        (
            SERVICE % SERVER,
            (SERVICE % SERVER).replace("TCP", "UDP"),
            [
                "virtual_server 10.0.0.1 80 is not in a.conf: it ends with a failover",
                "virtual_server 10.0.0.1 80 is not in b.conf: it ends with a failover",
            ],
        ),
    ],
)
def test_two_directors(read_text: Read, first: str, second: str, expected: list[str]) -> None:
    assert said(read_text, first, second) == expected


def test_a_director_without_services_or_with_a_misspelt_one_is_left_in_peace(read_text: Read) -> None:
    assert said(read_text, SERVICE % SERVER, "global_defs {\n}\n") == []
    other = (SERVICE % SERVER).replace("0.1 80", "0.9 80")
    misspelt = "V" + (SERVICE % SERVER)[1:]
    assert said(read_text, SERVICE % SERVER + other, misspelt + other) == []


def test_the_third_director_is_compared_with_the_first_that_has_the_service(read_text: Read) -> None:
    other = (SERVICE % SERVER).replace("0.1 80", "0.9 80")
    third = SERVICE % SERVER + other.replace("wlc", "rr")
    found = said(read_text, SERVICE % SERVER, SERVICE % SERVER + other, third)
    assert found == [
        "virtual_server 10.0.0.9 80 is not in a.conf: it ends with a failover",
        "lb_algo is rr here, wlc in k.conf:7",
    ]
