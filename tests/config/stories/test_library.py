# SPDX-License-Identifier: Apache-2.0
"""Every code has a story, and every story's example yields its finding."""

from __future__ import annotations

import re

import pytest

from bascule.config.codes import CODES
from bascule.config.stories.library import Story, found_in, stories


def test_every_code_has_a_story_and_every_story_a_code() -> None:
    assert list(stories()) == list(CODES)


@pytest.mark.parametrize("code", CODES)
def test_the_example_yields_the_finding(code: str) -> None:
    assert code in {found.code for found in found_in(stories()[code])}


@pytest.mark.parametrize("code", CODES)
def test_a_story_is_told_in_sentences(code: str) -> None:
    story = stories()[code]
    for text in (story.keepalived, story.failure, story.write):
        assert re.search(r"[.)]['`\"]?$", text), text
        assert text == " ".join(text.split())


def test_examples_use_addresses_of_documentation_only() -> None:
    for code, story in stories().items():
        for address in re.findall(r"\d+\.\d+\.\d+\.\d+", story.example + story.peer):
            assert address.startswith("192.0.2."), (code, address)


def test_an_example_without_fault_yields_nothing() -> None:
    story = Story(keepalived="", failure="", write="", example="global_defs {\n router_id a\n}\n")
    assert found_in(story) == ()


def test_two_directors_and_a_machine() -> None:
    text = "vrrp_instance A {\n interface eth9\n virtual_router_id 1\n}\n"
    story = Story(keepalived="", failure="", write="", example=text, peer=text, interfaces=("lo",))
    found = [(each.file, each.code) for each in found_in(story)]
    assert found == [
        ("keepalived.conf", "meaning/no-interface"),
        ("peer.conf", "meaning/no-interface"),
        ("peer.conf", "meaning/peer-priority"),
    ]
