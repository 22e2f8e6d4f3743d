# SPDX-License-Identifier: Apache-2.0
"""A mail relay that takes everything and keeps it: a real SMTP server in a host's network namespace."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
import time
from typing import TYPE_CHECKING

from bascule.errors import KernelRefusedError
from bascule.lab.network import LabHost
from bascule.lab.records import Mail

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

ADDRESS = ("127.0.0.1", 25)
STOP_SECONDS = 5.0
DATA_MAX = 1 << 20


class MailSink:
    """The relay of one host, at 127.0.0.1:25 in its namespace. It runs in a thread of this process."""

    def __init__(self, host: LabHost, *, origin: float = 0.0) -> None:
        """Nothing listens yet; times of mails are monotonic seconds less `origin`."""
        self.host = host
        self._origin = origin
        self._mails: list[Mail] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def mails(self) -> tuple[Mail, ...]:
        """What it has taken so far."""
        return tuple(self._mails)

    def start(self) -> None:
        """Listen. Raises KernelRefusedError where aiosmtpd is missing, OSError."""
        try:
            from aiosmtpd.smtp import SMTP
        except ImportError as error:
            raise KernelRefusedError("aiosmtpd is missing: install bascule with its extra `lab`") from error

        with self.host.entered():
            listener = socket.create_server(ADDRESS)
        loop = asyncio.new_event_loop()

        def protocol() -> SMTP:
            return SMTP(self, data_size_limit=DATA_MAX, hostname=self.host.name, loop=loop)

        server = loop.run_until_complete(loop.create_server(protocol, sock=listener))
        self._loop = loop
        self._thread = threading.Thread(target=self._serve, args=(loop, server), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every session; connections are refused from then on. Harmless when it has not run."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop = self._thread = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Keep a mail: aiosmtpd calls this by its name."""
        content = envelope.content
        data = content.encode() if isinstance(content, str) else content or b""
        message = email.message_from_bytes(data, policy=email.policy.default)
        body = message.get_body(("plain",))
        self._mails.append(
            Mail(
                director=self.host.name,
                at=time.monotonic() - self._origin,
                sender=envelope.mail_from or "",
                to=tuple(envelope.rcpt_tos),
                subject=str(message["subject"] or ""),
                body=str(body.get_content()).replace("\r\n", "\n") if body is not None else "",
            )
        )
        return "250 OK"

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop, server: asyncio.Server) -> None:
        loop.run_forever()
        loop.run_until_complete(_close(server))
        loop.close()


async def _close(server: asyncio.Server) -> None:
    """Stop listening, and end the sessions that are open."""
    server.close()
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)
    await server.wait_closed()
