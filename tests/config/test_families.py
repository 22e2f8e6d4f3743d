# SPDX-License-Identifier: Apache-2.0
"""Addresses of two families in one service: what keepalived 2.2.7 says of them, at its lines, and what is in effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.loader import Loaded

LoadText = Callable[[str], Loaded]

SERVICE = (
    "virtual_server 10.0.0.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind DR\n%s real_server 10.0.0.2 80 {\n%s }\n}\n"
)


def said(loaded: Loaded) -> list[tuple[int | None, str]]:
    """Lines and codes."""
    return [(found.line, found.code) for found in loaded.diagnostics if found.code != "not-acted-on"]


def test_a_sorry_server_of_the_other_family(load_text: LoadText) -> None:
    loaded = load_text(SERVICE % (" sorry_server fd00::9 80\n", ""))
    assert said(loaded) == [(8, "bad-address")]
    assert loaded.configuration is not None
    assert loaded.configuration.virtual_servers[0].sorry_server is None


def test_a_sorry_server_of_the_same_family(load_text: LoadText) -> None:
    assert said(load_text(SERVICE % (" sorry_server 10.0.0.9 80\n", ""))) == []


def test_without_an_end_it_is_said_at_the_word(load_text: LoadText) -> None:
    loaded = load_text("virtual_server 10.0.0.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind DR\n sorry_server fd00::9\n")
    assert (5, "bad-address") in said(loaded)


@pytest.mark.parametrize("kind", ["TCP_CHECK", "PING_CHECK", "UDP_CHECK", "DNS_CHECK"])
def test_a_check_from_an_address_of_the_other_family(load_text: LoadText, kind: str) -> None:
    assert said(load_text(SERVICE % ("", f"  {kind} {{\n   bindto fd00::9\n  }}\n"))) == [(7, "bad-address")]
    assert said(load_text(SERVICE % ("", f"  {kind} {{\n   bindto fd00::9\n   connect_ip fd00::2\n  }}\n"))) == []


def test_a_check_of_mail_servers_is_compared_with_the_addresses_that_it_names(load_text: LoadText) -> None:
    check = (
        "  SMTP_CHECK {{\n   bindto fd00::9\n{}   host {{\n    connect_ip 10.0.0.3\n    bindto fd00::9\n   }}\n  }}\n"
    )
    assert said(load_text(SERVICE % ("", check.format("")))) == [(10, "bad-address")]
    own = check.format("   connect_ip 10.0.0.4\n")
    assert said(load_text(SERVICE % ("", own))) == [(7, "bad-address"), (11, "bad-address")]


def test_such_an_address_is_not_in_effect(load_text: LoadText) -> None:
    configuration = load_text(SERVICE % ("", "  TCP_CHECK {\n   bindto fd00::9\n  }\n")).configuration
    assert configuration is not None
    assert configuration.virtual_servers[0].real_servers[0].checks[0].bind_address is None
