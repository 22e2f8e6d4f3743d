# SPDX-License-Identifier: Apache-2.0
"""Everything accepted is in the model: by a struct of its own, or declared, and never by both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import hypothesis
import pytest

from bascule.config.canonical import print_sources
from bascule.config.diagnostics import Findings
from bascule.config.loader import Loaded, load_sources
from bascule.config.source import Source
from bascule.model.base import pack, unpack
from bascule.model.configuration import Configuration
from bascule.model.declared import Declared, DeclaredValue
from tests.config.files_from_declarations import files as files_from_declarations
from tests.config.models_with_text import configurations, text_of

LoadText = Callable[[str], Loaded]

INSTANCE = "vrrp_instance A {{\n interface eth0\n virtual_router_id 5\n{}\n}}\n"
SERVICE = "virtual_server 10.0.0.1 80 {{\n protocol TCP\n lb_algo rr\n lb_kind DR\n{}\n}}\n"


def told(statements: Sequence[Declared], above: str = "") -> Iterator[tuple[str, tuple[DeclaredValue, ...]]]:
    """Paths with values; `~` marks a block that is acted on."""
    for each in statements:
        path = f"{above}{each.keyword}"
        if each.values or not (each.inside or each.lines):
            yield path, each.values
        yield from ((f"{path}:", line) for line in each.lines)
        yield from told(each.inside, f"{path}/" if each.whole else f"{path}~")


def declared(text: str) -> list[tuple[str, tuple[DeclaredValue, ...]]]:
    """What of a text is declared."""
    configuration = load_sources([Source("k.conf", text)], Findings(), "low").configuration
    assert configuration is not None
    return list(told(configuration.declared))


@hypothesis.given(configurations())
def test_nothing_that_is_acted_on_is_repeated(configuration: Configuration) -> None:
    assert configuration.declared == ()
    assert declared(text_of(configuration)) == []


@hypothesis.given(files_from_declarations(noise=True))
def test_it_is_told_for_the_canonical_file_too_and_travels(text: str) -> None:
    first = load_sources([Source("k.conf", text)], Findings(), "low").configuration
    if first is None:
        return
    again = load_sources(
        [Source("k.conf", print_sources([Source("k.conf", text)], "low").body.decode())], Findings(), "low"
    ).configuration
    assert again == first
    assert unpack(pack(first), Configuration) == first


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("child_wait_time 05\nuse_pid_dir\n", [("use_pid_dir", ()), ("child_wait_time", (5,))]),
        ("global_defs {\n no_email_faults\n}\nglobal_defs {\n lvs_timeouts tcp 5\n lvs_flush\n}\n",
         [("global_defs~no_email_faults", ()), ("global_defs~lvs_flush", ())]),
        ("vrrp_script s {\n script \"/bin/a 'b c' d\"\n weight -5 reverse\n init_fail\n}\n",
         [("vrrp_script", ("s",)), ("vrrp_script/script", ("/bin/a", "b c", "d")),
          ("vrrp_script/weight", (-5, "reverse")), ("vrrp_script/init_fail", ())]),
        (INSTANCE.format(" smtp_alert yes\n dont_track_primary\n owner_ignore_adverts"),
         [("vrrp_instance", ("A",)), ("vrrp_instance~owner_ignore_adverts", (True,))]),
        ("global_defs {\n startup_script /bin/a 'b c'\n}\n",
         [("global_defs~startup_script", ("/bin/a", "b c"))]),
        ("global_defs {\n startup_script /bin/it's\n}\n",
         [("global_defs~startup_script", ("/bin/it's",))]),
        (INSTANCE.format(" virtual_ipaddress {\n 10.0.0.2/24 brd + dev eth1\n}\n virtual_rules {\n table 5\n}"), []),
        ("static_routes {\n 10.0.0.0/8 dev eth1\n}\n", []),
        (INSTANCE.format(" lvs_sync_daemon_interface eth0"), []),
        (INSTANCE.format("") + INSTANCE.format(" owner_ignore_adverts"), []),
        ("vrrp_instance A {\n priority 7\n priority 8\n mcast_src_ip 2001:DB8::0:1\n}\n",
         [("vrrp_instance", ("A",)), ("vrrp_instance/mcast_src_ip", ("2001:db8::1",)),
          ("vrrp_instance/priority", (8,))]),
        ("global_defs {\n vrrp_version 3\n router_id r\n}\nvrrp_instance A {\n}\n",
         [("global_defs~vrrp_version", (3,)), ("vrrp_instance", ("A",))]),
        ("global_defs {\n vrrp_version 3\n}\n", []),
        ("virtual_server fwmark 05 {\n lb_kind TUN type gue port 6080\n protocol tcp\n lvs_sched rr\n}\n",
         [("virtual_server", ("fwmark", 5)), ("virtual_server/lb_algo", ("rr",)),
          ("virtual_server/lb_kind", ("TUN", "type", "gue", "port", 6080)), ("virtual_server/protocol", ("TCP",))]),
        ("virtual_server group g {\n lb_kind NAT extra\n persistence_timeout\n}\n",
         [("virtual_server", ("group", "g")), ("virtual_server/lb_kind", ("NAT",)),
          ("virtual_server/persistence_timeout", ())]),
        ("virtual_server_group g {\n 10.0.0.1-9 80\n 2001:DB8::0:1 80\n fwmark 3 inet6\n}\n",
         [("virtual_server_group", ("g",)), ("virtual_server_group:", ("10.0.0.1-9", 80)),
          ("virtual_server_group:", ("2001:db8::1", 80)), ("virtual_server_group:", ("fwmark", 3, "inet6"))]),
        (SERVICE.format(" omega\n retry 3\n real_server 10.0.0.2 80 {\n weight 2\n TCP_CHECK {\n retry 5\n}\n}"), []),
        (SERVICE.format(" real_server 10.0.0.2 80 {\n TCP_CHECK {\n bind_port 5\n}\n}"),
         [("virtual_server", ("10.0.0.1", 80)), ("virtual_server~real_server", ("10.0.0.2", 80)),
          ("virtual_server~real_server~TCP_CHECK~bind_port", (5,))]),
        (SERVICE.format(" retry 3\n real_server 10.0.0.2 80 {\n weight 2\n delay_loop 2\n MISC_CHECK {\n"
                        " misc_path /bin/true\n}\n}"),
         [("virtual_server", ("10.0.0.1", 80)), ("virtual_server~retry", (3,)),
          ("virtual_server~real_server", ("10.0.0.2", 80)), ("virtual_server~real_server~delay_loop", (2.0,)),
          ("virtual_server~real_server~MISC_CHECK/misc_path", ("/bin/true",))]),
        (SERVICE.format(" real_server 10.0.0.2 80 {\n lvs_method NAT\n}\n real_server 10.0.0.3 80 {\n}\n"
                        " real_server 10.0.0.3 80 {\n snmp_name x\n}"),
         [("virtual_server", ("10.0.0.1", 80)), ("virtual_server~real_server", ("10.0.0.2", 80)),
          ("virtual_server~real_server/lb_kind", ("NAT",))]),
        (SERVICE.format(" real_server 10.0.0.2 80 {\n HTTP_GET {\n url {\n path /\n regex a \"b c\"\n}\n}\n}"),
         [("virtual_server", ("10.0.0.1", 80)), ("virtual_server~real_server", ("10.0.0.2", 80)),
          ("virtual_server~real_server~HTTP_GET/url/path", ("/",)),
          ("virtual_server~real_server~HTTP_GET/url/regex", ('a "b c"',))]),
        ("track_file f {\n file /a\n init_file 5 overwrite\n weight 999\n}\n",
         [("track_file", ("f",)), ("track_file/file", ("/a",)),
          ("track_file/init_file", (5, "overwrite"))]),
        ("foo {\n child_wait_time 5\n}\nbascule {\n legacy skip\n}\n", []),
    ],
)  # fmt: skip
def test_each_value_has_its_kind(text: str, found: list[tuple[str, tuple[DeclaredValue, ...]]]) -> None:
    assert declared(text) == found


def test_the_order_of_different_keywords_means_nothing() -> None:
    forth = "vrrp_script s {\n weight 5\n interval 3\n}\nchild_wait_time 5\n"
    back = "child_wait_time 5\nvrrp_script s {\n interval 3\n weight 5\n}\n"
    assert declared(forth) == declared(back)


def test_it_is_made_only_for_who_asks() -> None:
    source = Source("k.conf", "child_wait_time 5\n")
    loaded = load_sources([source], Findings(), whole=False)
    assert loaded.configuration is not None
    assert loaded.configuration.declared == ()
