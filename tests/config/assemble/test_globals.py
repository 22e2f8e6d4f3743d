# SPDX-License-Identifier: Apache-2.0
"""`global_defs` and the `bascule` block: defaults, merging, and what cannot work."""

from __future__ import annotations

from collections.abc import Callable

from bascule.config.assemble.globals import definitions, merged, options
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import (
    BasculeOptions,
    DataPlaneChoice,
    GlobalDefinitions,
    MailSettings,
    WitnessRule,
    XdpMode,
)
from bascule.model.diagnostic import Severity

Read = Callable[[str], tuple[Section, Findings]]


def test_nothing_said_is_keepalived_s_defaults(read_text: Read) -> None:
    top, findings = read_text("")
    assert definitions(merged(top, "global_defs"), merged(top, "bascule"), findings) == GlobalDefinitions()
    assert options(merged(top, "bascule"), findings) == BasculeOptions()


def test_everything_said(read_text: Read) -> None:
    top, findings = read_text(
        "global_defs {\n router_id R\n notification_email {\n a@b\n }\n notification_email_from c@d\n"
        " smtp_server 10.0.0.1 587\n smtp_helo_name h\n smtp_connect_timeout 0\n smtp_alert\n}\n"
    )
    found = definitions(merged(top, "global_defs"), merged(top, "bascule"), findings)
    mail = MailSettings(
        to=("a@b",),
        sender="c@d",
        server="10.0.0.1",
        port=587,
        helo_name="h",
        connect_timeout=found.mail.connect_timeout,
    )
    assert found == GlobalDefinitions(router_id="R", mail=mail, smtp_alert=True)
    assert found.mail.connect_timeout == 1.0
    assert [each.code for each in findings.sorted()] == ["out-of-range"]


def test_a_second_block_overrides_and_adds(read_text: Read) -> None:
    top, findings = read_text(
        "global_defs {\n router_id A\n smtp_server h\n notification_email {\n a\n }\n Enable_traps\n}\n"
        "global_defs {\n router_id B\n notification_email {\n b\n }\n smtp_connect_timeout x\n}\n"
    )
    section = merged(top, "global_defs")
    found = definitions(section, merged(top, "bascule"), findings)
    assert found.router_id == "B"
    assert found.mail.to == ("a", "b")
    assert section.misspelt == {"enable_traps"}
    assert section.refused == {"smtp_connect_timeout"}


def test_lvs_id_is_read_as_router_id(read_text: Read) -> None:
    top, findings = read_text("global_defs {\n lvs_id A\n}")
    assert definitions(merged(top, "global_defs"), merged(top, "bascule"), findings).router_id == "A"
    assert [found.code for found in findings.sorted()] == ["legacy-spelling"]


def test_mail_without_a_server_goes_nowhere(read_text: Read) -> None:
    top, findings = read_text("global_defs {\n notification_email {\n a@b\n }\n}")
    definitions(merged(top, "global_defs"), merged(top, "bascule"), findings)
    (found,) = findings.sorted()
    assert (found.code, found.line) == ("meaning/mail-nowhere", 2)


def test_a_data_plane_that_is_not_there_yet_is_fatal(read_text: Read) -> None:
    top, findings = read_text("bascule {\n data_plane ipvs\n}")
    options(merged(top, "bascule"), findings)
    (found,) = findings.sorted()
    assert (found.severity, found.code, found.line) == (Severity.FATAL, "not-acted-on", 2)


def test_the_bascule_block(read_text: Read) -> None:
    top, findings = read_text(
        "bascule {\n data_plane xdp\n xdp_interface a b\n xdp_interface c\n xdp_mode generic\n"
        " connection_table_size 65536\n vip_lifetime 0\n ready_timeout 1.5\n}"
    )
    found = options(merged(top, "bascule"), findings)
    assert found.data_plane is DataPlaneChoice.XDP
    assert found.xdp_mode is XdpMode.GENERIC
    assert found.xdp_interfaces == ("a", "b", "c")
    assert (found.witnesses, found.witness_answers, found.witness_timeout) == ((), WitnessRule.ANY, None)
    assert (found.connection_table_size, found.vip_lifetime, found.ready_timeout) == (65536, 0.0, 1.5)


def test_witnesses(read_text: Read) -> None:
    top, findings = read_text(
        "bascule {\n witness 192.0.2.1 fd02::1\n witness 192.0.2.2 192.0.2.1\n witness_answers all\n"
        " witness_timeout 0.5\n}"
    )
    found = options(merged(top, "bascule"), findings)
    assert [str(address) for address in found.witnesses] == ["192.0.2.1", "fd02::1", "192.0.2.2"]
    assert (found.witness_answers, found.witness_timeout) == (WitnessRule.ALL, 0.5)
