# SPDX-License-Identifier: Apache-2.0
"""Whole files, the seed's first: what they mean, and everything that is said about them."""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.diagnostics import Findings
from bascule.config.loader import Loaded, load, load_sources
from bascule.config.reader import Section
from bascule.config.source import Source
from bascule.model.base import Priority, Seconds, Vrid, Weight, pack, unpack
from bascule.model.configuration import (
    AuthType,
    Configuration,
    GlobalDefinitions,
    MailSettings,
    RealServerConfig,
    TcpCheck,
    VirtualAddress,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
)
from bascule.model.diagnostic import EXIT_STATUS, Severity
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServiceId

LoadText = Callable[[str], Loaded]

VIP = ipaddress.ip_address("192.168.2.240")


def codes(loaded: Loaded) -> list[tuple[int | None, str]]:
    """Line and code of each finding."""
    return [(found.line, found.code) for found in loaded.diagnostics]


def status(loaded: Loaded) -> int:
    """The exit status of a check."""
    return max((EXIT_STATUS[found.severity] for found in loaded.diagnostics), default=0)


def seed(path: str, **instance: object) -> Configuration:
    """What the seed's files mean."""
    check = TcpCheck(
        connect_port=80,
        connect_timeout=Seconds(10.0),
        retry=3,
        delay_before_retry=Seconds(3.0),
        delay_loop=Seconds(6.0),
    )
    servers = tuple(
        RealServerConfig(address=ipaddress.ip_address(f"192.168.2.{host}"), port=80, weight=Weight(3), checks=(check,))
        for host in (212, 213)
    )
    return Configuration(
        files=(path,),
        globals=GlobalDefinitions(
            router_id=str(instance.pop("router_id")),
            mail=MailSettings(to=("admin@example.com",), sender="lvs@example.com", server=str(instance.pop("server"))),
        ),
        instances=(
            VrrpInstance(
                name="VI_1",
                interface="eth0",
                vrid=Vrid(51),
                advert_interval=Seconds(5.0),
                auth_type=AuthType.PASS,
                auth_pass=b"1111",
                virtual_addresses=(VirtualAddress(address=VIP, prefix_length=32),),
                **instance,  # type: ignore[arg-type]
            ),
        ),
        virtual_servers=(
            VirtualServerConfig(
                id=ServiceId(protocol=Protocol.TCP, address=VIP, port=80),
                scheduler=Scheduler.WLC,
                forwarding=ForwardingMethod.DR,
                persistence_timeout=Seconds(60.0),
                delay_loop=Seconds(6.0),
                real_servers=servers,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("name", "instance", "found"),
    [
        (
            "keepalived.conf",
            {
                "router_id": "LVS_DEVEL",
                "server": "127.0.0.1",
                "initial_state": VrrpState.MASTER,
                "priority": Priority(100),
                "sync_daemon_interface": "eth0",
            },
            [(16, "not-acted-on"), (40, "legacy-spelling"), (49, "legacy-spelling")],
        ),
        (
            "keepalived.backup.conf",
            {
                "router_id": "LVS_BACKUP",
                "server": "127.0.0.1",
                "initial_state": VrrpState.BACKUP,
                "priority": Priority(99),
                "sync_daemon_interface": "eth0",
            },
            [(16, "not-acted-on"), (40, "legacy-spelling"), (49, "legacy-spelling")],
        ),
        (
            "article-printed-1.conf",
            {
                "router_id": "LVS_DEVEL",
                "server": "smtp.example.com",
                "initial_state": VrrpState.MASTER,
                "priority": Priority(100),
            },
            [(40, "legacy-spelling"), (49, "legacy-spelling")],
        ),
    ],
)
def test_the_seeds_files(
    root: pathlib.Path, name: str, instance: dict[str, object], found: list[tuple[int | None, str]]
) -> None:
    path = root / "examples" / name
    loaded = load([path])
    assert loaded.configuration == seed(str(path), **instance)
    assert codes(loaded) == found
    assert status(loaded) == 0


WRONG_WORDS = [
    (5, "Lvs_sync_daemon_inteface", "lvs_sync_daemon_interface"),
    (6, "lvs_sync_daemon_inteface", "lvs_sync_daemon_interface"),
    (7, "Virtual_router_id", "virtual_router_id"),
    (8, "Mcast_src_ip", "mcast_src_ip"),
    (9, "Priority", "priority"),
    (10, "Advert_int", "advert_int"),
    (11, "Authentication", "authentication"),
    (12, "Auth_type", "auth_type"),
    (12, "pass", "PASS"),
    (13, "Auth_pass", "auth_pass"),
    (15, "Virtual_ipaddress", "virtual_ipaddress"),
    (20, "Delay_loop", "delay_loop"),
    (21, "Lb_algo", "lb_algo"),
    (22, "Lb_kind", "lb_kind"),
    (22, "Dr", "DR"),
    (23, "Persistence_timeout", "persistence_timeout"),
    (24, "Protocol", "protocol"),
    (25, "Ha_suspend", "ha_suspend"),
]


def test_the_articles_second_file_has_one_finding_for_each_wrong_word(root: pathlib.Path) -> None:
    loaded = load([root / "examples" / "article-printed-2.conf"])
    assert status(loaded) == 1
    assert len(loaded.diagnostics) == len(WRONG_WORDS)
    for found, (line, wrong, right) in zip(loaded.diagnostics, WRONG_WORDS, strict=True):
        assert found.line == line
        assert found.column is not None
        assert found.end_column is not None
        assert found.source[found.column - 1 : found.end_column - 1] == wrong
        assert f"write '{right}'" == found.hint
    assert loaded.configuration is not None
    assert loaded.configuration.instances == ()
    assert loaded.configuration.virtual_servers == ()


def test_a_configuration_goes_over_the_bus_unchanged(root: pathlib.Path) -> None:
    configuration = load([root / "examples" / "keepalived.conf"]).configuration
    assert configuration is not None
    assert unpack(pack(configuration), Configuration) == configuration


def test_several_files_are_one_configuration(tmp_path: pathlib.Path, root: pathlib.Path) -> None:
    own = tmp_path / "own.conf"
    own.write_text("bascule {\n data_plane xdp\n xdp_interface eth0 eth1\n ready_timeout 4\n}\n")
    loaded = load([root / "examples" / "keepalived.conf", own])
    assert loaded.configuration is not None
    assert loaded.configuration.files == (str(root / "examples" / "keepalived.conf"), str(own))
    assert loaded.configuration.options.xdp_interfaces == ("eth0", "eth1")
    assert loaded.configuration.options.ready_timeout == 4.0
    assert len(loaded.configuration.instances) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-file"),
        (" \n\t\r\n", "empty-file"),
        ("! vrrp_instance A { interface eth0 }", "comment-file"),
        ("# a\n\n  ! b\n", "comment-file"),
        ("\ufeffglobal_defs {\n}\n", "byte-order-mark"),
    ],
)
def test_what_there_is_to_say_of_a_file_as_a_whole(load_text: LoadText, text: str, code: str) -> None:
    loaded = load_text(text)
    assert codes(loaded) == [(None, code)]
    assert loaded.diagnostics[0].severity is Severity.WARNING
    assert loaded.configuration is not None


def test_a_file_of_definitions_alone_is_neither_empty_nor_a_comment(load_text: LoadText) -> None:
    assert codes(load_text("! names\n$A=b\n@other foo\n")) == []


GENERATED = """\
$SERVER=real_server 192.0.2.$N 80 {\\
    wieght $N\\
    }
virtual_server 192.0.2.1 80 {
    protocol TCP
    lb_algo wlc
    lb_kind DR
~SEQ(N, 11, 12) $SERVER
}
"""


def test_an_error_in_generated_text_names_the_line_that_generated_it_and_quotes_the_text(load_text: LoadText) -> None:
    found = [
        (each.line, each.source, each.source[(each.column or 0) - 1 : (each.end_column or 0) - 1])
        for each in load_text(GENERATED).diagnostics
        if each.code == "unknown-keyword"
    ]
    assert found == [(8, "wieght 11", "wieght")]


def test_an_error_in_an_included_file_names_that_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "inner.conf").write_text("$P=prioirty\nvrrp_instance A {\n    ${P} 100\n}\n")
    (tmp_path / "outer.conf").write_text("! one\ninclude inner.conf\nfoo\n")
    found = [(each.file, each.line, each.source) for each in load([tmp_path / "outer.conf"]).diagnostics]
    assert (str(tmp_path / "inner.conf"), 3, "    prioirty 100") in found
    assert (str(tmp_path / "outer.conf"), 3, "foo") in found


def test_somebody_may_look_at_what_was_read_and_add_to_what_is_found(tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.conf").write_text("global_defs {\n router_id a\n}\n")

    def look(top: Section, findings: Findings) -> None:
        findings.add("not-acted-on", top.each("global_defs")[0].where["router_id"], 1, "seen")

    assert [each.message for each in load([tmp_path / "k.conf"], look=look).diagnostics] == ["seen"]


def test_legacy_spellings_are_skipped_where_the_file_says_so(load_text: LoadText) -> None:
    text = "global_defs {\n lvs_id a\n}\n%s"
    honoured, skipped = load_text(text % ""), load_text(text % "bascule {\n legacy skip\n}\n")
    assert honoured.configuration is not None
    assert skipped.configuration is not None
    assert (honoured.configuration.globals.router_id, codes(honoured)) == ("a", [(2, "legacy-spelling")])
    assert (skipped.configuration.globals.router_id, codes(skipped)) == (None, [(2, "unknown-keyword")])


def test_a_missing_file_and_a_directory_are_fatal(tmp_path: pathlib.Path) -> None:
    loaded = load([tmp_path / "gone.conf", tmp_path])
    assert loaded.configuration is None
    assert [found.message for found in loaded.diagnostics] == [
        f"there is no file '{tmp_path}/gone.conf'",
        f"'{tmp_path}' is a directory, not a file",
    ]
    assert status(loaded) == 2


def test_a_missing_brace_is_an_error_and_the_block_counts(load_text: LoadText) -> None:
    loaded = load_text("global_defs {\n router_id A\n")
    assert codes(loaded) == [(None, "missing-close")]
    assert status(loaded) == 1
    assert loaded.configuration is not None
    assert loaded.configuration.globals.router_id == "A"


def test_windows_line_ends_change_nothing(root: pathlib.Path) -> None:
    text = (root / "examples" / "keepalived.conf").read_text()
    plain, windows = (load_sources([Source("k.conf", each)], Findings()) for each in (text, text.replace("\n", "\r\n")))
    assert plain == windows


def test_a_file_that_is_not_utf_8_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_bytes(b"! \xd6\xf7\xbd\xda\xb5\xe3\nglobal_defs {\n router_id \xd6\xf7\n}\n")
    loaded = load([path])
    assert loaded.diagnostics == ()


TEXT = """
vrrp_instance virtual_server real_server TCP_CHECK global_defs authentication virtual_ipaddress bascule group url { } {
HTTP_GET 10.0.0.1 10.0.0.1/24 80 0 -1 1.5 A eth0 DR NAT wlc rr TCP UDP MASTER PASS ! # $A= ~SEQ(A,3) @a { } { } weight
priority weight persistence_timeout smtp_server notification_email dev label track_script quorum alpha version state "
unicast_peer mcast_src_ip auth_pass auth_type lb_algo lb_kind protocol interface virtual_router_id
"""
WORDS = strategies.sampled_from([*TEXT.split(), "\n", "\n"])


@hypothesis.given(strategies.lists(WORDS, max_size=60).map(" ".join))
@hypothesis.settings(max_examples=400, deadline=None)
def test_no_text_is_a_crash_and_findings_are_sorted_and_in_the_text(text: str) -> None:
    loaded = load_sources([Source("k.conf", text)], Findings())
    lines = text.split("\n")
    places = [(found.line or 0, found.column or 0) for found in loaded.diagnostics]
    assert places == sorted(places)
    assert len(set(loaded.diagnostics)) == len(loaded.diagnostics)
    for found in loaded.diagnostics:
        if found.line is not None:
            assert found.line <= len(lines)
            assert found.source == lines[found.line - 1] or "~" in text or "$" in text
            assert found.column is not None
            assert found.end_column is not None
            assert 1 <= found.column < found.end_column <= len(found.source) + 2
    fatal = any(found.severity is Severity.FATAL for found in loaded.diagnostics)
    assert (loaded.configuration is None) == fatal


@hypothesis.given(strategies.data())
@hypothesis.settings(max_examples=100, deadline=None)
def test_the_seeds_file_with_pieces_missing_is_no_crash(data: strategies.DataObject) -> None:
    text = (pathlib.Path(__file__).parents[2] / "examples" / "keepalived.conf").read_text()
    start = data.draw(strategies.integers(0, len(text)))
    length = data.draw(strategies.integers(0, 60))
    load_sources([Source("k.conf", text[:start] + text[start + length :])], Findings())


def test_a_brace_that_is_missing_within_the_file_is_fatal_and_at_its_end_is_not(load_text: LoadText) -> None:
    open_block = "vrrp_instance A {\n interface a\n virtual_router_id 1\n"
    within = load_text(open_block + open_block.replace("A", "B") + "}\n")
    (found,) = [each for each in within.diagnostics if each.code == "missing-close"]
    assert (found.severity, found.line, within.configuration) == (Severity.FATAL, 4, None)
    at_the_end = load_text(open_block)
    assert [each.severity for each in at_the_end.diagnostics] == [Severity.ERROR]
    assert at_the_end.configuration is not None


def test_no_number_at_all_is_zero_where_that_is_one(load_text: LoadText) -> None:
    loaded = load_text('virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n  weight ""\n }\n quorum ""\n}\n')
    assert [(each.line, each.code) for each in loaded.diagnostics if each.code == "bad-number"] == [
        (3, "bad-number"),
        (5, "bad-number"),
    ]
