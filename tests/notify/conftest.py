# SPDX-License-Identifier: Apache-2.0
"""Mail servers for tests: a real one that keeps what it gets, one that refuses, and one that never says a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """The handler of a mail server on loopback."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.helos: list[str] = []
        self.refusals: dict[str, str] = {}
        """Recipient (or `DATA`, `MAIL`): the answer that refuses it."""
        self.port = 0

    async def handle_HELO(self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str) -> str:  # noqa: N802
        session.host_name = hostname
        self.helos.append(hostname)
        return "250 sink"

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "MAIL" in self.refusals:
            return self.refusals["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that works."""
    handler = Sink()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        handler.port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


@pytest.fixture
def hanging_port() -> Iterator[int]:
    """A mail server that accepts connections and never speaks."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hold() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5.0)
            for connection in held:
                connection.close()
