# SPDX-License-Identifier: Apache-2.0
"""The part of `global_defs` that is about the daemon itself: SNMP, DBus, scripts, sockets, files, reload."""

from __future__ import annotations

from bascule.config.keywords import arguments
from bascule.config.kinds import BOOL, NAME, UINT_MAX, WORD, Decimal, Integer, Kind
from bascule.config.schema import Keyword

DAEMON = (
    Keyword("snmp_socket", WORD, once=True, default="AgentX default", meaning="AgentX master socket"),
    Keyword("enable_traps", default="off (on with -x)", meaning="send SNMP traps"),
    Keyword("enable_snmp_vrrp", default="off (on with -x)", meaning="KEEPALIVED-MIB vrrp part"),
    Keyword(
        "enable_snmp_keepalived",
        value="enable_snmp_vrrp",
        default="off (on with -x)",
        meaning="old name of enable_snmp_vrrp",
    ),
    Keyword("enable_snmp_rfc", default="off (on with -x)", meaning="both RFC2787 and RFC6527 MIBs"),
    Keyword("enable_snmp_rfcv2", default="off (on with -x)", meaning="RFC2787 VRRP-MIB"),
    Keyword("enable_snmp_rfcv3", default="off (on with -x)", meaning="RFC6527 VRRPV3-MIB"),
    Keyword("enable_snmp_checker", default="off (on with -x)", meaning="KEEPALIVED-MIB checker part"),
    Keyword(
        "snmp_vs_stats_update_interval",
        Decimal(0.001, 30),
        default="5",
        later=True,
        meaning="refresh of virtual server statistics for SNMP",
    ),
    Keyword(
        "snmp_rs_stats_update_interval",
        Decimal(0.001, 30),
        default="= vs interval",
        later=True,
        meaning="refresh of real server statistics for SNMP",
    ),
    Keyword("enable_dbus", default="off", meaning="DBus service"),
    Keyword("dbus_service_name", NAME, default="org.keepalived.Vrrp1", meaning="DBus name"),
    Keyword(
        "dbus_no_interface_name", default="off", later=True, meaning="leave the interface out of the DBus object path"
    ),
    Keyword(
        "script_user",
        WORD,
        rest=WORD,
        default="keepalived_script, else root",
        acted=True,
        meaning="default user of scripts",
    ),
    Keyword(
        "enable_script_security",
        default="off",
        acted=True,
        meaning="refuse to run as root a script whose path is writable by others",
    ),
    Keyword(
        "vrrp_netlink_cmd_rcv_bufs",
        Integer(0, UINT_MAX, "BYTES"),
        default="kernel default",
        meaning="receive buffer of that netlink socket",
    ),
    Keyword("vrrp_netlink_cmd_rcv_bufs_force", BOOL, optional=1, default="off", meaning="use SO_RCVBUFFORCE"),
    Keyword(
        "vrrp_netlink_monitor_rcv_bufs",
        Integer(0, UINT_MAX, "BYTES"),
        default="kernel default",
        meaning="receive buffer of that netlink socket",
    ),
    Keyword("vrrp_netlink_monitor_rcv_bufs_force", BOOL, optional=1, default="off", meaning="use SO_RCVBUFFORCE"),
    Keyword(
        "process_monitor_rcv_bufs",
        Integer(0, UINT_MAX, "BYTES"),
        default="kernel default",
        meaning="receive buffer of that netlink socket",
    ),
    Keyword("process_monitor_rcv_bufs_force", BOOL, optional=1, default="off", meaning="use SO_RCVBUFFORCE"),
    Keyword(
        "lvs_netlink_cmd_rcv_bufs",
        Integer(0, UINT_MAX, "BYTES"),
        default="kernel default",
        meaning="receive buffer of that netlink socket",
    ),
    Keyword("lvs_netlink_cmd_rcv_bufs_force", BOOL, optional=1, default="off", meaning="use SO_RCVBUFFORCE"),
    Keyword(
        "lvs_netlink_monitor_rcv_bufs",
        Integer(0, UINT_MAX, "BYTES"),
        default="kernel default",
        meaning="receive buffer of that netlink socket",
    ),
    Keyword("lvs_netlink_monitor_rcv_bufs_force", BOOL, optional=1, default="off", meaning="use SO_RCVBUFFORCE"),
    Keyword("rs_init_notifies", BOOL, optional=1, default="off", meaning="run notify_up for real servers at start too"),
    Keyword(
        "no_checker_emails", BOOL, optional=1, default="off", meaning="mail only at state changes, not for each checker"
    ),
    Keyword(
        "vrrp_rx_bufs_policy",
        reader=arguments.buffers,
        default="kernel default",
        meaning="receive buffer of advert sockets",
    ),
    Keyword("vrrp_rx_bufs_multiplier", Integer(1, UINT_MAX), default="3", meaning="multiple of the above"),
    Keyword("vrrp_startup_delay", Decimal(0.001, 4294), default="0", meaning="wait before instances start"),
    Keyword(
        "vrrp_delay_after_boot",
        Decimal(0.001, 4294),
        default="0",
        later=True,
        meaning="as startup delay, measured from boot",
    ),
    Keyword("log_unknown_vrids", default="off", meaning="log adverts with unknown VRID"),
    Keyword(
        "vrrp_owner_ignore_adverts",
        BOOL,
        optional=1,
        default="off",
        later=True,
        meaning="address owner (priority 255) ignores adverts",
    ),
    Keyword(
        "vmac_prefix", WORD, once=True, default="vrrp", acted=True, meaning="prefix of generated VMAC interface names"
    ),
    Keyword(
        "vmac_addr_prefix",
        WORD,
        once=True,
        default="= vmac_prefix",
        acted=True,
        meaning="prefix of generated names of VMACs of addresses",
    ),
    Keyword("umask", reader=arguments.umask, default="022", meaning="umask of written files"),
    Keyword("random_seed", Integer(0, UINT_MAX), default="time", meaning="seed of $_RANDOM (for tests)"),
    Keyword(
        "reload_check_config",
        rest=WORD,
        default="off (/dev/null when bare)",
        meaning="test the new configuration before a reload and keep the old when bad",
    ),
    Keyword("reload_time_file", Kind("PATH"), default="none", meaning="file with a time; reload happens then"),
    Keyword("reload_repeat", default="off", meaning="repeat timed reload every day"),
    Keyword(
        "reload_file",
        rest=WORD,
        default="pid dir",
        meaning="file created (or truncated) while configuration files are read and removed after",
    ),
    Keyword(
        "include_check",
        reader=arguments.include_checks,
        default="none; bare = all",
        meaning="what is an error for include",
    ),
    Keyword(
        "config_save_dir", Kind("DIRECTORY"), default="none", meaning="keep copies of configuration before/after reload"
    ),
    Keyword(
        "tmp_config_directory",
        Kind("DIRECTORY"),
        once=True,
        default="memfd",
        meaning="where the consolidated configuration copy is kept",
    ),
    Keyword("data_use_instance", BOOL, optional=1, default="off", meaning="put instance name into dump file names"),
    Keyword("json_version", Integer(1, 2), default="1", later=True, meaning="format of the JSON dump"),
    Keyword(
        "iproute_usr_dir",
        Kind("DIRECTORY"),
        default="/usr/share/iproute2, /etc/iproute2",
        later=True,
        meaning="where rt_tables etc. are read",
    ),
    Keyword(
        "iproute_etc_dir",
        Kind("DIRECTORY"),
        default="/usr/share/iproute2, /etc/iproute2",
        later=True,
        meaning="where rt_tables etc. are read",
    ),
    Keyword("state_dump_file", Kind("PATH"), default="/tmp/keepalived.data", later=True, meaning="SIGUSR1 output"),
    Keyword("stats_dump_file", Kind("PATH"), default="/tmp/keepalived.stats", later=True, meaning="SIGUSR2 output"),
    Keyword("json_dump_file", Kind("PATH"), default="/tmp/keepalived.json", later=True, meaning="JSON output"),
    Keyword(
        "lvs_id",
        NAME,
        value="router_id",
        legacy="is skipped by keepalived since 1.1.8; read as router_id",
        acted=True,
        meaning="name of this machine",
    ),
)
"""Keywords of `global_defs`."""
