# SPDX-License-Identifier: Apache-2.0
"""A topology built in network namespaces, and its hosts as handles to run things in.

    with Network(topologies.SEED) as network:
        network.host("d1").run(["ip", "-brief", "address"])

All switches are bridges in one more namespace, so that the machine's own network sees nothing. Leaving the block takes
everything down; what a killed owner left behind, the next network's start removes (`janitor`).
"""

from __future__ import annotations

import contextlib
import ipaddress
import pathlib
import signal
import subprocess
import threading
import types
from collections.abc import Iterable, Iterator, Sequence

from bascule.errors import KernelRefusedError
from bascule.lab import janitor
from bascule.lab.topologies import Host, HostRole, Link, Topology
from bascule.linux import namespaces

SWITCH = "switch"
PASS_OBJECT = pathlib.Path(__file__).parent.parent / "dataplane" / "xdp" / "bpf" / "pass.bpf.o"
COMMAND_SECONDS = 10.0
OFFLOADS_OFF = ("tx", "off", "tso", "off", "gso", "off")
"""XDP hands frames on as they are: checksums and segments must be finished by who sends them."""


class LabHost:
    """A host of a running network."""

    def __init__(self, host: Host, namespace: str, folder: pathlib.Path) -> None:
        """`folder` is the host's own scratch folder."""
        self.host = host
        self.name = host.name
        self.namespace = namespace
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def entered(self) -> contextlib.AbstractContextManager[None]:
        """This thread in the host's network namespace, for the length of a with-block."""
        return namespaces.entered(self.namespace)

    def run(
        self, command: Sequence[str], *, timeout: float = COMMAND_SECONDS, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here to its end; output is captured as text.

        Raises KernelRefusedError with its standard error when `check` and it fails, subprocess.TimeoutExpired.
        """
        with self.entered():
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            shown = (done.stderr or done.stdout).strip()
            raise KernelRefusedError(f"{self.name}: {' '.join(command)}: status {done.returncode}: {shown}")
        return done

    def popen(self, command: Sequence[str], *, log: str) -> subprocess.Popen[bytes]:
        """Start a command here; all its output goes to the end of `log_file(log)`. It ends with the network.

        It has a session of its own: Ctrl-C at the terminal reaches the owner alone, who takes things down in order.
        """
        with self.entered(), self.log_file(log).open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self.started.append(process)
        return process

    def log_file(self, log: str) -> pathlib.Path:
        """The file that `popen(..., log=log)` writes to."""
        return self.folder / f"{log}.log"

    def kill_all(self) -> tuple[int, ...]:
        """SIGKILL to every process in this host at once; returns their ids when all are gone."""
        pids = janitor.kill_processes(self.namespace)
        self.reap()
        return pids

    def reap(self) -> None:
        """Collect the exit status of what has ended."""
        self.started = [process for process in self.started if process.poll() is None]


class Network:
    """A topology, built on entering and taken down on leaving the with-block."""

    def __init__(self, topology: Topology) -> None:
        """Nothing is made yet."""
        self.topology = topology
        self.owner = janitor.owner()
        self.folder = janitor.FOLDER / self.owner
        """Scratch folder of this network; it goes with it."""
        self.hosts: dict[str, LabHost] = {}
        self.switch = self._handle(Host(name=SWITCH, role=HostRole.ROUTER, links=()))

    def host(self, name: str) -> LabHost:
        """The host of this name. Raises KeyError."""
        return self.hosts[name]

    def __enter__(self) -> Network:
        """Build it. Raises KernelRefusedError; then nothing is left behind."""
        janitor.sweep()
        if janitor.namespaces_of(self.owner):
            raise KernelRefusedError("this process has a lab already")
        try:
            with _patient():
                self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Take it down."""
        self.close()

    def close(self) -> None:
        """Take everything down; a second Ctrl-C waits until that is done."""
        with _patient():
            janitor.take_down(self.owner)
            for host in (*self.hosts.values(), self.switch):
                for process in host.started:
                    process.wait(COMMAND_SECONDS)

    def _handle(self, host: Host) -> LabHost:
        return LabHost(host, janitor.namespace_name(self.owner, host.name), self.folder / host.name)

    def _build(self) -> None:
        self.hosts = {host.name: self._handle(host) for host in self.topology.hosts}
        for handle in (self.switch, *self.hosts.values()):
            handle.folder.mkdir(parents=True)
            namespaces.create(handle.namespace)
        self._ip(self.switch, self._switch_commands())
        for handle in self.hosts.values():
            self._ip(handle, _host_commands(handle.host))
            for link in handle.host.links:
                handle.run(["ethtool", "-K", link.interface, *OFFLOADS_OFF])
        self.switch.run(["bridge", "-batch", "-"], stdin="".join(self._forwarding_entries()))

    def _ip(self, handle: LabHost, commands: Iterable[str]) -> None:
        handle.run(["ip", "-batch", "-"], stdin="\n".join(commands) + "\n")

    def _switch_commands(self) -> Iterator[str]:
        for segment in self.topology.segments:
            yield f"link add {segment.name} type bridge mcast_snooping 0"
            yield f"link set {segment.name} up"
        for host in self.topology.hosts:
            namespace = janitor.namespace_name(self.owner, host.name)
            for link in host.links:
                port = port_name(host, link)
                yield f"link add {port} type veth peer name {link.interface} address {mac(link)} netns {namespace}"
                yield f"link set {port} master {link.segment} up"
                if host.role is HostRole.DIRECTOR:
                    yield f"link set {port} xdp obj {pass_object()} sec xdp"

    def _forwarding_entries(self) -> Iterator[str]:
        """Static ones: without them a bridge forgets a silent host after 300 s."""
        for host in self.topology.hosts:
            for link in host.links:
                yield f"fdb replace {mac(link)} dev {port_name(host, link)} master static\n"

    def cut(self, name: str) -> None:
        """Pull the host's cables: its interfaces lose their carrier."""
        self._ports(name, "down")

    def mend(self, name: str) -> None:
        """Put the host's cables back."""
        self._ports(name, "up")

    def _ports(self, name: str, state: str) -> None:
        host = self.hosts[name].host
        self._ip(self.switch, [f"link set {port_name(host, link)} {state}" for link in host.links])


def port_name(host: Host, link: Link) -> str:
    """The bridge-side end of a link, in the switch's namespace: at most 15 characters."""
    return f"{host.name}.{link.segment}"[:15]


def mac(link: Link) -> str:
    """The link's MAC: locally administered, and its last four bytes are the first IPv4 address."""
    first = next(a for a in map(ipaddress.ip_interface, link.addresses) if a.version == 4)
    return ":".join(f"{byte:02x}" for byte in b"\x02\x00" + first.ip.packed)


def _host_commands(host: Host) -> Iterator[str]:
    for link in host.links:
        yield f"link set {link.interface} up"
        for address in link.addresses:
            quick = " nodad" if ipaddress.ip_interface(address).version == 6 else ""
            yield f"address add {address} dev {link.interface}{quick}"
    for route in host.routes:
        yield f"route add {route}"


def pass_object() -> pathlib.Path:
    """The built program that passes every frame. Raises KernelRefusedError where it has not been built."""
    if not PASS_OBJECT.exists():
        raise KernelRefusedError(f"{PASS_OBJECT.name} has not been built: run `make bpf`")
    return PASS_OBJECT


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the block's end: half-built or half-down is what nobody takes down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, _frame: waiting.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in waiting:
            signal.raise_signal(got)
