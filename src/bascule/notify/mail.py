# SPDX-License-Identifier: Apache-2.0
"""One mail, from its letter to the server's answer (RFC 5321, RFC 5322), in keepalived's form.

Plain SMTP with HELO, as keepalived speaks it: no TLS, no login. Nothing is retried here (see bascule.notify.queue).
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401  (for names, as below)
import dataclasses
import email.header
import email.utils
import encodings.idna  # noqa: F401  (asyncio loads it at the first host name, when root and our files are out of reach)
import errno
import os
import socket
from typing import Protocol

import aiosmtplib

from bascule.errors import BasculeError
from bascule.model.configuration import GlobalDefinitions, MailSettings
from bascule.notify.letters import Letter

MAILER = "bascule"
"""X-Mailer: what made the mail; keepalived says Keepalived there."""

_NOT_AN_ADDRESS = 553
"""RFC 5321's code for a mailbox name that is not allowed."""

_HEADER_MAX = 900
"""Characters of a header that are sent; a line has room for 998 (RFC 5322 2.1.1)."""

_GOODBYE_MAX = 1.0
"""Seconds for saying goodbye to a server that has taken the mail."""


class MailFailedError(BasculeError):
    """The server did not take the mail."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        """`for_good`: trying the same mail again cannot help."""
        super().__init__(why)
        self.for_good = for_good


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Mail:
    """What goes over the wire."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    """Headers and body with CRLF line ends, ASCII."""


class Send(Protocol):
    """How a mail is sent: `send`, or a test's stand-in."""

    async def __call__(self, mail: Mail, settings: MailSettings) -> tuple[str, ...]:
        """Send; the recipients that the server refused although it took the mail, and why. Raises MailFailedError."""
        ...


def is_configured(settings: MailSettings) -> bool:
    """keepalived sends mail only if there is a receiver and a server."""
    return bool(settings.to and settings.server)


def compose(letter: Letter, definitions: GlobalDefinitions) -> Mail:
    """The mail for a letter; what the file leaves out is the local host's name, as in keepalived."""
    host = socket.gethostname()
    settings = definitions.mail
    sender = settings.sender or f"keepalived@{host}"
    headers = {
        "Date": email.utils.formatdate(letter.at, localtime=True),
        "From": sender,
        "Subject": f"[{definitions.router_id or host}] {letter.subject}",
        "X-Mailer": MAILER,
        "To": ", ".join(settings.to),
    }
    lines = [f"{name}: {_header(value)}" for name, value in headers.items()]
    text = "\r\n".join([*lines, "", f"=> {_one_line(letter.body)} <=", "", ""])
    return Mail(
        sender=email.utils.parseaddr(sender)[1],
        recipients=tuple(email.utils.parseaddr(to)[1] for to in settings.to),
        data=text.encode("ascii", "backslashreplace"),
    )


async def send(mail: Mail, settings: MailSettings) -> tuple[str, ...]:
    """One try, within `smtp_connect_timeout` as a whole.

    Returns the recipients, each with the server's words, that it refused while it took the mail for others.
    Raises MailFailedError.
    """
    client = aiosmtplib.SMTP(
        hostname=settings.server,
        port=settings.port,
        local_hostname=settings.helo_name or socket.gethostname(),
        timeout=settings.connect_timeout,
        start_tls=False,
    )
    try:
        async with asyncio.timeout(settings.connect_timeout):
            await client.connect()
            await client.helo()
            refused = await _transact(client, mail, settings)
        await _say_goodbye(client)
    except TimeoutError as error:
        raise MailFailedError(f"{_name(settings)}: no answer within {settings.connect_timeout:g} s") from error
    except aiosmtplib.SMTPResponseException as error:
        why = f"{_name(settings)}: {error.code} {error.message}"
        raise MailFailedError(why, for_good=error.code >= 500) from error
    except ValueError as error:
        raise MailFailedError(f"{_name(settings)}: {error}", for_good=True) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailFailedError(f"{_name(settings)}: {_words(error)}") from error
    finally:
        client.close()
    return refused


async def _transact(client: aiosmtplib.SMTP, mail: Mail, settings: MailSettings) -> tuple[str, ...]:
    """MAIL, RCPT for each recipient, DATA if the server accepted one of them; the refusals."""
    await client.mail(mail.sender)
    refusals: dict[str, int] = {}
    for recipient in mail.recipients:
        try:
            await client.rcpt(recipient)
        except aiosmtplib.SMTPResponseException as error:
            refusals[f"{recipient}: {error.code} {error.message}"] = error.code
        except ValueError:
            refusals[f"{recipient}: not an address"] = _NOT_AN_ADDRESS
    if len(refusals) >= len(mail.recipients):
        why = f"{_name(settings)}: {'; '.join(refusals)}"
        raise MailFailedError(why, for_good=all(code >= 500 for code in refusals.values()))
    await client.data(mail.data)
    return tuple(refusals)


async def _say_goodbye(client: aiosmtplib.SMTP) -> None:
    """QUIT. The mail is taken by now: what goes wrong here is the server's affair."""
    try:
        async with asyncio.timeout(_GOODBYE_MAX):
            await client.quit()
    except (TimeoutError, aiosmtplib.SMTPException, OSError):
        return


def _name(settings: MailSettings) -> str:
    return f"[{settings.server}]:{settings.port}"


def _words(error: Exception) -> str:
    """The system's reason behind the library's sentence, where there is one."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
        return os.strerror(cause.errno).lower()
    return str(error)


def _header(value: str) -> str:
    """A header's text: one line, as keepalived writes it; if it is not ASCII, encoded words (RFC 2047) and folded."""
    text = _one_line(value)[:_HEADER_MAX]
    return text if text.isascii() else email.header.Header(text, "utf-8").encode(linesep="\r\n")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
