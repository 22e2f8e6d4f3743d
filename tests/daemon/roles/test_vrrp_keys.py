# SPDX-License-Identifier: Apache-2.0
"""Keys from the configuration and from files."""

from __future__ import annotations

import pathlib

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_keys import secrets_of
from bascule.errors import ConfigurationError
from bascule.model.base import Seconds, Vrid
from bascule.model.configuration import AuthHmac, HmacKey, HmacMode, VrrpInstance

SECRET = bytes(range(32))


def entry(*keys: HmacKey, active: int = 1, mode: HmacMode = HmacMode.ENFORCE) -> VrrpInstance:
    settings = AuthHmac(keys=keys, active_key=active, window=Seconds(5.0), mode=mode) if keys else None
    return VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51), auth_hmac=settings)


def test_an_instance_without_has_none() -> None:
    assert secrets_of(entry(), Log("vrrp")) == {}


def test_keys_stand_in_the_configuration_or_in_files(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    closed, opened = tmp_path / "closed", tmp_path / "open"
    closed.write_text(f"hex:{SECRET.hex()}\n")
    closed.chmod(0o600)
    opened.write_text("x" * 40)
    opened.chmod(0o644)
    keys = (
        HmacKey(number=1, secret=SECRET),
        HmacKey(number=2, file=str(closed)),
        HmacKey(number=3, file=str(opened)),
    )
    assert secrets_of(entry(*keys), Log("vrrp")) == {1: SECRET, 2: SECRET, 3: b"x" * 40}
    said = capfd.readouterr().err
    assert said.count("key_file_open_to_others") == 1
    assert "key=3" in said
    assert "xxxx" not in said


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("short", "is no key of 32 to 64 bytes")])
def test_a_key_that_cannot_be_had_is_named(tmp_path: pathlib.Path, content: str | None, why: str) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=f"key 7 of auth_hmac: .*{why}"):
        secrets_of(entry(HmacKey(number=7, file=str(path)), active=7), Log("vrrp"))


def test_a_key_that_nothing_is_signed_with_may_be_missing(capfd: pytest.CaptureFixture[str]) -> None:
    here, gone, away = HmacKey(number=1, secret=SECRET), *(HmacKey(number=n, file=f"/nowhere/{n}") for n in (2, 3))
    assert secrets_of(entry(here, gone), Log("vrrp")) == {1: SECRET}
    assert "event=key_not_read instance=VI_1 key=2" in capfd.readouterr().err
    with pytest.raises(ConfigurationError, match="key 3 of auth_hmac"):
        secrets_of(entry(here, gone, away, active=3), Log("vrrp"))
    only = HmacMode.RECEIVE_ONLY
    assert secrets_of(entry(here, gone, active=2, mode=only), Log("vrrp")) == {1: SECRET}
    with pytest.raises(ConfigurationError, match="key 2 of auth_hmac"):
        secrets_of(entry(gone, away, active=0, mode=only), Log("vrrp"))
