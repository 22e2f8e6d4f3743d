# SPDX-License-Identifier: Apache-2.0
"""The command line of ipvsadm 1.31: its options, its complaints word for word, its exit statuses (ipvsadm(8)).

Options are read left to right, the first one is the command. Of the commands only the lists are built; the others are
understood, and refused in our own words.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from collections.abc import Iterator, Sequence

from bascule.cli.ipvsadm_tables import Layout
from bascule.errors import UsageError
from bascule.model.service import Protocol, ServiceId

USAGE_STATUS = 2
PARSER_STATUS = 255
"""What popt's own complaints end with."""

TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."


class IpvsadmError(Exception):
    """A complaint of ipvsadm's: printed as it is, with its exit status."""

    def __init__(self, text: str, status: int) -> None:
        """Give the text for standard error and the exit status."""
        super().__init__(text)
        self.status = status


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """An option: its name in complaints, how it is spelt, whether it takes a value."""

    name: str
    spellings: tuple[str, ...]
    value: bool = False
    listed: bool = False
    """It means something to --list."""


COMMANDS = (
    Option("add-service", ("-A", "--add-service")),
    Option("edit-service", ("-E", "--edit-service")),
    Option("delete-service", ("-D", "--delete-service")),
    Option("clear", ("-C", "--clear")),
    Option("restore", ("-R", "--restore")),
    Option("save", ("-S", "--save")),
    Option("add-server", ("-a", "--add-server")),
    Option("edit-server", ("-e", "--edit-server")),
    Option("delete-server", ("-d", "--delete-server")),
    Option("zero", ("-Z", "--zero")),
    Option("set", ("--set",)),
    Option("start-daemon", ("--start-daemon",)),
    Option("stop-daemon", ("--stop-daemon",)),
    Option("list", ("-L", "-l", "--list")),
    Option("help", ("-h", "--help")),
    Option("version", ("-v", "--version")),
)

OPTIONS = (
    Option("service-address", ("-t", "--tcp-service"), value=True, listed=True),
    Option("service-address", ("-u", "--udp-service"), value=True, listed=True),
    Option("service-address", ("--sctp-service",), value=True, listed=True),
    Option("service-address", ("-f", "--fwmark-service"), value=True, listed=True),
    Option("ipv6", ("-6", "--ipv6"), listed=True),
    Option("connection", ("-c", "--connection"), listed=True),
    Option("timeout", ("--timeout",), listed=True),
    Option("daemon", ("--daemon",), listed=True),
    Option("stats", ("--stats",), listed=True),
    Option("rate", ("--rate",), listed=True),
    Option("thresholds", ("--thresholds",), listed=True),
    Option("persistent-conn", ("--persistent-conn",), listed=True),
    Option("tun-info", ("--tun-info",), listed=True),
    Option("nosort", ("--nosort",), listed=True),
    Option("sort", ("--sort",), listed=True),
    Option("exact", ("--exact",), listed=True),
    Option("numeric", ("-n", "--numeric"), listed=True),
    Option("scheduler", ("-s", "--scheduler"), value=True),
    Option("pe", ("--pe",), value=True),
    Option("persistent", ("-p", "--persistent")),
    Option("netmask", ("-M", "--netmask"), value=True),
    Option("real-server", ("-r", "--real-server"), value=True),
    Option("forward", ("-g", "--gatewaying")),
    Option("forward", ("-i", "--ipip")),
    Option("forward", ("-m", "--masquerading")),
    Option("weight", ("-w", "--weight"), value=True),
    Option("u-threshold", ("-x", "--u-threshold"), value=True),
    Option("l-threshold", ("-y", "--l-threshold"), value=True),
    Option("ops", ("-o", "--ops")),
    Option("sched-flags", ("-b", "--sched-flags"), value=True),
)

EXCLUSIVE = ("connection", "service-address", "timeout", "daemon")
"""At most one of these; a later one is the one complained of."""

ALONE = ("connection", "timeout", "daemon")
"""These list something else than services, so what shapes the table of services makes no sense beside them."""

SHAPES = ("stats", "rate", "thresholds")

_SPELLINGS = {spelling: option for option in (*COMMANDS, *OPTIONS) for spelling in option.spellings}
_PROTOCOLS = {"-t": Protocol.TCP, "-u": Protocol.UDP, "--sctp-service": Protocol.SCTP}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for."""

    command: str = "list"
    what: str = "services"
    """Of --list: services, connection, timeout, daemon."""
    layout: Layout = Layout.PLAIN
    numeric: bool = False
    exact: bool = False
    sort: bool = True
    persistent: bool = False
    service: ServiceId | None = None
    """Only this service."""
    firewall_mark: bool = False
    """A service by mark was asked for; we have none."""


def parse(arguments: Sequence[str]) -> Request:
    """What the arguments ask for. Raises IpvsadmError, or UsageError for what is not built yet."""
    if not arguments:
        return Request()
    given: dict[str, tuple[str, str]] = {}
    loose: list[str] = []
    for option, item, value in _split(arguments):
        if option is None:
            loose.append(item)
        else:
            _check_place(option, item, given)
            given[option.name] = (option.spellings[0], value)
    command = next(iter(given))
    if command in ("help", "version"):
        return Request(command=command)
    if command != "list":
        raise UsageError(f"ipvsadm {arguments[0]}: changing or saving tables by hand is not built yet; use the file")
    return _listing(given, loose)


def _split(arguments: Sequence[str]) -> Iterator[tuple[Option | None, str, str]]:
    """(option, its argument as typed, its value) from left to right; loose arguments have no option."""
    rest = list(arguments)
    first = True
    while rest:
        item = rest.pop(0)
        for spelling, attached in _spellings(item):
            option = _SPELLINGS.get(spelling)
            if first and option not in COMMANDS:
                raise IpvsadmError(TRY_HELP, PARSER_STATUS)
            if spelling == item and not item.startswith("-"):
                yield None, item, ""
                continue
            if option is None:
                raise IpvsadmError(f"{item}: unknown option", PARSER_STATUS)
            yield option, item, _value(option, item, attached, rest)
            first = False
            if option.value or option.name in ("help", "version"):
                break
        if not first and _SPELLINGS.get(item) in COMMANDS[-2:]:
            return


def _spellings(item: str) -> Iterator[tuple[str, str | None]]:
    """The options in one argument with what is attached to each: `-Ln`, `-t1.2.3.4:80`, `--tcp-service=1.2.3.4:80`."""
    if item.startswith("--"):
        name, equals, value = item.partition("=")
        yield name, value if equals else None
    elif item.startswith("-") and len(item) > 1:
        for place, letter in enumerate(item[1:], start=2):
            yield f"-{letter}", item[place:] or None
    else:
        yield item, None


def _value(option: Option, item: str, attached: str | None, rest: list[str]) -> str:
    if not option.value:
        return ""
    if attached is not None:
        return attached
    if not rest:
        raise IpvsadmError(f"{item}: missing argument", PARSER_STATUS)
    return rest.pop(0)


def _check_place(option: Option, item: str, given: dict[str, tuple[str, str]]) -> None:
    if option in COMMANDS and given:
        raise IpvsadmError(f"invalid option `{item}'", USAGE_STATUS)
    if option.name == "ipv6" and "service-address" not in given:
        raise IpvsadmError("-6 used before -f\n", USAGE_STATUS)
    if option.name in given:
        raise IpvsadmError(f"multiple '{option.name}' options specified", USAGE_STATUS)


def _listing(given: dict[str, tuple[str, str]], loose: list[str]) -> Request:
    service, marked = _selected(given.get("service-address"))
    if loose:
        raise IpvsadmError(f"unexpected argument {loose[0]}", USAGE_STATUS)
    for option in OPTIONS:
        if option.name in given and not option.listed:
            raise IpvsadmError(f"Illegal '{option.name}' option with the 'list' command", USAGE_STATUS)
    present = [name for name in EXCLUSIVE if name in given]
    if len(present) > 1:
        text = f"The option '{present[1]}' conflicts with the '{present[0]}' option in the 'list' command"
        raise IpvsadmError(text, USAGE_STATUS)
    if any(name in given for name in ALONE) and any(name in given for name in SHAPES):
        raise IpvsadmError("options conflicts in the list command", USAGE_STATUS)
    layout = next((layout for layout in list(Layout)[1:] if layout.value in given), Layout.PLAIN)
    if "tun-info" in given and layout is Layout.PLAIN:
        raise UsageError("ipvsadm --tun-info: tunnels are not built yet")
    return Request(
        what=next((name for name in ALONE if name in given), "services"),
        layout=layout,
        numeric="numeric" in given,
        exact="exact" in given,
        sort="nosort" not in given,
        persistent="persistent-conn" in given,
        service=service,
        firewall_mark=marked,
    )


def _selected(given: tuple[str, str] | None) -> tuple[ServiceId | None, bool]:
    """The service that is meant, or that it is one by firewall mark."""
    if given is None:
        return None, False
    spelling, text = given
    if spelling == "-f":
        if not text.isdigit() or int(text) == 0:
            raise IpvsadmError(f"invalid fwmark value `{text}' specified", USAGE_STATUS)
        return None, True
    return _service(_PROTOCOLS[spelling], text), False


def _service(protocol: Protocol, text: str) -> ServiceId:
    """`HOST[:PORT]`, `[ADDRESS]:PORT`, names allowed for both."""
    host, port = _host_and_port(text)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        number = int(port) if port.isdigit() else socket.getservbyname(port, protocol.value)
        if not 0 <= number <= 65535:
            raise ValueError(port)
    except (OSError, ValueError, UnicodeError):
        raise IpvsadmError("illegal virtual server address[:port] specified", USAGE_STATUS) from None
    return ServiceId(protocol=protocol, address=ipaddress.ip_address(found[0][4][0]), port=number)


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":") or "0"
    if text.count(":") > 1:
        return text, "0"
    host, _, port = text.partition(":")
    return host, port or "0"
