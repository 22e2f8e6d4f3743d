# SPDX-License-Identifier: Apache-2.0
"""Hypothesis: configurations that can run, and a file that says each of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from hypothesis import strategies

from bascule.config.routing_words import route_in_words, rule_in_words
from bascule.config.spelling import decimal, line_of, spelled
from bascule.model.base import IPAddress, Priority, Seconds, Vrid, Weight
from bascule.model.configuration import (
    AuthType,
    BasculeOptions,
    Configuration,
    GlobalDefinitions,
    MailSettings,
    OldChecksum,
    RealServerConfig,
    TcpCheck,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
    XdpMode,
)
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServerId, ServiceId
from tests.config.lines_with_text import address_line, addresses, routes, rules, virtual_addresses


def _texts(alphabet: str) -> strategies.SearchStrategy[str]:
    """Texts that no definition stands in."""
    texts = strategies.text(strategies.sampled_from(alphabet), min_size=1, max_size=8)
    return texts.filter(lambda text: "${" not in text)


PRIORITY_OWNER = 255
NAMES = _texts("abVI_1 {}#!@$~.'äö")
INTERFACES = strategies.sampled_from(["eth0", "eth1.100", "bond0"])
VIPS = strategies.integers(1, 60).map(lambda number: ipaddress.ip_address(f"192.168.2.{number}"))
SERVERS = strategies.integers(1, 250).map(lambda number: ipaddress.ip_address(f"10.0.0.{number}"))
EXCLUDED = strategies.lists(addresses(4) | addresses(6), unique=True, max_size=1)
SECONDS = strategies.integers(1, 4_000_000_000).map(lambda number: Seconds(number / 1e6))
WHOLE_SECONDS = strategies.integers(1, 255).map(lambda number: Seconds(float(number)))
PORTS = strategies.integers(1, 65535)


def _maybe(values: strategies.SearchStrategy[object]) -> strategies.SearchStrategy[object]:
    return strategies.none() | values


CHECKS: strategies.SearchStrategy[TcpCheck] = strategies.builds(
    TcpCheck,
    connect_address=_maybe(SERVERS),
    connect_port=_maybe(PORTS),
    bind_address=_maybe(SERVERS),
    connect_timeout=SECONDS,
    retry=strategies.integers(0, 99),
    delay_before_retry=SECONDS,
    delay_loop=SECONDS,
    warmup=_maybe(SECONDS),
    alpha=strategies.booleans(),
)


@strategies.composite
def _instances(draw: strategies.DrawFn, name: str, vrid: int) -> VrrpInstance:
    vips = draw(strategies.lists(VIPS, unique=True, max_size=3))
    state = draw(strategies.sampled_from([VrrpState.MASTER, VrrpState.BACKUP]))
    password = draw(_texts("abc1 #!{}$"))
    with_password = draw(strategies.booleans())
    priority = Priority(draw(strategies.integers(1, 255)))
    return VrrpInstance(
        name=name,
        interface=draw(INTERFACES),
        vrid=Vrid(vrid),
        initial_state=state,
        priority=priority,
        advert_interval=draw(WHOLE_SECONDS),
        auth_type=AuthType.PASS if with_password else AuthType.NONE,
        auth_pass=password.encode() if with_password else b"",
        virtual_addresses=tuple(draw(virtual_addresses(address)) for address in vips),
        excluded_addresses=tuple(draw(virtual_addresses(address)) for address in draw(EXCLUDED)),
        virtual_routes=tuple(draw(strategies.lists(routes(), max_size=1))),
        virtual_rules=tuple(draw(strategies.lists(rules(), max_size=1))),
        multicast_source=draw(strategies.none() | SERVERS),
        nopreempt=state is VrrpState.BACKUP and priority < PRIORITY_OWNER and draw(strategies.booleans()),
        old_unicast_checksum=draw(strategies.sampled_from(OldChecksum)),
        smtp_alert=draw(strategies.booleans()),
        garp_master_delay=draw(WHOLE_SECONDS),
        garp_master_repeat=draw(strategies.integers(1, 9)),
    )


@strategies.composite
def _services(draw: strategies.DrawFn, address: IPAddress) -> VirtualServerConfig:
    port = draw(PORTS)
    servers = tuple(
        RealServerConfig(
            address=server,
            port=port,
            weight=Weight(draw(strategies.integers(1, 100))),
            inhibit_on_failure=draw(strategies.booleans()),
            checks=tuple(draw(strategies.lists(CHECKS, max_size=2))),
            smtp_alert=draw(strategies.booleans()),
        )
        for server in draw(strategies.lists(SERVERS, unique=True, min_size=1, max_size=3))
    )
    quorum = draw(strategies.integers(1, sum(server.weight for server in servers)))
    return VirtualServerConfig(
        id=ServiceId(protocol=draw(strategies.sampled_from([Protocol.TCP, Protocol.UDP])), address=address, port=port),
        scheduler=draw(strategies.sampled_from([Scheduler.RR, Scheduler.WRR, Scheduler.LC, Scheduler.WLC])),
        forwarding=ForwardingMethod.DR,
        persistence_timeout=draw(strategies.none() | WHOLE_SECONDS),
        delay_loop=draw(SECONDS),
        ha_suspend=draw(strategies.booleans()),
        quorum=quorum,
        hysteresis=draw(strategies.integers(0, quorum - 1)),
        sorry_server=draw(strategies.none() | strategies.builds(ServerId, address=SERVERS, port=strategies.just(port))),
        real_servers=servers,
        smtp_alert=draw(strategies.booleans()),
    )


@strategies.composite
def configurations(draw: strategies.DrawFn) -> Configuration:
    """Configurations that can run."""
    names = draw(strategies.lists(NAMES, unique=True, max_size=3))
    receivers = draw(strategies.lists(NAMES, max_size=2))
    return Configuration(
        files=("k.conf",),
        globals=GlobalDefinitions(
            router_id=draw(strategies.none() | NAMES),
            mail=MailSettings(
                to=tuple(receivers),
                server="127.0.0.1" if receivers else None,
                port=draw(PORTS) if receivers else 25,
                connect_timeout=draw(WHOLE_SECONDS),
            ),
        ),
        instances=tuple(draw(_instances(name, vrid)) for vrid, name in enumerate(names, 1)),
        virtual_servers=tuple(draw(_services(each)) for each in draw(strategies.lists(VIPS, unique=True, max_size=3))),
        options=BasculeOptions(
            xdp_mode=draw(strategies.sampled_from(XdpMode)), vip_lifetime=draw(strategies.none() | WHOLE_SECONDS)
        ),
        static_addresses=tuple(draw(virtual_addresses(address, static=True)) for address in draw(EXCLUDED)),
        static_routes=tuple(draw(strategies.lists(routes(static=True), max_size=1))),
        static_rules=tuple(draw(strategies.lists(rules(static=True), max_size=1))),
    )


def text_of(configuration: Configuration) -> str:
    """A file that says a configuration, with every setting in it."""
    lines = [
        *_globals(configuration.globals),
        *_options(configuration.options),
        *_lines("static_ipaddress", map(address_line, configuration.static_addresses)),
        *_lines("static_routes", map(route_in_words, configuration.static_routes)),
        *_lines("static_rules", map(rule_in_words, configuration.static_rules)),
        *(line for instance in configuration.instances for line in _instance(instance)),
        *(line for service in configuration.virtual_servers for line in _service(service)),
    ]
    return "".join(f"{line}\n" for line in lines)


def _settings(**values: object) -> Iterator[str]:
    """A line for each keyword that is not None."""
    for keyword, value in values.items():
        if isinstance(value, bool):
            yield f"{keyword} {'on' if value else 'off'}"
        elif isinstance(value, float):
            yield f"{keyword} {decimal(value)}"
        elif value is not None:
            yield f"{keyword} {value}"


def _globals(globals_: GlobalDefinitions) -> Iterator[str]:
    mail = globals_.mail
    yield "global_defs {"
    if globals_.router_id is not None:
        yield line_of([globals_.router_id], "router_id")
    if mail.to:
        yield from ("notification_email {", *(line_of([each]) for each in mail.to), "}")
        yield f"smtp_server {mail.server} {mail.port}"
    yield from (*_settings(smtp_connect_timeout=mail.connect_timeout), "}")


def _options(options: BasculeOptions) -> Iterator[str]:
    yield from ("bascule {", *_settings(xdp_mode=options.xdp_mode.value, vip_lifetime=options.vip_lifetime), "}")


def _instance(instance: VrrpInstance) -> Iterator[str]:
    yield f"vrrp_instance {spelled(instance.name)} {{"
    yield from _settings(
        interface=instance.interface,
        virtual_router_id=instance.vrid,
        state=instance.initial_state.value,
        priority=instance.priority,
        advert_int=instance.advert_interval,
        mcast_src_ip=instance.multicast_source,
        smtp_alert=instance.smtp_alert,
        garp_master_delay=instance.garp_master_delay,
        garp_master_repeat=instance.garp_master_repeat,
    )
    if instance.nopreempt:
        yield "nopreempt"
    if instance.old_unicast_checksum is not OldChecksum.AUTO:
        never = instance.old_unicast_checksum is OldChecksum.NEVER
        yield "old_unicast_checksum never" if never else "old_unicast_checksum"
    if instance.auth_type is AuthType.PASS:
        password = line_of([instance.auth_pass.decode()], "auth_pass")
        yield from ("authentication {", "auth_type PASS", password, "}")
    yield from _lines("virtual_ipaddress", map(address_line, instance.virtual_addresses))
    yield from _lines("virtual_ipaddress_excluded", map(address_line, instance.excluded_addresses))
    yield from _lines("virtual_routes", map(route_in_words, instance.virtual_routes))
    yield from _lines("virtual_rules", map(rule_in_words, instance.virtual_rules))
    yield "}"


def _lines(keyword: str, lines: Iterable[str]) -> Iterator[str]:
    """A block of lines."""
    yield from (f"{keyword} {{", *lines, "}")


def _service(service: VirtualServerConfig) -> Iterator[str]:
    yield f"virtual_server {service.id.address} {service.id.port} {{"
    yield from _settings(
        lb_algo=service.scheduler.value,
        lb_kind=service.forwarding.value,
        protocol=service.protocol.name,
        persistence_timeout=service.persistence_timeout,
        delay_loop=service.delay_loop,
        quorum=service.quorum,
        hysteresis=service.hysteresis,
        smtp_alert=service.smtp_alert,
    )
    if service.ha_suspend:
        yield "ha_suspend"
    if service.sorry_server is not None:
        yield f"sorry_server {service.sorry_server.address} {service.sorry_server.port}"
    for server in service.real_servers:
        yield f"real_server {server.address} {server.port} {{"
        yield from _settings(
            weight=server.weight, inhibit_on_failure=server.inhibit_on_failure, smtp_alert=server.smtp_alert
        )
        for check in server.checks:
            yield from _check(check)
        yield "}"
    yield "}"


def _check(check: TcpCheck) -> Iterator[str]:
    yield "TCP_CHECK {"
    yield from _settings(
        connect_ip=check.connect_address,
        connect_port=check.connect_port,
        bindto=check.bind_address,
        connect_timeout=check.connect_timeout,
        retry=check.retry,
        delay_before_retry=check.delay_before_retry,
        delay_loop=check.delay_loop,
        warmup=check.warmup,
        alpha=check.alpha,
    )
    yield "}"
