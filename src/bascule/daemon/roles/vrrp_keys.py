# SPDX-License-Identifier: Apache-2.0
"""The keys of `auth_hmac`, from the configuration and from files of their own (`key ID file:PATH`), read at each
configuration and never said."""

from __future__ import annotations

import os
import stat

from bascule.daemon.log import Log
from bascule.errors import ConfigurationError
from bascule.model.configuration import HmacKey, VrrpInstance
from bascule.model.secrets import KEY_MAX, KEY_MIN, secret_of

_SIZE_MAX = 4096
"""Bytes that are read of a file."""


def secrets_of(entry: VrrpInstance, log: Log) -> dict[int, bytes]:
    """An instance's keys by number. Raises ConfigurationError when one cannot be read or is none."""
    if entry.auth_hmac is None:
        return {}
    return {key.number: _secret(key, entry.name, log) for key in entry.auth_hmac.keys}


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
