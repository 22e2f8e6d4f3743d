# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from bascule.linux import sysctl
from bascule.linux.common_settings import CommonSettings

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("inside")]

REPORTS = "net/ipv4/igmp_link_local_mcast_reports"


def filters() -> dict[str, int]:
    return {name: int(sysctl.read(f"net/ipv4/conf/{name}/rp_filter")) for name in ("all", "default", "lo")}


def test_what_is_set_for_all_goes_to_each_and_comes_back() -> None:
    sysctl.write("net/ipv4/conf/lo/rp_filter", 2)
    sysctl.write("net/ipv4/conf/default/rp_filter", 0)
    sysctl.write("net/ipv4/conf/all/rp_filter", 1)
    settings = CommonSettings()
    for _ in range(2):
        settings.change()
        assert filters() == {"all": 0, "default": 1, "lo": 2}
        assert sysctl.read(REPORTS) == "0"
    settings.put_back()
    assert filters()["all"] == 1
    assert sysctl.read(REPORTS) == "1"


def test_what_somebody_has_set_since_stays() -> None:
    settings = CommonSettings()
    sysctl.write("net/ipv4/conf/all/rp_filter", 1)
    settings.change()
    sysctl.write("net/ipv4/conf/all/rp_filter", 2)
    settings.put_back()
    assert filters()["all"] == 2


def test_what_needs_no_change_is_not_put_back() -> None:
    sysctl.write(REPORTS, 0)
    settings = CommonSettings()
    settings.change()
    settings.put_back()
    assert sysctl.read(REPORTS) == "0"
