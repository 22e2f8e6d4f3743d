# SPDX-License-Identifier: Apache-2.0
"""The seed's system, set up in namespaces: everything that a demonstration needs before its first act.

Directors by `bascule run` on the example files, real servers prepared by `bascule realserver`, nginx, relays, clients,
captures. All times that a stage gives are seconds since its start.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
import types
from collections.abc import Callable, Iterator

from bascule.config.loader import load
from bascule.config.render import as_text
from bascule.errors import ConfigurationError, UsageError
from bascule.lab import examples
from bascule.lab.captures import Captures
from bascule.lab.directors import Director, program
from bascule.lab.mail_sink import MailSink
from bascule.lab.metronome import Metronome
from bascule.lab.network import LabHost, Network
from bascule.lab.records import Mail, Request
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED, HostRole
from bascule.lab.traffic import Traffic
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress
from bascule.model.configuration import Configuration, RealServerConfig, VirtualServerConfig, VrrpInstance

STEADY_CLIENTS = 8
"""Client addresses that ask all the time; the rest are visitors."""
REALSERVER_SECONDS = 15.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one director's file says, as far as the demonstration looks at it."""

    file: pathlib.Path
    configuration: Configuration
    instance: VrrpInstance
    service: VirtualServerConfig

    @classmethod
    def read(cls, file: pathlib.Path) -> Plan:
        """Load a file. Raises ConfigurationError."""
        configuration, diagnostics = load([file])
        if configuration is None or len(configuration.instances) != 1 or len(configuration.virtual_servers) != 1:
            text = as_text(diagnostics, False)
            raise ConfigurationError(f"{file}: the demonstration needs one instance and one service\n{text}")
        (instance,), (service,) = configuration.instances, configuration.virtual_servers
        return cls(file=file, configuration=configuration, instance=instance, service=service)


class Stage:
    """The system between `with` and its end."""

    def __init__(self, *, fast: bool) -> None:
        """Nothing is made yet."""
        self.origin = time.monotonic()
        self.fast = fast
        self.network = Network(SEED)
        self.plans: dict[str, Plan] = {}
        self.directors: dict[str, Director] = {}
        self.servers: dict[IPAddress, Nginx] = {}
        self.sinks: tuple[MailSink, ...] = ()
        self._traffic: Traffic | None = None
        self._visitors: Iterator[IPAddress] = iter(())
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Stage:
        """Build the network, and everything in it that is not running yet. Raises BasculeError."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.network)
            files = examples.files(self.network.folder, fast=self.fast)
            self.plans = {name: Plan.read(file) for name, file in files.items()}
            self.directors = {name: Director(self.network.host(name), file) for name, file in files.items()}
            hosts = {host.host.address: host for host in self.network.hosts.values()}
            self.servers = {server.address: Nginx(hosts[server.address]) for server in self.service.real_servers}
            self.sinks = tuple(MailSink(d.host, origin=self.origin) for d in self.directors.values())
            for sink in self.sinks:
                stack.callback(sink.stop)
            self.captures = stack.enter_context(
                Captures(self.network, tuple(d.host for d in self.directors.values()), self.virtual, self.port)
            )
            self._metronome = stack.enter_context(Metronome(self.network.folder))
            (clients,) = SEED.of(HostRole.CLIENT)
            addresses = clients.links[0].plain_addresses
            self._visitors = iter(addresses[STEADY_CLIENTS:])
            self._traffic = Traffic(
                self.network.host(clients.name),
                addresses[:STEADY_CLIENTS],
                self.virtual,
                self.port,
                origin=self.origin,
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Take everything down."""
        self._stack.__exit__(kind, error, trace)

    @property
    def service(self) -> VirtualServerConfig:
        """The virtual service; both files have the same."""
        return self.plans["d1"].service

    @property
    def virtual(self) -> IPAddress:
        """The VIP."""
        return self.service.id.address

    @property
    def port(self) -> int:
        """The service's port."""
        return self.service.id.port

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.origin

    def start_traffic(self) -> None:
        """Let the clients ask from now until `stop_traffic`, or the stage's end."""
        assert self._traffic is not None
        self._stack.enter_context(self._traffic)

    def stop_traffic(self) -> None:
        """Nobody asks any more; `requests` is final."""
        if self._traffic is not None:
            self._traffic.stop()

    def requests(self) -> tuple[Request, ...]:
        """Every request so far."""
        return self._traffic.requests() if self._traffic is not None else ()

    def visit(self, client: IPAddress) -> Request:
        """One request from a visitor's address."""
        assert self._traffic is not None
        return self._traffic.visit(client)

    def visitor(self) -> IPAddress:
        """A client address that has not asked yet. Raises UsageError when there is none."""
        address = next(self._visitors, None)
        if address is None:
            raise UsageError("every client address of the lab has asked already")
        return address

    def host_of(self, server: RealServerConfig) -> LabHost:
        """The host that is this real server."""
        return self.servers[server.address].host

    def realserver(self, host: LabHost, verb: str) -> tuple[int, str]:
        """`bascule realserver VERB --vip ...` in a host: its exit status and what it printed."""
        command = [program(), "realserver", verb, "--vip", str(self.virtual), "--run-dir", str(host.folder / "run")]
        done = host.run(command, check=False, timeout=REALSERVER_SECONDS)
        return done.returncode, (done.stdout + done.stderr).strip()

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """`wait_for`, with both directors' logs and tables as evidence."""
        wait_for(condition, seconds, what, evidence=self.evidence)

    def wait_until(self, moment: float) -> None:
        """Let time pass until `moment`, seconds since the start."""
        wait_for(lambda: self.now() >= moment, max(moment - self.now(), 0.0) + 1.0, f"{moment:.1f} s to have passed")

    def mails(self) -> tuple[Mail, ...]:
        """What came to the relays, in the order of time."""
        return tuple(sorted((mail for sink in self.sinks for mail in sink.mails()), key=lambda mail: mail.at))

    def last_advert(self, director: str, before: float) -> float | None:
        """When the director's last advert before a moment passed."""
        at = self.captures.last_advert(director, before + self.origin)
        return None if at is None else at - self.origin

    def announced(self, director: str, after: float) -> float | None:
        """When the director's first gratuitous ARP for the VIP after a moment passed."""
        at = self.captures.first_announcement(director, after + self.origin)
        return None if at is None else at - self.origin

    def machine_late(self, begin: float, end: float) -> float:
        """How late, seconds, this machine let a realtime process be between two moments."""
        return self._metronome.late(begin + self.origin, end + self.origin)

    def evidence(self) -> str:
        """What the directors know."""
        return "\n".join(director.evidence() for director in self.directors.values())
