# SPDX-License-Identifier: Apache-2.0
"""`global_defs` and the `bascule` block into the model."""

from __future__ import annotations

from bascule.config.assemble import scripts
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.configuration import BasculeOptions, DataPlaneChoice, GlobalDefinitions, MailSettings
from bascule.model.diagnostic import Severity

_AS_THEY_ARE = (
    "data_plane",
    "xdp_mode",
    "connection_table_size",
    "vip_lifetime",
    "ready_timeout",
    "handover_key",
    "witness_answers",
    "witness_timeout",
)
"""Keywords of the `bascule` block whose values are the model's."""


def merged(top: Section, name: str) -> Section:
    """All blocks of one kind as one: a later value overrides, lists grow, as keepalived does with `global_defs`."""
    blocks = top.each(name)
    if len(blocks) == 1:
        return blocks[0]
    where: dict[str, Statement] = {}
    whole = Section(top.block, borrowed=where)
    for block in blocks:
        for keyword, value in block.values.items():
            earlier = whole.values.get(keyword)
            whole.values[keyword] = earlier + value if isinstance(earlier, list) else value
            where[keyword] = block.where[keyword]
        whole.misspelt |= block.misspelt
        whole.refused |= block.refused
    return whole


def definitions(section: Section, bascule: Section, findings: Findings) -> GlobalDefinitions:
    """`global_defs`, with what the `bascule` block says of scripts."""
    return GlobalDefinitions(
        router_id=section.get("router_id"),
        mail=_mail(section, findings),
        smtp_alert=section.get("smtp_alert"),
        default_interface=section.get("default_interface", "eth0"),
        scripts=scripts.settings(section, bascule, findings),
        sync_daemon=section.get("lvs_sync_daemon"),
        timeouts=section.get("lvs_timeouts"),
    )


def _mail(section: Section, findings: Findings) -> MailSettings:
    server: tuple[str, int] | None = section.get("smtp_server")
    to = tuple(section.get("notification_email") or ())
    if to and section.lacks("smtp_server"):
        where = section.where["notification_email"]
        hint = "add 'smtp_server ADDRESS' to global_defs"
        findings.add("meaning/mail-nowhere", where, 0, "no mail is sent: there is no smtp_server", hint)
    return MailSettings(
        to=to,
        sender=section.get("notification_email_from"),
        server=server[0] if server is not None else None,
        port=server[1] if server is not None else 25,
        helo_name=section.get("smtp_helo_name"),
        connect_timeout=Seconds(float(section.get("smtp_connect_timeout", 30))),
    )


def options(section: Section, findings: Findings) -> BasculeOptions:
    """The `bascule` block."""
    if section.get("data_plane") is DataPlaneChoice.IPVS:
        message = "the data plane ipvs is not there yet: the daemon would not start"
        hint = "write 'data_plane xdp', or leave it out"
        findings.add("not-acted-on", section.where["data_plane"], 1, message, hint, Severity.FATAL)
    names: list[tuple[str, ...]] = section.get("xdp_interface") or []
    known = {name: section.values[name] for name in _AS_THEY_ARE if name in section.values}
    witnesses = (address for line in section.get("witness") or [] for address in line)
    return BasculeOptions(
        xdp_interfaces=tuple(name for line in names for name in line),
        witnesses=tuple(dict.fromkeys(witnesses)),
        **known,
    )
