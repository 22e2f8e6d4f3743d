# SPDX-License-Identifier: Apache-2.0
"""What the stories of findings say of keepalived, asked of keepalived itself: `keepalived -t` reads each example."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from bascule.config.stories.library import stories
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology

pytestmark = [pytest.mark.root, pytest.mark.lab]

ALONE = Topology(
    name="stories",
    about="One host with two interfaces.",
    segments=(Segment(name="lan"), Segment(name="other")),
    hosts=(
        Host(
            name="k1",
            role=HostRole.ROUTER,
            links=(
                Link(segment="lan", addresses=("192.0.2.1/24",)),
                Link(segment="other", interface="eth1", addresses=("198.51.100.1/24",)),
            ),
        ),
    ),
)


@pytest.fixture(scope="module")
def host() -> Iterator[LabHost]:
    """Where keepalived finds the interfaces that examples name."""
    with Network(ALONE) as network:
        yield network.host("k1")


def test_keepalived_s_messages_are_quoted_for_most_findings() -> None:
    assert sum(bool(story.says) for story in stories().values()) > 40


@pytest.mark.parametrize("code", [code for code, story in stories().items() if story.says])
def test_keepalived_says_what_the_story_says(host: LabHost, tmp_path: pathlib.Path, code: str) -> None:
    story = stories()[code]
    file = tmp_path / "keepalived.conf"
    file.write_text(story.example)
    done = host.run(["keepalived", "-t", "-l", "-f", str(file)], timeout=20, check=False)
    said = done.stdout + done.stderr
    assert [words for words in story.says if words not in said] == []


@pytest.mark.parametrize(
    "code",
    [
        "empty-file",
        "comment-file",
        "nul-character",
        "meaning/source-is-vip",
        "meaning/vip-unheld",
        "meaning/vip-twice",
        "meaning/unicast-self",
        "meaning/server-is-vip",
        "meaning/duplicate-service",
        "meaning/mail-nowhere",
        "meaning/undefined-in-quotes",
    ],
)
def test_keepalived_finds_nothing_there(host: LabHost, tmp_path: pathlib.Path, code: str) -> None:
    file = tmp_path / "keepalived.conf"
    file.write_text(stories()[code].example)
    done = host.run(["keepalived", "-t", "-l", "-f", str(file)], timeout=20, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
