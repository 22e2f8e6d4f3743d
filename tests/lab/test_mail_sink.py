# SPDX-License-Identifier: Apache-2.0
"""The relay takes real mail by SMTP inside its namespace, and refuses when it is off."""

from __future__ import annotations

import email.message
import smtplib

import pytest

from bascule.lab.mail_sink import ADDRESS, MailSink
from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for

pytestmark = [pytest.mark.root, pytest.mark.lab]


def send(subject: str) -> None:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "lvs@example.com", "admin@example.com", subject
    message.set_content("=> TCP CHECK failed on service <=\n")
    with smtplib.SMTP(*ADDRESS, timeout=5) as session:
        session.send_message(message)


def test_each_director_has_its_own_relay() -> None:
    with Network(PAIR) as network:
        sinks = [MailSink(network.host(name)) for name in ("d1", "d2")]
        for sink in sinks:
            sink.start()
        with network.host("d1").entered():
            send("[LVS_DEVEL] Realserver - DOWN")
        (mail,) = wait_for(sinks[0].mails, 5, "the mail")
        assert sinks[1].mails() == ()
        assert (mail.director, mail.sender, mail.to) == ("d1", "lvs@example.com", ("admin@example.com",))
        assert mail.subject == "[LVS_DEVEL] Realserver - DOWN"
        assert mail.body == "=> TCP CHECK failed on service <=\n"
        for sink in sinks:
            sink.stop()
            sink.stop()
        with network.host("d1").entered(), pytest.raises(ConnectionRefusedError):
            send("too late")
        sinks[0].start()
        with network.host("d1").entered():
            send("again")
        assert [mail.subject for mail in sinks[0].mails()] == ["[LVS_DEVEL] Realserver - DOWN", "again"]
        sinks[0].stop()
