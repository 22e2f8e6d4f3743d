# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.control`: one line of JSON each way."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from bascule.model.base import from_json, to_json
from bascule.model.control import ControlReply, ControlRequest, Verb
from tests.model.strategies import values


@pytest.mark.parametrize("verb", list(Verb))
def test_a_request_can_be_written_by_hand(verb: Verb) -> None:
    line = f'{{"verb": "{verb.value}"}}\n'.encode()
    assert from_json(line, ControlRequest) == ControlRequest(verb=verb)


@settings(max_examples=40)
@given(values(ControlReply))
def test_a_reply_is_one_line_and_comes_back(reply: ControlReply) -> None:
    line = to_json(reply)
    assert b"\n" not in line
    assert from_json(line, ControlReply) == reply


@pytest.mark.parametrize("line", [b"", b"{}", b'{"verb": "fly"}', b'{"verb": "stop", "force": true}', b"stop"])
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json(line, ControlRequest)
