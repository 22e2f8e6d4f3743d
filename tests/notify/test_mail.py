# SPDX-License-Identifier: Apache-2.0
"""A mail over a real SMTP connection, byte for byte in keepalived's form, and every way in which a server says no."""

from __future__ import annotations

import asyncio
import email.header
import socket
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bascule.model.base import Seconds
from bascule.model.configuration import GlobalDefinitions, MailSettings
from bascule.notify.letters import Letter
from bascule.notify.mail import Mail, MailFailedError, compose, is_configured, send

if TYPE_CHECKING:
    from tests.notify.conftest import Sink

DOWN = Letter(
    subject="Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN",
    body="TCP CHECK failed on service",
    at=1795332277.0,
)

# The reference capture of keepalived 2.2.7, but for X-Mailer.
CAPTURED = """\
Date: Sun, 22 Nov 2026 07:24:37 +0000
From: lvs@example.org
Subject: [LVS_DEVEL] Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN
X-Mailer: bascule
To: admin@example.org

=> TCP CHECK failed on service <=

""".replace("\n", "\r\n")


def settings(port: int = 25, **changes: object) -> MailSettings:
    base = MailSettings(
        to=("admin@example.org",),
        sender="lvs@example.org",
        server="127.0.0.1",
        port=port,
        helo_name="director.example.org",
        connect_timeout=Seconds(2.0),
    )
    return msgspec.structs.replace(base, **changes)


def definitions(**changes: object) -> GlobalDefinitions:
    return GlobalDefinitions(router_id="LVS_DEVEL", mail=settings(**changes))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def deliver(to: MailSettings) -> tuple[str, ...]:
    return asyncio.run(send(compose(DOWN, GlobalDefinitions(router_id="LVS_DEVEL", mail=to)), to))


def test_a_mail_is_keepalived_s_byte_for_byte() -> None:
    mail = compose(DOWN, definitions())
    assert mail.data.decode() == CAPTURED
    assert (mail.sender, mail.recipients) == ("lvs@example.org", ("admin@example.org",))


def test_what_the_file_leaves_out_is_the_host_s_name() -> None:
    host = socket.gethostname()
    mail = compose(DOWN, GlobalDefinitions(mail=MailSettings(to=("a@example.org", "b@example.org"), server="x")))
    assert mail.sender == f"keepalived@{host}"
    assert f"\r\nSubject: [{host}] Realserver".encode() in mail.data
    assert b"\r\nTo: a@example.org, b@example.org\r\n" in mail.data


def test_text_that_is_not_ascii_or_tries_to_add_a_header_stays_one_header() -> None:
    odd = Letter(subject="Größe\r\nBcc: x@example.org", body="one\ntwo", at=0.0)
    mail = compose(odd, definitions())
    head, _, body = mail.data.partition(b"\r\n\r\n")
    assert head.isascii()
    assert [line.split(b":")[0] for line in head.split(b"\r\n")] == [b"Date", b"From", b"Subject", b"X-Mailer", b"To"]
    assert body == b"=> one two <=\r\n\r\n"


@example(subject="x" * 1500, body="", router="r")
@example(subject="\u00e4 b" * 400, body="", router="r")
@given(subject=st.text(max_size=1500), body=st.text(max_size=300), router=st.text(min_size=1, max_size=50))
def test_no_text_whatever_breaks_the_form_of_a_mail(subject: str, body: str, router: str) -> None:
    given_ = GlobalDefinitions(router_id=router, mail=settings())
    data = compose(Letter(subject=subject, body=body, at=0.0), given_).data
    head, _, rest = data.partition(b"\r\n\r\n")
    assert data.isascii()
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    parsed = email.message_from_bytes(data)
    assert parsed.keys() == ["Date", "From", "Subject", "X-Mailer", "To"]
    assert rest.startswith(b"=> ")
    assert rest.endswith(b" <=\r\n\r\n")
    assert rest.count(b"\r\n") == 2
    assert all(len(line) <= 998 for line in head.split(b"\r\n")), "RFC 5322 2.1.1"
    shown = str(email.header.make_header(email.header.decode_header(parsed["Subject"])))
    printable = "".join(character if character.isprintable() else " " for character in f"[{router}] {subject}")
    assert shown.split() == printable[:900].split()


def test_mail_needs_a_receiver_and_a_server() -> None:
    assert is_configured(settings())
    assert not is_configured(settings(to=()))
    assert not is_configured(settings(server=None))


def test_a_mail_arrives_with_every_recipient_and_the_configured_helo(sink: Sink) -> None:
    to = ("admin@example.org", "Second Admin <second@example.org>")
    assert deliver(settings(sink.port, to=to)) == ()
    (envelope,) = sink.mails
    assert envelope.mail_from == "lvs@example.org"
    assert envelope.rcpt_tos == ["admin@example.org", "second@example.org"]
    assert sink.helos == ["director.example.org"]
    expected = CAPTURED.replace("To: admin@example.org", "To: admin@example.org, Second Admin <second@example.org>")
    assert envelope.content == expected.encode()


def test_without_a_helo_name_the_host_s_is_used(sink: Sink) -> None:
    deliver(settings(sink.port, helo_name=None))
    assert sink.helos == [socket.gethostname()]


def test_a_recipient_that_is_refused_does_not_keep_the_others_from_their_mail(sink: Sink) -> None:
    sink.refusals["gone@example.org"] = "550 no such user"
    assert deliver(settings(sink.port, to=("gone@example.org", "admin@example.org"))) == (
        "gone@example.org: 550 no such user",
    )
    assert sink.mails[0].rcpt_tos == ["admin@example.org"]


@pytest.mark.parametrize("odd", ["two words@example.org", "gr\u00f6\u00dfe@example.org"])
def test_an_address_that_is_none_is_refused_before_the_server_sees_it(sink: Sink, odd: str) -> None:
    assert deliver(settings(sink.port, to=(odd, "admin@example.org"))) == (f"{odd}: not an address",)
    assert sink.mails[0].rcpt_tos == ["admin@example.org"]
    with pytest.raises(MailFailedError, match="not an address") as failure:
        deliver(settings(sink.port, to=(odd,)))
    assert failure.value.for_good
    with pytest.raises(MailFailedError) as failure:
        deliver(settings(sink.port, sender=odd))
    assert failure.value.for_good


@pytest.mark.parametrize(
    ("where", "answer", "for_good"),
    [
        ("admin@example.org", "550 no such user", True),
        ("admin@example.org", "450 try later", False),
        ("MAIL", "553 who are you", True),
        ("DATA", "451 disk full", False),
        ("DATA", "554 looks like spam", True),
    ],
)
def test_a_refusal_is_told_with_the_server_s_words(sink: Sink, where: str, answer: str, for_good: bool) -> None:
    sink.refusals[where] = answer
    with pytest.raises(MailFailedError, match=answer) as failure:
        deliver(settings(sink.port))
    assert failure.value.for_good is for_good
    assert str(failure.value).startswith(f"[127.0.0.1]:{sink.port}: ")
    assert sink.mails == []


def test_a_server_that_hangs_costs_smtp_connect_timeout_and_no_more(hanging_port: int) -> None:
    began = time.monotonic()
    with pytest.raises(MailFailedError, match=r"no answer within 0\.3 s") as failure:
        deliver(settings(hanging_port, connect_timeout=Seconds(0.3)))
    assert 0.25 < time.monotonic() - began < 2.0
    assert not failure.value.for_good


def test_a_server_that_is_not_there_is_no_reason_to_give_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(MailFailedError, match="connection refused") as failure:
        deliver(settings(port))
    assert not failure.value.for_good


def test_a_name_that_nobody_knows_is_named() -> None:
    with pytest.raises(MailFailedError, match=r"\[no-such-host\.invalid\]:25"):
        deliver(settings(server="no-such-host.invalid"))


@pytest.mark.parametrize("parting", [b"", b"220 hi\r\n", b"220 hi\r\n250 x\r\n250 x\r\n250 x\r\n354 go\r\n"])
def test_a_server_that_hangs_up_is_tried_again(parting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def rude() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(parting)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

        thread = threading.Thread(target=rude)
        thread.start()
        with pytest.raises(MailFailedError) as failure:
            deliver(settings(server.getsockname()[1]))
        thread.join(5.0)
    assert not failure.value.for_good


def test_a_server_that_has_the_mail_and_never_says_goodbye_has_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.notify.mail._GOODBYE_MAX", 0.1)
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def mute_at_the_end() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rwb", buffering=0) as stream:
                stream.write(b"220 hi\r\n")
                in_data = False
                for line in stream:
                    received.append(line)
                    if line.startswith(b"QUIT"):
                        continue
                    if not in_data:
                        in_data = line.startswith(b"DATA")
                        stream.write(b"354 go\r\n" if in_data else b"250 ok\r\n")
                    elif line == b".\r\n":
                        in_data = False
                        stream.write(b"250 taken\r\n")

        thread = threading.Thread(target=mute_at_the_end)
        thread.start()
        assert deliver(settings(server.getsockname()[1])) == ()
        thread.join(5.0)
    assert received[:4] == [
        b"HELO director.example.org\r\n",
        b"MAIL FROM:<lvs@example.org>\r\n",
        b"RCPT TO:<admin@example.org>\r\n",
        b"DATA\r\n",
    ]
    assert b"".join(received[4:-2]).decode() == CAPTURED
    assert received[-2:] == [b".\r\n", b"QUIT\r\n"]


def test_mail_is_a_value() -> None:
    assert Mail(sender="a", recipients=("b",), data=b"") == Mail(sender="a", recipients=("b",), data=b"")
