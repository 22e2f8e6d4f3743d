# SPDX-License-Identifier: Apache-2.0
"""Round trips: what a file means, its canonical form means too, to us and to keepalived."""

from __future__ import annotations

import pathlib
import re
import subprocess

import hypothesis
import msgspec
import pytest
from hypothesis import strategies

from bascule.config.canonical import Printed, print_sources
from bascule.config.diagnostics import Findings
from bascule.config.loader import Loaded, load, load_sources
from bascule.config.source import Source, read
from bascule.model.configuration import Configuration
from bascule.model.diagnostic import Severity
from tests.config.files_from_declarations import files as files_from_declarations
from tests.config.models_with_text import configurations, text_of

ID = "low"


def loaded(text: str) -> Loaded:
    """What a text means."""
    return load_sources([Source("k.conf", text)], Findings(), ID)


def printed(text: str) -> Printed:
    """A text's canonical form."""
    return print_sources([Source("k.conf", text)], ID)


def body(text: str) -> str:
    """The canonical form without comments."""
    return printed(text).body.decode()


def assert_round_trip(text: str) -> None:
    """The canonical form means the same, is its own canonical form, and has nothing in it that is not in effect."""
    first = printed(text)
    again = printed(first.text.decode())
    meant = loaded(text).configuration
    if meant is not None:  # Of a file that is fatal, the canonical one is a guess.
        assert loaded(first.text.decode()).configuration == meant
    assert again.left_out == (), again.left_out
    assert again.text == first.body


@hypothesis.given(configurations())
def test_every_configuration_comes_back(configuration: Configuration) -> None:
    text = text_of(configuration)
    assert loaded(text).configuration == configuration
    assert printed(text).left_out == ()
    assert loaded(body(text)).configuration == configuration
    assert_round_trip(text)


@hypothesis.given(files_from_declarations(noise=False))
def test_every_declared_keyword_comes_back(text: str) -> None:
    assert_round_trip(text)


@hypothesis.given(files_from_declarations(noise=True))
@hypothesis.example("virtual_server 10.0.0.1 80 {\n lb_kind TUN eth0\n}\n")
def test_wrong_text_leaves_a_right_file(text: str) -> None:
    assert_round_trip(text)


@hypothesis.given(strategies.data())
def test_mutilated_examples_leave_right_files(root: pathlib.Path, data: strategies.DataObject) -> None:
    name = data.draw(strategies.sampled_from(["keepalived.conf", "article-printed-2.conf"]))
    lines = (root / "examples" / name).read_text(encoding="utf-8").splitlines()
    for _ in range(data.draw(strategies.integers(1, 6))):
        index = data.draw(strategies.integers(0, len(lines) - 1))
        lines[index : index + 1] = data.draw(
            strategies.sampled_from(
                [[], ["}"], ["{"], [lines[index]] * 2, [lines[index].upper()], [f"{lines[index]} {{"], [lines[-index]]]
            )
        )
    assert_round_trip("\n".join(lines))


def test_the_examples_come_back(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for path in sorted((root / "examples").glob("*.conf")):
        target = tmp_path / path.name
        target.write_bytes(print_sources([read(path)]).text)
        before, after = load([path]), load([target])
        assert before.configuration is not None
        assert after.configuration is not None
        assert msgspec.structs.replace(after.configuration, files=before.configuration.files) == before.configuration
        assert print_sources([read(target)]).left_out == ()
        if "printed-2" not in path.name:  # It lacks what its misspelt lines were to say.
            assert [found for found in after.diagnostics if found.severity is Severity.ERROR] == []


@pytest.mark.root
def test_keepalived_has_nothing_new_to_say_of_the_examples(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for name in ("keepalived.conf", "keepalived.backup.conf", "article-printed-1.conf"):
        (tmp_path / name).write_bytes(print_sources([read(root / "examples" / name)]).text)
        assert _complaints(tmp_path / name) <= _complaints(root / "examples" / name)


def _complaints(path: pathlib.Path) -> set[str]:
    """What `keepalived -t` says, without line numbers."""
    command = ["keepalived", "-t", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return {re.sub(r"\(.*?Line \d+\) ", "", line) for line in (done.stdout + done.stderr).splitlines()}


def test_a_file_is_written_one_way() -> None:
    text = (
        "global_defs{notification_email{a@b c@d}\nsmtp_alert yes}\nchild_wait_time 05\n"
        'vrrp_instance "VI_1"\n{\n\tinterface "eth0" # the outer\n virtual_router_id 051\n priority 7\n priority 100\n'
        "  vmac_garp_intvl all 5\n  virtual_ipaddress { 10.0.0.1/32  dev eth0\n10.0.0.2/24 }\n"
        "  notify_master '/bin/a  b' \"c d\"\n}\n"
        "virtual_server 2001:DB8::0:1 080 {\nprotocol tcp\nlvs_sched rr\n delay_loop 5.50 }\n"
    )
    assert body(text) == (
        "global_defs {\n    notification_email {\n        a@b c@d\n    }\n    smtp_alert on\n}\n\n"
        "child_wait_time 5\n\n"
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    priority 100\n"
        "    garp_extra_if all 5\n    virtual_ipaddress {\n        10.0.0.1 dev eth0\n        10.0.0.2/24\n    }\n"
        "    notify_master '/bin/a  b' \"c d\"\n}\n\n"
        "virtual_server 2001:db8::1 80 {\n    protocol TCP\n    lb_algo rr\n    delay_loop 5.5\n}\n"
    )


def test_generated_text_is_written_out() -> None:
    text = (
        "$P=7\n$SERVICE=virtual_server 10.0.0.${i} 80 { \\\n  delay_loop ${P} \\\n}\n~SEQ(i, 2) $SERVICE\n"
        "@low child_wait_time $P\n@high use_pid_dir\n"
    )
    assert_round_trip(text)
    service = "virtual_server 10.0.0.{} 80 {{\n    delay_loop 7\n}}\n\n"
    assert body(text) == f"{service.format(1)}{service.format(2)}child_wait_time 7\n"


def test_what_is_left_out_is_told_at_the_top() -> None:
    found = printed("vrrp_instance A {\n interface eth0 x\n prioirty 9\n}\nfoo {\n bar\n}\n")
    assert found.text.decode() == (
        "# Left out or written anew, because it is not in effect as it stands:\n"
        "#   k.conf:2:17: 'x' after 'interface eth0' is ignored\n"
        "#   k.conf:3:2: unknown keyword 'prioirty' in 'vrrp_instance'\n"
        "#   k.conf:5:1: unknown keyword 'foo' at the top of a file, its block is skipped"
        " (keepalived would complain of each line)\n"
        "#   k.conf:6:2: 'bar' is skipped with the unknown block 'foo'\n"
        "#   k.conf:7:1: '}' ends what is skipped with the unknown block 'foo'\n"
        "\n"
        "vrrp_instance A {\n    interface eth0\n}\n"
    )


def test_what_is_honoured_though_keepalived_skips_it_is_told_too() -> None:
    found = printed(
        "virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n TCP_CHECK {\n nb_get_retry 3\n}\n}\n}\n"
    )
    assert [each.code for each in found.left_out] == ["legacy-spelling"]
    assert "            retry 3\n" in found.body.decode()


def test_a_rounded_number_is_printed_as_it_counts() -> None:
    found = printed("virtual_server 10.0.0.1 80 {\n delay_loop 1.12345678\n}\n")
    assert found.body == b"virtual_server 10.0.0.1 80 {\n    delay_loop 1.123457\n}\n"
    assert [each.code for each in found.left_out] == ["rounded"]


def test_a_spelling_that_means_nothing_is_left_out() -> None:
    found = printed("virtual_server 10.0.0.1 80 {\n nat_mask 255.255.255.0\n}\n")
    assert found.body == b"virtual_server 10.0.0.1 80 {\n}\n"
    assert [each.code for each in found.left_out] == ["legacy-spelling"]


def test_skipped_legacy_spellings_are_left_out() -> None:
    text = "global_defs {\n lvs_id A\n}\nbascule {\n legacy skip\n}\n"
    assert body(text) == "global_defs {\n}\n\nbascule {\n    legacy skip\n}\n"
    assert_round_trip(text)


def test_blocks_without_what_they_need_stay_as_they_are() -> None:
    text = "vrrp_script s {\n    interval 5\n}\n"
    assert printed(text) == Printed(text.encode(), ())


def test_only_the_last_value_of_a_keyword_stays_but_lists_stay_whole() -> None:
    text = (
        "bascule {\n xdp_interface a\n xdp_interface b\n xdp_mode native\n xdp_mode auto\n}\n"
        "track_file f {\n file /a\n file /b\n}\n"
    )
    assert body(text) == (
        "bascule {\n    xdp_interface a\n    xdp_interface b\n    xdp_mode auto\n}\n\ntrack_file f {\n    file /a\n}\n"
    )


def test_words_that_an_address_line_ignores_are_left_out() -> None:
    text = "vrrp_instance A {\n virtual_ipaddress {\n 10.0.0.1/99 foo dev eth0 bar\n nonsense\n }\n}\n"
    assert body(text) == "vrrp_instance A {\n    virtual_ipaddress {\n        10.0.0.1 dev eth0\n    }\n}\n"


def test_options_that_a_line_ignores_are_left_out_with_their_arguments() -> None:
    text = "static_ipaddress {\n 10.0.0.1 dev eth0 scope 999 brd + home\n fd00::1 label x\n}\n"
    assert body(text) == "static_ipaddress {\n    10.0.0.1 dev eth0 home\n    fd00::1\n}\n"
    text = "static_routes {\n 10.0.0.0/33 as to 10.1.0.1 via 10.0.0.1\n 10.0.0.0/8 gw 10.0.0.1\n}\n"
    assert body(text) == "static_routes {\n    10.0.0.0 via 10.0.0.1\n    10.0.0.0/8 gw 10.0.0.1\n}\n"
    assert_round_trip(text)


def test_braces_inside_lines_are_left_out() -> None:
    text = "static_routes {\n 10.0.0.0/8 {\n  via 10.0.0.1\n }\n}\n"
    assert body(text) == "static_routes {\n    10.0.0.0/8\n}\n"
    assert_round_trip(text)


def test_a_lone_brace_among_lines_is_no_line() -> None:
    text = 'global_defs {\n notification_email {\n {\n  a@b\n }\n ""\n }\n}\n'
    assert body(text) == 'global_defs {\n    notification_email {\n        ""\n    }\n}\n'
    assert_round_trip(text)


def test_braces_may_stand_deep_in_each_other() -> None:
    depth = 20_000
    assert body(f"linkbeat_interfaces {{\n{'a {' * depth}{'}' * depth}\n}}\n") == "linkbeat_interfaces {\n    a\n}\n"
    assert body("foo {" * depth) == ""


def test_services_by_other_names_and_tunnels_stay_as_they_are() -> None:
    text = (
        "virtual_server fwmark 05 {\n    lb_kind TUN type gue\n}\n\nvirtual_server group g {\n    lb_kind DR extra\n}\n"
    )
    assert body(text) == text.replace("05", "5").replace(" extra", "")


WRONG_TUNNELS = ("eth0", "type", "type foo", "type gue eth0 port 6000", "type gue port 0", "type gre port 6000", "csum")


@pytest.mark.root
@pytest.mark.parametrize("options", WRONG_TUNNELS)
def test_of_a_tunnel_with_a_wrong_option_the_method_stays(options: str, tmp_path: pathlib.Path) -> None:
    """keepalived 2.2.7 complains of the line, has the method, and leaves the tunnel as it was."""
    rest = "    protocol TCP\n    lb_algo rr\n    real_server 10.0.0.2 80 {{\n    }}\n}}\n"
    service = "virtual_server 10.0.0.1 80 {{\n    lb_kind TUN{}\n" + rest
    text = service.format(f" {options}")
    assert body(text) == service.format("")
    assert len(printed(text).left_out) == 1
    assert_round_trip(text)
    path = tmp_path / "k.conf"
    path.write_text(text)
    assert len(_complaints(path)) > 0
    path.write_bytes(printed(text).text)
    assert _complaints(path) == set()


def test_bytes_that_are_not_utf_8_stay_what_they_are(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_bytes(b"global_defs {\n    router_id caf\xe9\n}\n")
    assert print_sources([read(path)]).body == path.read_bytes()
