# SPDX-License-Identifier: Apache-2.0
"""Arguments whose words depend on each other, judged as keepalived 2.2.7 does."""

from __future__ import annotations

import pytest

from bascule.config.keywords import arguments
from bascule.config.schema import LineReader, RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement


def statement(text: str) -> Statement:
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


VS = arguments.option("VS")


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (VS, "lvs_flush_on_stop"),
        (VS, "lvs_flush_on_stop VS x"),
        (arguments.cpus, "vrrp_cpu_affinity 0 1"),
        (arguments.umask, "umask 022"),
        (arguments.umask, "umask 0x22"),
        (arguments.umask, "umask IRUSR | IWGRP|IXOTH"),
        (arguments.buffers, "vrrp_rx_bufs_policy mtu"),
        (arguments.buffers, "vrrp_rx_bufs_policy MTU ADVERT"),
        (arguments.buffers, "vrrp_rx_bufs_policy 1000"),
        (arguments.repeating, "garp_extra_if all 60"),
        (arguments.repeating, "garp_extra_if 60 all"),
        (arguments.repeating_or_never, "garp_extra_if all 0"),
        (arguments.include_checks, "include_check"),
        (arguments.include_checks, "include_check +match -wildcard_match"),
        (arguments.ipvlan, "use_ipvlan ipvl5 10.0.0.3/24 bridge"),
        (arguments.granularity, "persistence_granularity 255.255.255.0"),
        (arguments.granularity, "persistence_granularity 64"),
    ],
)
def test_what_is_taken(reader: LineReader, text: str) -> None:
    assert reader(statement(text)) == (tuple(text.split()[1:]) or True)


@pytest.mark.parametrize(
    ("reader", "text", "code", "index", "instead"),
    [
        (VS, "lvs_flush_on_stop vs", "bad-word", 1, None),
        (arguments.cpus, "vrrp_cpu_affinity", "bad-word", 0, None),
        (arguments.cpus, "vrrp_cpu_affinity 0 x", "bad-number", 2, None),
        (arguments.umask, "umask", "missing-argument", 0, None),
        (arguments.umask, "umask 01000", "bad-word", 1, None),
        (arguments.umask, "umask 5s", "bad-word", 1, None),
        (arguments.umask, "umask IRWXU", "bad-word", 1, None),
        (arguments.umask, "umask IRUSR IWUSR", "bad-word", 1, None),
        (arguments.buffers, "vrrp_rx_bufs_policy", "bad-word", 0, None),
        (arguments.buffers, "vrrp_rx_bufs_policy no_send", "bad-number", 1, None),
        (arguments.buffers, "vrrp_rx_bufs_policy 1000 MTU", "bad-word", 2, None),
        (arguments.repeating, "garp_extra_if", "bad-word", 0, None),
        (arguments.repeating, "garp_extra_if all", "bad-word", 1, None),
        (arguments.repeating, "garp_extra_if 0", "out-of-range", 1, None),
        (arguments.include_checks, "include_check readable", "bad-word", 1, None),
        (arguments.include_checks, "include_check +all", "bad-word", 1, None),
        (arguments.ipvlan, "use_ipvlan a b", "bad-word", 2, None),
        (arguments.ipvlan, "use_ipvlan bridge private", "bad-word", 2, None),
        (arguments.ipvlan, "use_ipvlan sixteencharacter", "bad-word", 1, None),
        (arguments.granularity, "persistence_granularity", "missing-argument", 0, None),
        (arguments.granularity, "persistence_granularity abc", "bad-word", 1, None),
        (arguments.granularity, "persistence_granularity 5000000000", "bad-word", 1, None),
    ],
)
def test_what_is_refused(reader: LineReader, text: str, code: str, index: int, instead: object) -> None:
    with pytest.raises(RefusedLineError) as refused:
        reader(statement(text))
    assert (refused.value.code, refused.value.index, refused.value.instead) == (code, index, instead)
