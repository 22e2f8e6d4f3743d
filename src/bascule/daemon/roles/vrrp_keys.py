# SPDX-License-Identifier: Apache-2.0
"""The keys of `auth_hmac`, from the configuration and from files of their own (`key ID file:PATH`), read at each
configuration and never said."""

from __future__ import annotations

import os
import stat

from bascule.daemon.log import Log
from bascule.errors import ConfigurationError
from bascule.model.configuration import HmacKey, HmacMode, VrrpInstance
from bascule.model.secrets import KEY_MAX, KEY_MIN, secret_of

_SIZE_MAX = 4096
"""Bytes that are read of a file."""


def secrets_of(entry: VrrpInstance, log: Log) -> dict[int, bytes]:
    """An instance's keys by number, without those that cannot be read or are none.

    Raises ConfigurationError when there is none to sign with, or, where nothing is signed, none at all: an old key that
    was taken away, or a new one that is not there yet, is no reason to run without a director.
    """
    settings = entry.auth_hmac
    found: dict[int, bytes] = {}
    if settings is None:
        return found
    missing: ConfigurationError | None = None
    for key in settings.keys:
        try:
            found[key.number] = _secret(key, entry.name, log)
        except ConfigurationError as error:
            log.error("key_not_read", instance=entry.name, key=key.number, why=error)
            if missing is None or key.number == settings.active_key:
                missing = error
    needed = found if settings.mode is HmacMode.RECEIVE_ONLY else settings.active_key in found
    if missing is not None and not needed:
        raise missing
    return found


def _secret(key: HmacKey, name: str, log: Log) -> bytes:
    if key.file is None:
        return key.secret
    try:
        with open(key.file, "rb") as opened:
            others = os.fstat(opened.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            text = opened.read(_SIZE_MAX).rstrip(b"\r\n")
    except OSError as error:
        raise ConfigurationError(f"key {key.number} of auth_hmac: {key.file}: {error.strerror}") from error
    if others:
        log.warning("key_file_open_to_others", instance=name, key=key.number, file=key.file)
    secret = secret_of(text)
    if secret is None:
        raise ConfigurationError(f"key {key.number} of auth_hmac: {key.file} is no key of {KEY_MIN} to {KEY_MAX} bytes")
    return secret
