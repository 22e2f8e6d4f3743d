# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import ipaddress
import pathlib
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.cli.ipvsadm_arguments import COMMANDS, OPTIONS, IpvsadmError, Request, parse
from bascule.cli.ipvsadm_tables import Layout
from bascule.errors import UsageError
from bascule.model.service import Protocol, ServiceId

USAGE = pathlib.Path(__file__).parent / "data" / "ipvsadm" / "usage.txt"


def _complaints() -> list[tuple[str, int, str]]:
    rows = [line.split(" | ", 2) for line in USAGE.read_text().splitlines()[1:]]
    return [
        (arguments, int(status), text.replace("\\n", "\n"))
        for arguments, status, text in rows
        if text != "No such service"
    ]


@pytest.mark.parametrize(("arguments", "status", "text"), _complaints())
def test_wrong_usage_is_answered_as_ipvsadm_answers_it(arguments: str, status: int, text: str) -> None:
    with pytest.raises(IpvsadmError) as caught:
        parse(shlex.split(arguments))
    assert (str(caught.value), caught.value.status) == (text, status)


@pytest.mark.parametrize("arguments", ["-Ln", "-ln", "-L -n", "--list --numeric", "-l -n --sort"])
def test_the_plain_list(arguments: str) -> None:
    assert parse(arguments.split()) == Request(numeric=True)


@pytest.mark.parametrize("arguments", ["-Lnc", "-lcn", "-L -n -c", "--list --connection --numeric"])
def test_connections(arguments: str) -> None:
    assert parse(arguments.split()) == Request(what="connection", numeric=True)


def test_no_arguments_list_by_names() -> None:
    assert parse([]) == Request()


@pytest.mark.parametrize(
    ("arguments", "layout"),
    [
        ("-L --stats", Layout.STATS),
        ("-L --rate --stats", Layout.STATS),
        ("-L --thresholds --stats", Layout.STATS),
        ("-L --rate", Layout.RATE),
        ("-L --persistent-conn --thresholds", Layout.THRESHOLDS),
        ("-L --tun-info --thresholds", Layout.THRESHOLDS),
        ("-L --persistent-conn", Layout.PERSISTENT),
    ],
)
def test_of_several_shapes_ipvsadm_takes_the_same_one(arguments: str, layout: Layout) -> None:
    assert parse(arguments.split()).layout is layout


def test_exact_and_nosort() -> None:
    request = parse(["-Ln", "--exact", "--nosort"])
    assert (request.exact, request.sort) == (True, False)


@pytest.mark.parametrize(
    ("text", "protocol", "address", "port"),
    [
        ("-t 192.168.2.240:80", Protocol.TCP, "192.168.2.240", 80),
        ("-t192.168.2.240:http", Protocol.TCP, "192.168.2.240", 80),
        ("--tcp-service=192.168.2.240:80", Protocol.TCP, "192.168.2.240", 80),
        ("-u 192.168.2.240:domain", Protocol.UDP, "192.168.2.240", 53),
        ("--sctp-service 192.168.2.240", Protocol.SCTP, "192.168.2.240", 0),
        ("-t [fd00::1]:443", Protocol.TCP, "fd00::1", 443),
        ("-t fd00::1", Protocol.TCP, "fd00::1", 0),
    ],
)
def test_one_service(text: str, protocol: Protocol, address: str, port: int) -> None:
    wanted = ServiceId(protocol=protocol, address=ipaddress.ip_address(address), port=port)
    assert parse(["-L", *text.split()]).service == wanted


def test_a_firewall_mark_is_understood() -> None:
    assert parse(["-L", "-f", "7", "-6"]).firewall_mark


@pytest.mark.parametrize("arguments", ["-A -t 192.168.2.240:80", "-C", "-Sn", "--zero", "-a"])
def test_changing_tables_is_refused_in_our_own_words(arguments: str) -> None:
    with pytest.raises(UsageError, match="not built yet"):
        parse(arguments.split())


def test_tunnels_are_not_built_yet() -> None:
    with pytest.raises(UsageError, match="tunnels are not built yet"):
        parse(["-L", "--tun-info"])


def test_help_and_version_stop_reading() -> None:
    assert parse(["-h", "-L", "--bogus"]).command == "help"
    assert parse(["--version"]).command == "version"


_words = [spelling for option in (*COMMANDS, *OPTIONS) for spelling in option.spellings]


@given(st.lists(st.sampled_from([*_words, "192.0.2.1:80", "-Lnc", "-", "--", "--x=y", "7"]), max_size=6))
def test_any_words_are_a_request_or_a_complaint(words: list[str]) -> None:
    with contextlib.suppress(IpvsadmError, UsageError):
        assert parse(words).command in ("list", "help", "version")
