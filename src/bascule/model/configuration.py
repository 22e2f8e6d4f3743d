# SPDX-License-Identifier: Apache-2.0
"""The typed model of a configuration file: what every role works from. No text and no positions reach this far.

Names follow the file's keywords; times are seconds; defaults are keepalived's.
"""

from __future__ import annotations

import enum

from bascule.model.base import IPAddress, Model, Priority, Seconds, Vrid, Weight
from bascule.model.bfd import BfdSession
from bascule.model.declared import Declared
from bascule.model.routing import Route, Rule
from bascule.model.scripts import Notifies, ScriptSettings, UpDown
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServerId, ServiceId
from bascule.model.tracking import SyncGroup, Tracked, TrackFile, TrackProcess, TrackScript
from bascule.model.virtual_mac import VirtualMac

FOREVER = 2**32 - 1
"""Seconds of a lifetime without end, in the kernel's words."""


class VrrpState(enum.Enum):
    """States of a VRRP instance, under keepalived's names (RFC 9568: Initialize, Backup, Active)."""

    __hash__ = object.__hash__  # Looked up with each event: not by its name, in Python's own code.

    INIT = "INIT"
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    FAULT = "FAULT"


class AuthType(enum.Enum):
    """VRRPv2 authentication (RFC 2338 5.3.6, kept by keepalived)."""

    NONE = "NONE"
    PASS = "PASS"
    AH = "AH"


class ChecksumForm(enum.Enum):
    """What the checksum of an IPv4 advert covers in VRRP version 3; over IPv6 it is always the first."""

    PSEUDO_HEADER = "pseudo_header"
    """Addresses and length too: RFC 5798 as keepalived and FRR read it."""
    MESSAGE = "message"
    """The message alone, as in version 2: RFC 9568."""
    OLD_UNICAST = "old_unicast"
    """The first, but as if the advert went to the group: keepalived up to 1.3.6 between unicast peers."""


class OldChecksum(enum.Enum):
    """`old_unicast_checksum`: what is made of `ChecksumForm.OLD_UNICAST`."""

    AUTO = "auto"
    """Sent from when a peer was heard to send it."""
    SENT = "sent"
    NEVER = "never"
    """Neither sent nor received."""


class DataPlaneChoice(enum.Enum):
    """`data_plane` of the bascule block."""

    AUTO = "auto"
    IPVS = "ipvs"
    XDP = "xdp"


class XdpMode(enum.Enum):
    """`xdp_mode` of the bascule block."""

    AUTO = "auto"
    NATIVE = "native"
    GENERIC = "generic"


class MailSettings(Model, frozen=True, kw_only=True):
    """Where mail goes and through whom. No mail is sent unless both a receiver and a server are set."""

    to: tuple[str, ...] = ()
    sender: str | None = None
    server: str | None = None
    """`smtp_server`: an address or a host name."""
    port: int = 25
    helo_name: str | None = None
    connect_timeout: Seconds = Seconds(30.0)


class SyncDaemon(Model, frozen=True, kw_only=True):
    """`lvs_sync_daemon`: who tells the other director of connections."""

    interface: str
    instance: str | None = None
    """Whose state says which end runs here."""
    identifier: int | None = None
    """None = the instance's VRID."""
    longest: int | None = None
    """Bytes of a packet; None = what the interface takes."""
    port: int = 8848
    ttl: int = 1
    group: IPAddress | None = None
    """None = 224.0.0.81."""


class Timeouts(Model, frozen=True, kw_only=True):
    """`lvs_timeouts`: how long idle connections are remembered; None = the data plane's."""

    tcp: Seconds | None = None
    tcp_fin: Seconds | None = None
    udp: Seconds | None = None


class GlobalDefinitions(Model, frozen=True, kw_only=True):
    """`global_defs`."""

    router_id: str | None = None
    mail: MailSettings = MailSettings()
    smtp_alert: bool | None = None
    """Default of every `smtp_alert` that a block does not set; None = keepalived's defaults."""
    default_interface: str = "eth0"
    """Of static addresses that name none."""
    scripts: ScriptSettings = ScriptSettings()
    sync_daemon: SyncDaemon | None = None
    timeouts: Timeouts | None = None


class VirtualAddress(Model, frozen=True, kw_only=True):
    """A line of `virtual_ipaddress`, `virtual_ipaddress_excluded` or `static_ipaddress`."""

    address: IPAddress
    prefix_length: int
    device: str | None = None
    """None = the instance's interface; of a static address, the default one."""
    label: str | None = None
    scope: int = 0
    """0 = global; of IPv4 addresses only."""
    broadcast: IPAddress | None = None
    peer: IPAddress | None = None
    """The other end of a point-to-point link."""
    home: bool = False
    """The home address of Mobile IPv6."""
    detect_duplicates: bool = False
    """`-nodad`: the kernel looks for duplicates of an IPv6 address before it uses it."""
    mngtmpaddr: bool = False
    noprefixroute: bool = False
    autojoin: bool = False
    preferred_lifetime: int | None = None
    """Seconds, or FOREVER. None = FOREVER, but 0 for an IPv6 address of length 128, as keepalived has it."""
    use_vmac: bool = False
    """The address gets a VMAC interface of its own."""
    no_track: bool = False
    """That others take it off is no fault."""
    track_group: str | None = None
    """Of static addresses: the group of instances that fault when others take it off."""


class UnicastPeer(Model, frozen=True, kw_only=True):
    """A line of `unicast_peer`."""

    address: IPAddress
    min_ttl: int | None = None
    """What its adverts must at least have left of their TTL; None = anything. A bound makes strangers' dropped."""
    max_ttl: int | None = None


class HmacMode(enum.Enum):
    """`mode` of `auth_hmac`."""

    ENFORCE = "enforce"
    """Signs, and refuses what is not signed."""
    PERMISSIVE = "permissive"
    """Signs, and hears what is not signed."""
    RECEIVE_ONLY = "receive-only"
    """Does not sign, and hears what is not signed."""


class HmacKey(Model, frozen=True, kw_only=True):
    """`key` of `auth_hmac`."""

    number: int
    secret: bytes = b""
    """32 to 64 bytes."""
    file: str | None = None
    """Where it stands instead; only the director reads it."""


class AuthHmac(Model, frozen=True, kw_only=True):
    """`auth_hmac`: a trailer behind each advert. What is signed wrongly is refused in every mode."""

    keys: tuple[HmacKey, ...]
    active_key: int
    """What is sent is signed with this one; 0 = nothing is."""
    window: Seconds
    """How far the clocks of two directors may be apart."""
    monotonic: bool = False
    """Clocks are not compared: numbers must only grow."""
    mode: HmacMode = HmacMode.ENFORCE


class AnnouncementGap(Model, frozen=True, kw_only=True):
    """`garp_group`: how far apart announcements leave by some interfaces together."""

    interfaces: tuple[str, ...] = ()
    """Empty = each interface that is in no other entry, by itself (`vrrp_garp_interval`, `vrrp_gna_interval`)."""
    arp: Seconds = Seconds(0.0)
    na: Seconds = Seconds(0.0)


class VrrpInstance(Model, frozen=True, kw_only=True):
    """`vrrp_instance NAME`."""

    name: str
    interface: str
    vrid: Vrid
    initial_state: VrrpState = VrrpState.BACKUP
    priority: Priority = Priority(100)
    advert_interval: Seconds = Seconds(1.0)
    version: int = 2
    auth_type: AuthType = AuthType.NONE
    auth_pass: bytes = b""
    """At most 8 bytes; padded with zeros on the wire."""
    virtual_addresses: tuple[VirtualAddress, ...] = ()
    excluded_addresses: tuple[VirtualAddress, ...] = ()
    """`virtual_ipaddress_excluded`: on with the others, and in no advert. Of either family."""
    virtual_routes: tuple[Route, ...] = ()
    virtual_rules: tuple[Rule, ...] = ()
    multicast_source: IPAddress | None = None
    """`mcast_src_ip`; None = the interface's first address. Never one of the virtual addresses."""
    nopreempt: bool = False
    smtp_alert: bool = False
    sync_daemon_interface: str | None = None
    garp_master_delay: Seconds = Seconds(5.0)
    garp_master_repeat: int = 5
    garp_master_refresh: Seconds = Seconds(0.0)
    """Between announcements for as long as it is active; 0 = there are none."""
    garp_master_refresh_repeat: int = 1
    garp_lower_prio_delay: Seconds = Seconds(5.0)
    garp_lower_prio_repeat: int = 5
    lower_prio_no_advert: bool = False
    higher_prio_send_advert: bool = True
    skip_check_adv_addr: bool = False
    """The addresses in an advert of who sent the one before are not compared."""
    accept: bool = True
    """False: what is sent to the virtual addresses is dropped, unless by the owner (priority 255)."""
    auth_hmac: AuthHmac | None = None
    multicast_group: IPAddress | None = None
    """None = the protocol's."""
    checksum_form: ChecksumForm = ChecksumForm.PSEUDO_HEADER
    """How adverts of version 3 over IPv4 are sent; each form is received."""
    old_unicast_checksum: OldChecksum = OldChecksum.AUTO
    """Between unicast peers this goes before `checksum_form`."""
    native_ipv6: bool = False
    """An IPv6 instance although no virtual address says so."""
    preempt_delay: Seconds = Seconds(0.0)
    """How much later than else an active of lower priority is preempted, from when it was first heard."""
    down_timer_adverts: int = 3
    """Advert intervals that an active may be silent, besides the skew time."""
    unicast_source: IPAddress | None = None
    """`unicast_src_ip`; None = the interface's first address."""
    unicast_peers: tuple[UnicastPeer, ...] = ()
    """Empty = adverts by multicast."""
    unicast_ttl: int = 255
    check_unicast_source: bool = False
    """Drop unicast adverts of senders that are no peers."""
    notify: Notifies = Notifies()
    sync_group: str | None = None
    """The `vrrp_sync_group` that it is in."""
    tracked: tuple[Tracked, ...] = ()
    track_primary: bool = True
    """That its own interface is down is a fault (`dont_track_primary`: it is none)."""
    virtual_mac: VirtualMac | None = None
    """`use_vmac`; None = the virtual addresses are at the interface's own MAC."""

    @property
    def family(self) -> int:
        """4 or 6: the IP version of the adverts and of the virtual addresses."""
        if self.native_ipv6:
            return 6
        spoken = [virtual.address for virtual in self.virtual_addresses[:1]]
        spoken += [peer.address for peer in self.unicast_peers[:1]]
        return spoken[0].version if spoken else 4


class TcpCheck(Model, frozen=True, kw_only=True, tag="tcp_check"):
    """`TCP_CHECK`: a connection that opens is a healthy server."""

    connect_address: IPAddress | None = None
    """None = the real server's."""
    connect_port: int | None = None
    """None = the real server's."""
    bind_address: IPAddress | None = None
    connect_timeout: Seconds = Seconds(5.0)
    retry: int = 1
    """Failed attempts after the first before the server is down."""
    delay_before_retry: Seconds = Seconds(1.0)
    delay_loop: Seconds = Seconds(60.0)
    """Between two completed checks; from the virtual server unless the check sets its own."""
    warmup: Seconds | None = None
    """The first check starts at a random moment within this span; None = within delay_loop, as keepalived."""
    alpha: bool = False
    """The server counts as down until this check has passed once."""


class RealServerConfig(Model, frozen=True, kw_only=True):
    """`real_server ADDRESS PORT` inside a virtual server."""

    address: IPAddress
    port: int
    weight: Weight = Weight(1)
    forwarding: ForwardingMethod = ForwardingMethod.DR
    inhibit_on_failure: bool = False
    """A failed server stays in the table with weight 0 instead of leaving it."""
    upper_threshold: int = 0
    lower_threshold: int = 0
    checks: tuple[TcpCheck, ...] = ()
    smtp_alert: bool = True
    """keepalived mails real-server changes unless told not to."""
    notify: UpDown = UpDown()
    """`notify_up`, `notify_down`."""

    @property
    def id(self) -> ServerId:
        """This server's name inside its service."""
        return ServerId(address=self.address, port=self.port)


class VirtualServerConfig(Model, frozen=True, kw_only=True):
    """`virtual_server ADDRESS PORT`."""

    id: ServiceId
    scheduler: Scheduler = Scheduler.WLC
    forwarding: ForwardingMethod = ForwardingMethod.NAT
    persistence_timeout: Seconds | None = None
    delay_loop: Seconds = Seconds(60.0)
    ha_suspend: bool = False
    """Checks of this service pause while its virtual address is not on this director."""
    alpha: bool = False
    omega: bool = False
    quorum: int = 1
    hysteresis: int = 0
    sorry_server: ServerId | None = None
    real_servers: tuple[RealServerConfig, ...] = ()
    smtp_alert: bool = False
    """keepalived mails quorum changes only when told to."""
    notify: UpDown = UpDown()
    """`quorum_up`, `quorum_down`."""

    @property
    def protocol(self) -> Protocol:
        """The service's transport protocol."""
        return self.id.protocol


class WitnessRule(enum.Enum):
    """How many of several witnesses have to answer."""

    ANY = "any"
    ALL = "all"


class BasculeOptions(Model, frozen=True, kw_only=True):
    """The `bascule` block."""

    data_plane: DataPlaneChoice = DataPlaneChoice.AUTO
    xdp_interfaces: tuple[str, ...] = ()
    """Empty = the interfaces that the services' addresses and real servers are reached by."""
    xdp_mode: XdpMode = XdpMode.AUTO
    connection_table_size: int = 4_194_304
    """Slots of the XDP director's connection table (16 bytes each)."""
    vip_lifetime: Seconds | None = None
    """How long a virtual address outlives a daemon that died whole; 0 = for ever, None = a few down intervals."""
    ready_timeout: Seconds | None = None
    """How long readiness may hold back a preemption; None = three advert intervals."""
    handover_key: str | None = None
    """The secret that signs planned switches; None = each instance's auth_pass."""
    witnesses: tuple[IPAddress, ...] = ()
    """Who must answer before silence makes this director active; empty = nobody."""
    witness_answers: WitnessRule = WitnessRule.ANY
    witness_timeout: Seconds | None = None
    """How long ago one may have been asked for its answer to count; None = an advert interval, at least a second."""


class Configuration(Model, frozen=True, kw_only=True):
    """Everything that the files say."""

    files: tuple[str, ...] = ()
    globals: GlobalDefinitions = GlobalDefinitions()
    instances: tuple[VrrpInstance, ...] = ()
    virtual_servers: tuple[VirtualServerConfig, ...] = ()
    sync_groups: tuple[SyncGroup, ...] = ()
    track_scripts: tuple[TrackScript, ...] = ()
    track_processes: tuple[TrackProcess, ...] = ()
    track_files: tuple[TrackFile, ...] = ()
    bfd_sessions: tuple[BfdSession, ...] = ()
    options: BasculeOptions = BasculeOptions()
    static_addresses: tuple[VirtualAddress, ...] = ()
    """What stays on the machine whoever is active, as the next two."""
    static_routes: tuple[Route, ...] = ()
    static_rules: tuple[Rule, ...] = ()
    announcement_gaps: tuple[AnnouncementGap, ...] = ()
    declared: tuple[Declared, ...] = ()
    """What is accepted and in none of the above: blocks that are left out whole, and single keywords in others."""

    @property
    def has_statics(self) -> bool:
        """Whether something stays on the machine whoever is active."""
        return bool(self.static_addresses or self.static_routes or self.static_rules)
